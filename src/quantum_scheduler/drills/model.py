"""The nouns of a drill, and why one is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Place = Literal["vendor", "lanes", "logins", "connections", "disk"]
HOLD_FACTOR = 0.05


class DrillUnknown(LookupError):  # noqa: N818  an error is named for what happened
    """There is no such drill, or it has no such fault."""


class DrillRefused(Exception):  # noqa: N818
    """The instance may not be drilled, or not now."""


class Fault(Protocol):
    """Something that is broken for a while, and well again by itself."""

    async def inject(self, for_s: float) -> None:
        """Break it for so many seconds from now on; again, to renew that."""

    async def lift(self) -> None:
        """Mend it; safe to repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A drill there is: what of `place` is broken, how (the first of `faults` unless told), and the load meanwhile.

    `backend` is what its jobs ask for; `burst` jobs are submitted at once when the fault begins.
    """

    name: str
    place: Place
    target: str
    faults: tuple[str, ...]
    backend: str = "auto"
    burst: int = 0

    @property
    def runbook(self) -> str:
        """The runbook that it drills: that of its name."""
        return self.name

    def find_fault(self, asked: str | None) -> str:
        """Find the fault that is meant. Raises DrillUnknown."""
        if asked is not None and asked not in self.faults:
            raise DrillUnknown(f"{self.name} has no fault {asked}; it has {', '.join(self.faults)}")
        return asked or self.faults[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A drill as it was asked for."""

    scenario: Scenario
    fault: str
    hold_factor: float
    jobs_per_s: float
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """A drill whose driller has died."""

    id: int
    name: str
    started_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened in a drill, as its report tells it."""

    at: datetime
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of the jobs of a drill. `lost` are those acknowledged that have no verified answer.

    Of the logins that were right, some `entered` and the others were `turned_away`.
    """

    sent: int
    refused: int
    acknowledged: int
    answered: int
    lost: Sequence[str]
    entered: int = 0
    turned_away: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """When what happened, as far as it did, and how the run and its incident ended."""

    fault_at: datetime | None = None
    lifted_at: datetime | None = None
    detected_at: datetime | None = None
    declared_at: datetime | None = None
    acknowledged_at: datetime | None = None
    mitigated_at: datetime | None = None
    resolved_at: datetime | None = None
    incident: str | None = None
    run: int | None = None
    run_status: str | None = None
    branches: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    has_ramp: bool = False
    is_reviewed: bool = False
    story: tuple[Moment, ...] = ()
