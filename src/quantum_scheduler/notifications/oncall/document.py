"""Who is on call as JSON: what operators send and see."""

from collections.abc import Sequence
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from quantum_scheduler.notifications.model import ChannelName, Target
from quantum_scheduler.notifications.oncall.find import Duty
from quantum_scheduler.notifications.oncall.model import (
    ADDRESS_CHARS_MAX,
    LEVELS_MAX,
    PEOPLE_MAX,
    ROLES_MAX,
    SHARE_MAX,
    TARGETS_MAX,
    TURN_DAYS_MAX,
    Level,
    Override,
    Person,
    Rotation,
    RotationInvalid,
    Shift,
)
from quantum_scheduler.problems.document import Document

When = Annotated[AwareDatetime, Field(strict=False)]  # JSON has it as text
PersonName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$")]


class TargetDocument(Document):
    """A way to reach a person."""

    channel: ChannelName
    address: Annotated[str, Field(min_length=1, max_length=ADDRESS_CHARS_MAX)]


class PersonRequest(Document):
    """How a person is reached, in order."""

    targets: Annotated[list[TargetDocument], Field(max_length=TARGETS_MAX - 1)]

    def to_person(self, name: str) -> Person:
        """The person. Raises RotationInvalid."""
        return Person(
            name=name, targets=tuple(Target(channel=each.channel, address=each.address) for each in self.targets)
        )


class RotationRequest(Document):
    """People who take turns; the first one's first turn starts at `starts_at`, and its time is the hand-over time."""

    people: Annotated[list[PersonName], Field(min_length=1, max_length=PEOPLE_MAX)]
    starts_at: When
    turn_days: Annotated[int, Field(ge=1, le=TURN_DAYS_MAX)] = 7
    zone: Annotated[str, Field(min_length=1, max_length=100)] = "UTC"

    def to_rotation(self, name: str) -> Rotation:
        """The rotation. Raises RotationInvalid."""
        try:
            zone = ZoneInfo(self.zone)
        except (LookupError, ValueError, OSError):
            raise RotationInvalid(f"{self.zone!r} is no time zone, such as Europe/Berlin") from None
        return Rotation(
            name=name, people=tuple(self.people), starts_at=self.starts_at, turn_days=self.turn_days, zone=zone
        )


class OverrideRequest(Document):
    """Somebody else, or nobody where `person` is null, is on call for a while."""

    starts_at: When
    ends_at: When
    person: PersonName | None

    def to_override(self) -> Override:
        """The override. Raises RotationInvalid."""
        return Override(starts_at=self.starts_at, ends_at=self.ends_at, person=self.person)


class ContactsRequest(Document):
    """Who stands behind a role: rotations, or else people."""

    contact: PersonName
    backup: PersonName | None = None


class LevelDocument(Document):
    """Which roles are paged once this share of the time to respond has passed; `role/backup` means its backup."""

    after_share: Annotated[float, Field(ge=0, le=SHARE_MAX)]
    roles: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100)]], Field(min_length=1, max_length=ROLES_MAX)
    ]


class PolicyDocument(Document):
    """How an incident escalates, level by level."""

    levels: Annotated[list[LevelDocument], Field(min_length=1, max_length=LEVELS_MAX)]

    def to_levels(self) -> list[Level]:
        """The levels. Raises RotationInvalid."""
        return [
            Level(level=number, after_share=each.after_share, roles=tuple(each.roles))
            for number, each in enumerate(self.levels)
        ]

    @classmethod
    def of(cls, levels: Sequence[Level]) -> Self:
        """Show a policy."""
        return cls(levels=[LevelDocument(after_share=each.after_share, roles=list(each.roles)) for each in levels])


class PoliciesDocument(BaseModel):
    """The policies by name."""

    model_config = ConfigDict(title="Policies")

    items: dict[str, PolicyDocument]


class SwapRequest(Document):
    """Two moments, each in the shift of one of two people."""

    one: When
    other: When


class DutyDocument(BaseModel):
    """Who stands behind a role now; null where nobody does."""

    model_config = ConfigDict(title="Duty")

    role: str
    title: str
    expertise: str
    is_emergency: bool
    contact: str
    primary: str | None
    backup: str | None

    @classmethod
    def of(cls, duty: Duty) -> Self:
        """Show a duty."""
        role = duty.role
        return cls(
            role=role.name,
            title=role.title,
            expertise=role.expertise,
            is_emergency=role.is_emergency,
            contact=role.contact,
            primary=duty.primary,
            backup=duty.backup,
        )


class DutiesDocument(BaseModel):
    """Who stands behind every role."""

    model_config = ConfigDict(title="Duties")

    items: list[DutyDocument]


class ShiftDocument(BaseModel):
    """One person's time on call."""

    model_config = ConfigDict(title="Shift")

    person: str | None
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    is_override: bool

    @classmethod
    def of(cls, shift: Shift) -> Self:
        """Show a shift."""
        return cls(person=shift.person, starts_at=shift.starts_at, ends_at=shift.ends_at, is_override=shift.is_override)


class ShiftsDocument(BaseModel):
    """Shifts that follow each other."""

    model_config = ConfigDict(title="Shifts")

    items: list[ShiftDocument]


class GapDocument(BaseModel):
    """A time when nobody is on call."""

    model_config = ConfigDict(title="Gap")

    rotation: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class GapsDocument(BaseModel):
    """Times when nobody is on call."""

    model_config = ConfigDict(title="Gaps")

    items: list[GapDocument]
