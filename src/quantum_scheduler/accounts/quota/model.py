"""The nouns of quotas: what is counted, how much of it there is, how it stands, and why no more is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args
from uuid import UUID

Meter = Literal["solve_ms", "qpu_ms", "stored_bytes", "jobs_at_once"]
METERS: tuple[Meter, ...] = get_args(Meter)
# These begin anew with each month, in UTC; the others stand as they are, in a period of their own without an end.
MONTHLY: frozenset[Meter] = frozenset({"solve_ms", "qpu_ms"})
ENDLESS = date(1970, 1, 1)

AMOUNT_MAX = 2**62
NOTICES_LISTED_MAX = 1_000
# What a vendor's figure was so long ago says nothing of now.
UPSTREAM_FRESH_S = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How much of a meter there is; beyond a soft one work goes on, and only notices are given."""

    amount: int
    is_soft: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be counted."""
        if not 0 <= self.amount <= AMOUNT_MAX:
            raise ValueError(f"a quota is an amount from 0 to {AMOUNT_MAX:,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """The most that a job may use of a meter."""

    job_id: UUID
    meter: Meter
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a job that has ended used; what else it had reserved is free again.

    `is_free` says that nothing is to be paid, whatever was used of it before it ended.
    """

    job_id: UUID
    solve_ms: int = 0
    is_free: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a job's work that is over: what had been reserved for it of a meter, and what it used."""

    job_id: UUID
    meter: Meter
    reserved: int
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How a quota of an organisation stands in the present period; `reserved` is what unfinished jobs may still use."""

    org_id: UUID
    meter: Meter
    period: date
    amount: int
    is_soft: bool
    used: int
    reserved: int
    refusals: int

    @property
    def share(self) -> float:
        """The part of it that is spoken for, as the gate sees it."""
        taken = self.used + self.reserved
        return taken / self.amount if self.amount else float(taken > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """That so many percent of a quota were spoken for; there is one of each."""

    org_id: UUID
    meter: Meter
    period: date
    percent: int
    taken: int
    amount: int
    noticed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """That a quota will be used up before its period ends, if all goes on as it did."""

    usage: Usage
    exhausted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamQuota:
    """A quota of ours with a vendor, as its backend last reported it."""

    backend: str
    meter: str
    used: float
    amount: float
    resets_at: datetime | None = None
    reported_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaPulse:
    """All quotas at one moment: the highest share of a `customer`'s, and of ours `upstream`, that is spoken for.

    `refusals` counts jobs refused in the present periods, `refused` the quotas that jobs lacked in the last 5 minutes.
    """

    customer: float
    upstream: float
    refusals: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """A meter that has less left than was asked for."""

    meter: Meter
    asked: int
    amount: int


class QuotaExceeded(Exception):  # noqa: N818  an error is named for what happened
    """The plan has not enough left for this job; `org_id` is whose plan, `shortages` says of what."""

    def __init__(self, org_id: UUID, shortages: Sequence[Shortage], *, retry_after_s: float) -> None:
        what = ", ".join(f"{each.meter} (asked {each.asked:,}, quota {each.amount:,})" for each in shortages)
        super().__init__(f"the plan has not enough left of {what}")
        self.org_id = org_id
        self.shortages = shortages
        self.retry_after_s = retry_after_s


class MeterUncounted(LookupError):  # noqa: N818
    """The plan of the organisation, if there is such an organisation, does not count this meter."""

    def __init__(self, org_id: UUID, meter: Meter) -> None:
        super().__init__(f"no plan of organisation {org_id} counts {meter}")
