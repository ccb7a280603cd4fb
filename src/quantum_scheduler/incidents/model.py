"""The nouns of an incident, its states, and what is expected of people in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal, TypeAlias, get_args

from quantum_scheduler.monitoring.detect import Severity

State = Literal["open", "acknowledged", "mitigated", "resolved", "merged"]
Move = Literal["acknowledge", "expire", "mitigate", "worsen", "resolve", "reopen", "merge"]
# What a declaration came to: an incident, one that was resolved lately, one that is worse now, or nothing new.
Declared = Literal["new", "reopened", "worsened", "same"]
Role = Literal["commander", "communications", "scribe"]
ROLES: tuple[Role, ...] = get_args(Role)
UNRESOLVED: tuple[State, ...] = ("open", "acknowledged", "mitigated")

# The one state machine: where each move leads from each state; what is not here is refused.
MOVES: Mapping[tuple[State, Move], State] = {
    ("open", "acknowledge"): "acknowledged",
    ("open", "mitigate"): "mitigated",
    ("open", "resolve"): "resolved",
    ("open", "merge"): "merged",
    ("acknowledged", "acknowledge"): "acknowledged",
    ("acknowledged", "expire"): "open",
    ("acknowledged", "mitigate"): "mitigated",
    ("acknowledged", "resolve"): "resolved",
    ("acknowledged", "merge"): "merged",
    ("mitigated", "acknowledge"): "mitigated",
    ("mitigated", "mitigate"): "mitigated",
    ("mitigated", "worsen"): "open",
    ("mitigated", "resolve"): "resolved",
    ("mitigated", "merge"): "merged",
    ("resolved", "reopen"): "open",
}

# Within so long of its declaration somebody must have answered an incident.
RESPONSE_WITHIN: Mapping[Severity, timedelta] = {
    "P0": timedelta(minutes=15),
    "P1": timedelta(hours=1),
    "P2": timedelta(hours=4),
    "P3": timedelta(hours=24),
}
# An acknowledgement is a promise to be at it; it must be renewed.
ACKNOWLEDGED_FOR = timedelta(minutes=30)
# What comes back so soon after it was resolved is the same incident.
REOPEN_WITHIN = timedelta(minutes=30)

TITLE_CHARS_MAX = 200
TEXT_CHARS_MAX = 10_000
REVIEW_CHARS_MAX = 200_000
LISTED_MAX = 100

DURING, RESOLUTION, POST_INCIDENT = "During incident", "Resolution", "Post-incident"
CHECKLIST: tuple[tuple[str, str], ...] = (
    (DURING, "Declare incident with appropriate severity"),
    (DURING, "Notify relevant team members"),
    (DURING, "Implement immediate mitigation"),
    (DURING, "Begin investigation"),
    (DURING, "Update status page"),
    (DURING, "Communicate with customers"),
    (RESOLUTION, "Implement fix"),
    (RESOLUTION, "Verify resolution"),
    (RESOLUTION, "Monitor metrics"),
    (RESOLUTION, "Update documentation"),
    (RESOLUTION, "Communicate resolution"),
    (POST_INCIDENT, "Conduct post-mortem"),
    (POST_INCIDENT, "Update runbooks"),
    (POST_INCIDENT, "Implement preventive measures"),
    (POST_INCIDENT, "Review monitoring and alerting"),
    (POST_INCIDENT, "Update incident response procedures"),
)
# What is due after an incident was resolved, by whom, and within how long.
TASKS: tuple[tuple[str, Role, timedelta], ...] = (
    ("Verify full service restoration", "commander", timedelta(hours=1)),
    ("Update status page with resolution", "communications", timedelta(hours=1)),
    ("Send initial incident summary to stakeholders", "communications", timedelta(hours=1)),
    ("Close incident in monitoring system", "commander", timedelta(hours=1)),
    ("Conduct post-incident review meeting", "commander", timedelta(hours=24)),
    ("Document timeline and root cause", "scribe", timedelta(hours=24)),
    ("Identify action items for prevention", "commander", timedelta(hours=24)),
    ("Update monitoring/alerting if needed", "commander", timedelta(hours=24)),
    ("Implement preventive measures", "commander", timedelta(days=7)),
    ("Update runbooks based on learnings", "scribe", timedelta(days=7)),
    ("Conduct tabletop exercises if needed", "commander", timedelta(days=7)),
    ("Share learnings with broader team", "communications", timedelta(days=7)),
)

Detail: TypeAlias = Mapping[str, Any]


class IncidentUnknown(LookupError):  # noqa: N818
    """There is no such incident."""


class MoveRefused(ValueError):  # noqa: N818
    """An incident cannot go there from the state it is in."""


class IncidentTextInvalid(ValueError):  # noqa: N818
    """A title or a text is empty or too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIncident:
    """An incident to declare; `runbook` and `key` make two declarations one, and `began_at` is the first bad sample.

    `policy` is how it escalates; the default one where there is no such policy. `service`, such as quantum/dynex, is
    what customers see it in on the status page; without one a key that names a component is.
    """

    title: str
    severity: Severity
    impact: str = ""
    runbook: str | None = None
    key: str = ""
    began_at: datetime | None = None
    policy: str | None = None
    service: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident as it stands."""

    id: int
    day: date
    number: int
    title: str
    impact: str
    severity: Severity
    state: State
    runbook: str | None
    key: str
    commander: str | None
    communications: str | None
    scribe: str | None
    began_at: datetime
    declared_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledged_until: datetime | None
    mitigated_at: datetime | None
    resolved_at: datetime | None
    resolution: str
    merged_into: int | None
    policy: str | None
    service: str | None = None

    @property
    def name(self) -> str:
        """Its name, as people say it: incident-2026-11-22-001."""
        return f"incident-{self.day:%Y-%m-%d}-{self.number:03d}"

    @property
    def channel(self) -> str:
        """The channel in which it is talked about."""
        return f"#{self.name}"

    @property
    def respond_by(self) -> datetime:
        """When somebody must have answered it."""
        return self.declared_at + RESPONSE_WITHIN[self.severity]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A row of the timeline."""

    seq: int
    at: datetime
    kind: str
    actor: str
    detail: Detail = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item of the checklist, or a task with a due date."""

    position: int
    section: str
    title: str
    due_at: datetime | None
    owner: str | None
    done_at: datetime | None
    done_by: str | None


def next_state(state: State, move: Move) -> State:
    """Follow a move. Raises MoveRefused."""
    following = MOVES.get((state, move))
    if following is None:
        raise MoveRefused(f"an incident that is {state} cannot be moved by `{move}`")
    return following
