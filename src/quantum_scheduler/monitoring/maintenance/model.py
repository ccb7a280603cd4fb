"""The nouns of maintenance."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Phase = Literal["scheduled", "in_progress", "completed", "cancelled"]

TITLE_CHARS_MAX = 200
BODY_CHARS_MAX = 5_000
COMPONENTS_MAX = 100
LASTS_MAX = timedelta(days=30)
PLANNED_MAX = 1_000
LISTED_MAX = 100


class MaintenanceInvalid(ValueError):  # noqa: N818  an error is named for what happened
    """A maintenance says what cannot be."""


class MaintenanceUnknown(LookupError):  # noqa: N818
    """There is no such maintenance, or it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be worked on, when: the components as the status page names them."""

    title: str
    components: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    body: str = ""

    def __post_init__(self) -> None:
        """Refuse what has no meaning. Raises MaintenanceInvalid."""
        if not self.title.strip() or len(self.title) > TITLE_CHARS_MAX:
            raise MaintenanceInvalid(f"the title has 1 to {TITLE_CHARS_MAX} characters")
        if len(self.body) > BODY_CHARS_MAX:
            raise MaintenanceInvalid(f"the text may have {BODY_CHARS_MAX:,} characters")
        if not 1 <= len(self.components) <= COMPONENTS_MAX:
            raise MaintenanceInvalid(f"1 to {COMPONENTS_MAX} components are maintained")
        if self.starts_at.tzinfo is None or self.ends_at.tzinfo is None:
            raise MaintenanceInvalid("the times must say their zone")
        if not timedelta() < self.ends_at - self.starts_at <= LASTS_MAX:
            raise MaintenanceInvalid(f"a maintenance ends after it starts, and within {LASTS_MAX.days} days")


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """A maintenance as it was planned; `ended_at` is when somebody ended or cancelled it."""

    id: int
    title: str
    body: str
    components: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    made_by: str
    made_at: datetime
    ended_at: datetime | None

    def phase(self, now: datetime) -> Phase:
        """Say how far it is at a moment."""
        if self.ended_at is not None:
            return "cancelled" if self.ended_at < self.starts_at else "completed"
        if now < self.starts_at:
            return "scheduled"
        return "in_progress" if now < self.ends_at else "completed"
