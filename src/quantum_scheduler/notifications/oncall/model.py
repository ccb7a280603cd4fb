"""The nouns of being on call."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

PEOPLE_MAX = 100
TURN_DAYS_MAX = 28


class RotationInvalid(ValueError):  # noqa: N818
    """A rotation, an override or a swap says what cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """People who take turns of `turn_days`, handing over at the same time of day in `zone`, summer and winter.

    The first person's first turn starts at `starts_at`, whose time of day is the hand-over time.
    """

    name: str
    people: tuple[str, ...]
    starts_at: datetime
    turn_days: int
    zone: ZoneInfo

    def __post_init__(self) -> None:
        """Refuse what has no meaning. Raises RotationInvalid."""
        if not 1 <= len(self.people) <= PEOPLE_MAX:
            raise RotationInvalid(f"{self.name}: a rotation has 1 to {PEOPLE_MAX} people")
        if not 1 <= self.turn_days <= TURN_DAYS_MAX:
            raise RotationInvalid(f"{self.name}: a turn takes 1 to {TURN_DAYS_MAX} days")
        if self.starts_at.tzinfo is None:
            raise RotationInvalid(f"{self.name}: the start must say its time zone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Somebody else, or nobody where `person` is None, stands in for whoever would be on call then."""

    starts_at: datetime
    ends_at: datetime
    person: str | None

    def __post_init__(self) -> None:
        """Refuse what has no meaning. Raises RotationInvalid."""
        if self.starts_at.tzinfo is None or self.ends_at.tzinfo is None:
            raise RotationInvalid("an override must say its time zone")
        if not timedelta() < self.ends_at - self.starts_at <= timedelta(days=366):
            raise RotationInvalid("an override must end after it starts, and within a year")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One person's time on call; `person` is None for a gap."""

    person: str | None
    starts_at: datetime
    ends_at: datetime
    is_override: bool = False
