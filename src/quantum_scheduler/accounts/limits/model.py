"""The nouns of rate limits: what a plan allows, how things stand, and why a request was refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Layer = Literal["network", "key", "organisation", "at-once"]
# The layers that a multiplier can be set for; plans are the other classes.
RATED_LAYERS: tuple[Layer, ...] = ("network", "key", "organisation")

MICROSECONDS = 1_000_000
WINDOW_S_MAX = 86_400
REQUESTS_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A bucket of `requests`, which an empty one is again after `window_s`; it refills steadily, not at once."""

    requests: int
    window_s: int

    def __post_init__(self) -> None:
        """Refuse what no bucket can be."""
        if not (1 <= self.requests <= REQUESTS_MAX and 1 <= self.window_s <= WINDOW_S_MAX):
            raise ValueError(f"a rate is 1 to {REQUESTS_MAX:,} requests in 1 to {WINDOW_S_MAX:,} s")

    @property
    def interval_us(self) -> int:
        """Microseconds in which one more request comes in."""
        return max(1, self.window_s * MICROSECONDS // self.requests)

    def divide(self, shares: int) -> "Rate":
        """The part of it that one of `shares` processes may give out by itself."""
        return Rate(requests=max(1, self.requests // shares), window_s=self.window_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one bucket stands after a request: what is left, when it is full again, and when the refused may try again.

    `retry_after_s` is None where the request was let through.
    """

    layer: Layer
    rate: Rate
    remaining: int
    full_after_s: float
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiplier:
    """What the rates of a class are multiplied by until `ends_at`; from then it goes back to 1 over `ramp_s`."""

    class_name: str
    multiplier: float
    ends_at: datetime
    ramp_s: float
    reason: str
    incident_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """What the environment says about limits. In shadow nobody is refused, only counted.

    `replicas` are the processes of the API that share the limits when the database is away. Above `shed_depth` waiting
    jobs those of low priority are refused more and more, above twice as many those of normal priority.
    """

    network: Rate = Rate(requests=120_000, window_s=60)
    is_shadow: bool = False
    replicas: int = 1
    shed_depth: int = 50_000


# What is allowed where nothing says otherwise.
GENEROUS = LimitSettings()


class LimitRefused(Exception):  # noqa: N818  an error is named for what happened
    """A request was one too many; `standings` are those of the layers that were asked, the one that refused last."""

    def __init__(self, message: str, *, retry_after_s: float, standings: Sequence[Standing] = ()) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.standings = standings


class RateLimited(LimitRefused):
    """More requests came than the rate of the network, the key or the organisation allows."""

    def __init__(self, *standings: Standing) -> None:
        refused = standings[-1]
        if refused.layer == "at-once":
            what = f"the organisation has {refused.rate.requests:,} requests being answered, and no more may be at once"
        else:
            rate = f"{refused.rate.requests:,} requests in {refused.rate.window_s:,} s"
            what = f"this {refused.layer} has used up its {rate}"
        super().__init__(what, retry_after_s=refused.retry_after_s or 0.0, standings=standings)


class AbnormalUsageDetected(LimitRefused):
    """Somebody goes on asking however often they are refused."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("too many requests were sent after they had been refused", retry_after_s=retry_after_s)


class TemporaryReducedCapacity(LimitRefused):
    """The service has more to do than it can, and takes only what matters more."""

    def __init__(self, priority: str, retry_after_s: float) -> None:
        super().__init__(
            f"too many jobs wait at the moment for one more of {priority} priority", retry_after_s=retry_after_s
        )


class PlanUnknown(LookupError):  # noqa: N818
    """There is no plan of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no plan {name!r}")


class ClassUnknown(LookupError):  # noqa: N818
    """No rates belong to that class."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no rates are of class {name!r}: it is a plan, or one of {', '.join(RATED_LAYERS)}")
