"""Incidents as JSON: what operators send and see."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from quantum_scheduler.incidents.model import (
    REVIEW_CHARS_MAX,
    TEXT_CHARS_MAX,
    TITLE_CHARS_MAX,
    Event,
    Incident,
    Item,
    NewIncident,
    Role,
    State,
)
from quantum_scheduler.monitoring.detect import Severity
from quantum_scheduler.problems.document import Document

Text = Annotated[str, Field(max_length=TEXT_CHARS_MAX, pattern=r"^[^\x00]*$")]
Line = Annotated[str, Field(min_length=1, max_length=TITLE_CHARS_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")]


class IncidentRequest(Document):
    """An incident to declare; of the same runbook and key only one is open at a time."""

    title: Line
    severity: Severity
    impact: Text = ""
    runbook: Line | None = None
    key: Annotated[str, Field(max_length=TITLE_CHARS_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    policy: Line | None = Field(default=None, description="How it escalates.")
    service: Line | None = Field(default=None, description="What it is about: quantum/dynex, or a component.")

    def to_new_incident(self) -> NewIncident:
        """The incident to declare."""
        return NewIncident(**self.model_dump())


class ResolveRequest(Document):
    """What it was."""

    resolution: Text = ""


class SeverityRequest(Document):
    """How severe an incident is now."""

    severity: Severity
    why: Text = ""


class MergeRequest(Document):
    """The incident that another becomes a part of, by id or name."""

    into: Line


class RoleRequest(Document):
    """Who takes a role."""

    role: Role
    person: Line


class NoteRequest(Document):
    """What a person has to say."""

    text: Annotated[Text, Field(min_length=1)]


class ItemRequest(Document):
    """Whether an item of the checklist is done."""

    done: bool


class ReviewDocument(Document):
    """The post-mortem, as Markdown."""

    model_config = ConfigDict(title="Review")

    markdown: Annotated[str, Field(min_length=1, max_length=REVIEW_CHARS_MAX, pattern=r"^[^\x00]*$")]


REQUEST_BODIES: tuple[type[BaseModel], ...] = (
    IncidentRequest,
    ResolveRequest,
    SeverityRequest,
    MergeRequest,
    RoleRequest,
    NoteRequest,
    ItemRequest,
    ReviewDocument,
)


class EventDocument(BaseModel):
    """A row of the timeline."""

    model_config = ConfigDict(title="IncidentEvent")

    seq: int
    at: AwareDatetime
    kind: str
    actor: str
    detail: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> Self:
        """Show a row."""
        return cls(seq=event.seq, at=event.at, kind=event.kind, actor=event.actor, detail=dict(event.detail))


class ItemDocument(BaseModel):
    """An item of the checklist, or a task with a due date."""

    model_config = ConfigDict(title="IncidentItem")

    position: int
    section: str
    title: str
    due_at: AwareDatetime | None
    owner: str | None
    done_at: AwareDatetime | None
    done_by: str | None

    @classmethod
    def of(cls, item: Item) -> Self:
        """Show an item."""
        return cls(
            position=item.position,
            section=item.section,
            title=item.title,
            due_at=item.due_at,
            owner=item.owner,
            done_at=item.done_at,
            done_by=item.done_by,
        )


class PageDocument(BaseModel):
    """Who is paged when, unless somebody answers; `fired_at` is when it happened."""

    model_config = ConfigDict(title="IncidentPage")

    round: int
    level: int
    attempt: int
    due_at: AwareDatetime
    fired_at: AwareDatetime | None
    people: list[str]


class IncidentDocument(BaseModel):
    """An incident as it stands."""

    model_config = ConfigDict(title="Incident")

    id: int
    name: str
    channel: str
    title: str
    impact: str
    severity: Severity
    state: State
    runbook: str | None
    key: str
    policy: str | None
    service: str | None
    commander: str | None
    communications: str | None
    scribe: str | None
    began_at: AwareDatetime
    declared_at: AwareDatetime
    respond_by: AwareDatetime
    acknowledged_at: AwareDatetime | None
    acknowledged_by: str | None
    acknowledged_until: AwareDatetime | None
    mitigated_at: AwareDatetime | None
    resolved_at: AwareDatetime | None
    resolution: str
    merged_into: int | None

    @classmethod
    def of(cls, incident: Incident) -> "IncidentDocument":
        """Show an incident."""
        return IncidentDocument(**{name: getattr(incident, name) for name in IncidentDocument.model_fields})


class IncidentsDocument(BaseModel):
    """Incidents, newest first."""

    model_config = ConfigDict(title="Incidents")

    items: list[IncidentDocument]


class WholeIncidentDocument(IncidentDocument):
    """An incident with its timeline, its checklist and whom it pages."""

    model_config = ConfigDict(title="WholeIncident")

    timeline: list[EventDocument]
    items: list[ItemDocument]
    pages: list[PageDocument]

    @classmethod
    def whole(
        cls, incident: Incident, timeline: Sequence[Event], items: Sequence[Item], pages: Sequence[dict[str, Any]]
    ) -> Self:
        """Show all of an incident."""
        return cls(
            **IncidentDocument.of(incident).model_dump(),
            timeline=[EventDocument.of(each) for each in timeline],
            items=[ItemDocument.of(each) for each in items],
            pages=[PageDocument(**each) for each in pages],
        )
