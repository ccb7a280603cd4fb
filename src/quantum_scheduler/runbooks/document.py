"""Runbooks and runs as JSON: what operators send and see."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from quantum_scheduler.problems.document import Document
from quantum_scheduler.runbooks.look_up import WholeRun, name_waiting
from quantum_scheduler.runbooks.model import Runbook
from quantum_scheduler.runbooks.read import measure_coverage
from quantum_scheduler.runbooks.run_model import ANSWER_CHARS_MAX, Run, Status

Line = Annotated[str, Field(min_length=1, max_length=ANSWER_CHARS_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")]
Text = Annotated[str, Field(max_length=ANSWER_CHARS_MAX, pattern=r"^[^\x00]*$")]


class StartRequest(Document):
    """For which incident, by id or name; without one, the runbook declares its own."""

    incident: Line | None = None


class ApproveRequest(Document):
    """Approve what a step is about to do, or confirm or acknowledge it; with `reject` it is not done."""

    step: Line | None = Field(default=None, description="Its id or title; not needed where one step asks.")
    reject: bool = False
    role: Line | None = Field(default=None, description="In whose role, for those who are not asked themselves.")


class ChooseRequest(Document):
    """Choose among what is offered: a branch by its title, or retry, skip or abort."""

    choice: Line
    step: Line | None = None
    role: Line | None = None


class TickRequest(Document):
    """Tick a step that a person does, or skip it."""

    step: Line
    skip: bool = False


class AbortRequest(Document):
    """Why a run is to stop and take back what it did."""

    why: Text = ""


REQUEST_BODIES: tuple[type[BaseModel], ...] = (StartRequest, ApproveRequest, ChooseRequest, TickRequest, AbortRequest)


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class RunbookDocument(_Answer):
    """A runbook, and how much of it the engine does."""

    name: str
    title: str
    service: str | None
    owner: str | None
    review_by: date | None
    on_call: str | None
    lock: str | None
    sha256: str
    signals: list[str]
    branches: list[str]
    steps: int
    automated: int
    gated: int
    manual: int

    @classmethod
    def of(cls, runbook: Runbook) -> Self:
        """Describe a runbook."""
        coverage = measure_coverage([runbook])
        return cls(
            name=runbook.name,
            title=runbook.title,
            service=runbook.service,
            owner=runbook.owner,
            review_by=runbook.review_by,
            on_call=runbook.on_call,
            lock=runbook.lock,
            sha256=runbook.sha256,
            signals=[each.title for each in runbook.signals],
            branches=[each.title for each in runbook.branches()],
            steps=coverage.steps,
            automated=coverage.automated,
            gated=coverage.gated,
            manual=coverage.manual,
        )


class WholeRunbookDocument(RunbookDocument):
    """A runbook with its text."""

    text: str


class RunbooksDocument(_Answer):
    """The runbooks, by name."""

    items: list[RunbookDocument]


class RunDocument(_Answer):
    """A run. `waiting_for` are the titles of the steps at which people are awaited."""

    id: int
    runbook: str
    sha256: str
    incident_id: int | None
    lock: str | None
    status: Status
    started_by: str
    started_at: AwareDatetime
    finished_at: AwareDatetime | None
    waiting_for: list[str]

    @classmethod
    def of(cls, run: Run) -> Self:
        """Describe a run."""
        return cls(**_describe(run))


class RunsDocument(_Answer):
    """Runs, newest first."""

    items: list[RunDocument]


class GateDocument(_Answer):
    """A gate: what is asked of whom, what may be answered, and when others are called."""

    step: str
    title: str
    gate: str
    options: list[str]
    roles: list[str]
    why: str
    since: AwareDatetime
    until: AwareDatetime | None


class ListedDocument(_Answer):
    """A step, and what has become of it."""

    step: str
    title: str
    text: str
    phase: str
    branch: str | None
    kind: str
    state: str


class RunEventDocument(_Answer):
    """A row of a run's story."""

    seq: int
    at: AwareDatetime
    kind: str
    step: str
    by: str
    detail: Mapping[str, Any]


class WholeRunDocument(RunDocument):
    """A run with its steps, its open gates, the results it keeps and its story."""

    steps: list[ListedDocument]
    gates: list[GateDocument]
    results: Mapping[str, Any]
    story: list[RunEventDocument]

    @classmethod
    def whole(cls, whole: WholeRun) -> Self:
        """Describe all of a run."""
        gates = [
            GateDocument(
                step=each.step,
                title=each.title,
                gate=each.gate,
                options=list(each.options),
                roles=list(each.roles),
                why=each.why,
                since=datetime.fromtimestamp(each.since_s, UTC),
                until=None if each.until_s is None else datetime.fromtimestamp(each.until_s, UTC),
            )
            for each in whole.awaited
        ]
        return cls(
            **_describe(whole.run),
            steps=[ListedDocument.model_validate(each) for each in whole.steps],
            gates=gates,
            results=whole.run.state.results,
            story=[RunEventDocument.model_validate(each) for each in whole.story],
        )


def _describe(run: Run) -> dict[str, Any]:
    names = ("id", "runbook", "sha256", "incident_id", "lock", "status", "started_by", "started_at", "finished_at")
    return {**{name: getattr(run, name) for name in names}, "waiting_for": name_waiting(run)}
