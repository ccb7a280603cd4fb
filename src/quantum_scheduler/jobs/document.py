"""Jobs as JSON: what a customer sends and what a customer sees."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from quantum_scheduler.jobs.model import Job, JobState, Priority
from quantum_scheduler.problems.document import Document
from quantum_scheduler.problems.model import Number
from quantum_scheduler.problems.problem import ProblemDocument
from quantum_scheduler.solving.model import METHOD_LENGTH_MAX, SEED_MAX, TIME_LIMIT_MAX_S, TIME_LIMIT_MIN_S, Result
from quantum_scheduler.solving.routing_model import Attempt, AttemptState

NAME_LENGTH_MAX = 200
DEADLINE_MAX_S = 30 * 86_400.0
COST_MAX_USD = 1_000_000.0


class JobOptions(Document):
    """How a problem is to be solved."""

    name: Annotated[str, Field(max_length=NAME_LENGTH_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        default="", description="A name for people; it need not be unique."
    )
    backend: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        default="auto",
        description=(
            "Where to solve it, one of `GET /v1/backends`; `auto` lets the service choose, and `quantum` asks for "
            "whichever quantum backend takes it."
        ),
    )
    method: Annotated[str, Field(min_length=1, max_length=METHOD_LENGTH_MAX)] = Field(
        default="auto", description="One of the backend's methods, to use it alone; `auto` lets the backend choose."
    )
    time_limit_s: Annotated[float, Field(ge=TIME_LIMIT_MIN_S, le=TIME_LIMIT_MAX_S)] = Field(
        default=10.0, description="How long the solver may search."
    )
    seed: Annotated[int, Field(ge=0, le=SEED_MAX)] = Field(
        default=0, description="The same seed and limits give the same answer, unless the clock cuts the search short."
    )
    priority: Priority = "normal"
    deadline_s: Annotated[float, Field(gt=0, le=DEADLINE_MAX_S)] | None = Field(
        default=None, description="Give up on the job so long after it was submitted."
    )
    use_cache: bool = Field(default=True, description="Whether a stored answer to the same problem will do.")
    max_cost_usd: Annotated[float, Field(ge=0, le=COST_MAX_USD)] | None = Field(
        default=None, description="What an attempt at a quantum backend may cost; one without a price is then too dear."
    )


class JobRequest(JobOptions):
    """A problem, and how it is to be solved."""

    problem: ProblemDocument


class PriorityRequest(Document):
    """What a job's priority shall be."""

    priority: Priority


class JobProgress(BaseModel):
    """How far a running job has come: its best objective and bound so far, in the problem's own units."""

    elapsed_s: float
    objective: Number | None = None
    bound: Number | None = None


class JobError(BaseModel):
    """Why a job failed, or why its last attempt did."""

    kind: str
    message: str


class AttemptReason(BaseModel):
    """Why a backend was chosen, or was not."""

    backend: str
    rule: str = Field(description="`chosen`, or the rule that refused it, such as `breaker`, `fit` or `budget`.")
    why: str


class JobAttempt(BaseModel):
    """An attempt at a quantum backend, or the reasons why there was none."""

    backend: str | None = Field(description="Null where none was chosen.")
    state: AttemptState
    reasons: list[AttemptReason]
    queue_position: int | None
    error: JobError | None
    objective: float | None
    classical_objective: float | None = Field(description="What the classical search beside it found.")
    winner: str | None
    cost_usd: float | None
    qpu_ms: int = Field(description="Of the plan: what it may take while it is open, what it took once it ended.")
    began_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """Show an attempt."""
        told = {name: getattr(attempt, name) for name in cls.model_fields if name != "reasons"}
        return cls.model_validate({**told, "reasons": attempt.decision["reasons"]})


class JobDocument(BaseModel):
    """A job as its customer sees it."""

    model_config = ConfigDict(title="Job")

    id: UUID
    name: str
    state: JobState
    priority: Priority
    backend: str = Field(description="The backend that was asked for.")
    method: str = Field(description="The method that was asked for.")
    problem: Mapping[str, Any] = Field(description="What kind of problem it is and how large.")
    fingerprint: str = Field(description="A hash of the problem: equal for the same problem in another order.")
    time_limit_s: float
    seed: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    deadline_at: datetime | None
    attempts: int = Field(description="How often it was started.")
    progress: JobProgress | None
    error: JobError | None
    cached: bool = Field(description="Whether the answer was stored before it was asked for.")
    result: Result | None = Field(
        default=None, description="The verified answer of a job that succeeded; not in lists."
    )
    quantum_attempts: list[JobAttempt] = Field(
        default=[], description="What was tried on quantum backends, and why; not in lists."
    )

    @classmethod
    def of(cls, job: Job, result: Mapping[str, Any] | None = None, tried: Sequence[Attempt] = ()) -> Self:
        """Show a job, with its result and what was tried on quantum backends where that is at hand."""
        return cls.model_validate(
            {
                "id": job.id,
                "name": job.name,
                "state": job.state,
                "priority": job.priority,
                "backend": job.backend,
                "method": job.method,
                "problem": job.summary,
                "fingerprint": job.fingerprint,
                "time_limit_s": job.time_limit_s,
                "seed": job.seed,
                "created_at": job.created_at,
                "started_at": job.started_at,
                "finished_at": job.finished_at,
                "deadline_at": job.deadline_at,
                "attempts": job.attempts,
                "progress": job.progress,
                "error": job.error,
                "cached": job.cached,
                "result": result,
                "quantum_attempts": [JobAttempt.of(attempt) for attempt in tried],
            }
        )


class JobPageDocument(BaseModel):
    """A page of jobs, newest first."""

    model_config = ConfigDict(title="JobPage")

    items: list[JobDocument]
    next_cursor: str | None = Field(description="Asks for the next page; null on the last.")


class BackendEstimate(BaseModel):
    """What solving the problem on one backend would take."""

    backend: str
    fits: bool = Field(description="Whether the backend can take the problem.")
    seconds: float
    qpu_seconds: float = Field(description="The part on a quantum computer, which counts against the plan's `qpu_ms`.")
    cost_usd: float | None = Field(description="Null where the vendor only quotes.")
    billable: dict[str, float]
    why: str = Field(description="Why it does not fit, or what the estimate rests on.")


class EstimatesDocument(BaseModel):
    """What solving a problem would take."""

    model_config = ConfigDict(title="Estimates")

    problem: Mapping[str, Any] = Field(description="What kind of problem it is and how large.")
    fingerprint: str
    estimates: list[BackendEstimate]
