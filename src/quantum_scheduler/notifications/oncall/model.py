"""The nouns of being on call."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from quantum_scheduler.notifications.model import Target

PEOPLE_MAX = 100
TURN_DAYS_MAX = 28
TARGETS_MAX = 10
ADDRESS_CHARS_MAX = 2_000
LEVELS_MAX = 20
ROLES_MAX = 20
SHARE_MAX = 10.0
DEFAULT_POLICY = "default"
BACKUP = "/backup"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}\Z")


class RotationInvalid(ValueError):  # noqa: N818
    """A rotation, an override or a swap says what cannot be."""


class OnCallUnknown(LookupError):  # noqa: N818
    """There is no such person, rotation, role or policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who can be paged, at the first target at once and at each further one a while later."""

    name: str
    targets: tuple[Target, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what has no meaning. Raises RotationInvalid."""
        check_name(self.name)
        if len(self.targets) > TARGETS_MAX:
            raise RotationInvalid(f"{self.name}: a person has at most {TARGETS_MAX} targets")
        if any(not 1 <= len(each.address) <= ADDRESS_CHARS_MAX for each in self.targets):
            raise RotationInvalid(f"{self.name}: an address has 1 to {ADDRESS_CHARS_MAX:,} characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A row of the escalation matrix, or an emergency contact; `contact` names a rotation, or else a person."""

    name: str
    title: str
    expertise: str
    contact: str
    backup: str | None
    is_emergency: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Who is paged once `after_share` of the time within which an incident must be answered has passed."""

    level: int
    after_share: float
    roles: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse what has no meaning. Raises RotationInvalid."""
        if not 1 <= len(self.roles) <= ROLES_MAX:
            raise RotationInvalid(f"level {self.level}: it pages 1 to {ROLES_MAX} roles")
        if not 0 <= self.after_share <= SHARE_MAX:
            raise RotationInvalid(f"level {self.level}: its share of the response time is 0 to {SHARE_MAX:g}")


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
        for each in (self.name, *self.people):
            check_name(each)
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


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a person or a rotation. Raises RotationInvalid."""
    if not _NAME.match(name):
        raise RotationInvalid(f"{name[:100]!r} is no name: letters, digits and . _ @ - make one, up to 100 of them")
