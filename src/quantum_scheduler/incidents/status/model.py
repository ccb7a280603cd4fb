"""The nouns of the status page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from quantum_scheduler.monitoring.detect import Severity

ComponentState = Literal["operational", "degraded", "partial_outage", "major_outage", "maintenance"]
UpdateStatus = Literal["investigating", "identified", "monitoring", "resolved"]
STATES: tuple[ComponentState, ...] = get_args(ComponentState)
# From the least to the worst that can be said of a day.
BADNESS: dict[ComponentState, int] = {
    "operational": 0, "maintenance": 1, "degraded": 2, "partial_outage": 3, "major_outage": 4,
}  # fmt: skip
BODY_CHARS_MAX = 5_000


class ComponentUnknown(LookupError):  # noqa: N818
    """The status page has no such component."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A part of the service as customers know it, and how it is since when."""

    name: str
    position: int
    title: str
    state: ComponentState
    changed_at: datetime | None
    incident_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person said of a component last, unless the incident it was said in is over."""

    component: str
    state: ComponentState
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Affecting:
    """An incident that customers feel, the service it is about, and when it began or was opened again."""

    incident_id: int
    severity: Severity
    service: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A component is so from a moment on."""

    component: str
    state: ComponentState
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What customers were told."""

    id: int
    incident_id: int
    status: UpdateStatus
    body: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """How a component was on one day, in UTC: the worst of it, and the seconds in which it was out."""

    day: str
    worst: ComponentState
    outage_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """How a component was, day by day, the oldest first."""

    component: str
    days: Sequence[Day]
