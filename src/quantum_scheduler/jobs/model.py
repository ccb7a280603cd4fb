"""The nouns of a job: what a customer asks for, what becomes of it, and what can be wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Priority = Literal["low", "normal", "high", "critical"]

# A priority's place here is its rank in the database.
PRIORITIES: tuple[Priority, ...] = ("low", "normal", "high", "critical")
FINAL_STATES: frozenset[JobState] = frozenset({"succeeded", "failed", "cancelled"})

# What is notified after a commit: the lane that has work, the job that changed.
TASK_READY = "task_ready"
JOB_CHANGED = "job_changed"

JOBS_PER_PAGE_MAX = 100
EVENTS_PER_READ_MAX = 1_000
SUBMIT_BATCH_MAX = 1_000
# Of a long job's progress only the latest stays.
EVENTS_PER_JOB_MAX = 1_000
# An attempt is one failure of the job's own; a takeover is the death of the worker that had it.
FAILURES_MAX = 3
TAKEOVERS_MAX = 10

# Where tasks wait that are not solves; and who they belong to where no customer has them.
CONTROL_LANE = "control"
SOLVE_KIND = "solve"
HOUSE_ID = UUID(int=1)


def solve_lane(backend: str) -> str:
    """Name the lane in which jobs for `backend` wait; `auto` waits with `classical`."""
    return f"solve.{'classical' if backend == 'auto' else backend}"


def submission_key(task_id: int, submitting_at: datetime) -> str:
    """Name the submission that a task began then, the same in every process that asks."""
    return f"qs-{task_id}-{int(submitting_at.timestamp() * 1_000_000):x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What a customer submits. `problem_document` is our JSON; `deadline_s` counts from now.

    `idempotency_key` and `request_digest` come together: the key names the request, the digest is what it said.
    `max_cost_usd` is what an attempt at a quantum backend may cost.
    """

    problem_document: bytes
    fingerprint: str
    summary: Mapping[str, Any]
    name: str = ""
    backend: str = "auto"
    method: str = "auto"
    time_limit_s: float = 10.0
    seed: int = 0
    priority: Priority = "normal"
    deadline_s: float | None = None
    idempotency_key: str | None = None
    request_digest: str | None = None
    use_cache: bool = True
    max_cost_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as its customer sees it.

    `attempts` counts the starts that used up a try; `progress` holds elapsed_s, objective and bound; `error` holds
    kind and message of the last attempt that failed; `cached` says that its result was stored before it was asked for.
    """

    id: UUID
    org_id: UUID
    name: str
    state: JobState
    priority: Priority
    backend: str
    method: str
    lane: str
    summary: Mapping[str, Any]
    fingerprint: str
    time_limit_s: float
    seed: int
    use_cache: bool
    cached: bool
    created_at: datetime
    deadline_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    attempts: int
    progress: Mapping[str, Any] | None
    error: Mapping[str, Any] | None

    @property
    def is_final(self) -> bool:
        """Whether nothing can become of it any more."""
        return self.state in FINAL_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """Jobs, newest first; `before` asks for the next page and is None on the last."""

    jobs: tuple[Job, ...]
    before: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """Something that was told about a job: `seq` counts from 1 in each job.

    `data` of a `state` is {"state", "error"}, with the error that led there or None; of a `progress` it is the
    job's progress.
    """

    seq: int
    at: datetime
    kind: Literal["state", "progress"]
    data: Mapping[str, Any]


class Fence(NamedTuple):
    """What the finish of a task must name as it stands: each claim changes it. `owner` is None while it waits."""

    task_id: int
    attempt: int
    owner: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """Work without a job, for the handler of its `kind`; `payload` is what it is about.

    It is done at once, or not before `run_at`. While a task with the same `dedupe_key` waits or runs, there is no
    second. `deadline_s` counts from now.
    """

    kind: str
    payload: Mapping[str, Any] | None = None
    lane: str = CONTROL_LANE
    priority: Priority = "normal"
    org_id: UUID = HOUSE_ID
    run_at: datetime | None = None
    dedupe_key: str | None = None
    deadline_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A task that a worker holds.

    `failures` counts earlier attempts that failed; `deadline_left_s` is what was left at the claim. `handle` finds
    what was submitted to a provider; `submitting_at`, without a handle, says when a submission began of which it is
    not known whether it arrived. `is_cancelled` asks to undo what there is of both.
    """

    task_id: int
    attempt: int
    owner: UUID
    job_id: UUID | None
    org_id: UUID
    lane: str
    kind: str
    failures: int
    deadline_left_s: float | None
    payload: Mapping[str, Any] | None
    handle: Mapping[str, Any] | None
    submitting_at: datetime | None
    is_cancelled: bool

    @property
    def fence(self) -> Fence:
        """What its finish must pass."""
        return Fence(self.task_id, self.attempt, self.owner)

    @property
    def is_remote(self) -> bool:
        """Whether a provider has something of it, or may have."""
        return self.handle is not None or self.submitting_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveClaim(Claim):
    """A claim on the task of a job, and what the job asks for; its packed `problem` only where that is small."""

    job_id: UUID
    fingerprint: str
    backend: str
    method: str
    time_limit_s: float
    seed: int
    use_cache: bool
    problem: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The task is done and has no job that waits for a result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """The solve gave a result, whatever it says; `cached` where it was recalled.

    `document` is the result as JSON, where it need not be written any more.
    """

    result: Mapping[str, Any]
    cached: bool = False
    document: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The job ends without a result."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The attempt failed and the next may not: try again after `delay_s`.

    With `starts_over` what a provider has of it is forgotten, so that the next attempt submits anew.
    """

    kind: str
    message: str
    delay_s: float
    starts_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleep:
    """A provider has the work: its `handle` is kept, and no slot, until somebody asks again at `until`."""

    until: datetime
    handle: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Only a person can say how it goes on; nothing happens to it before."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The work was stopped because its customer cancelled it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedBack:
    """The worker cannot do the work to its end; another takes it up after `delay_s` and no try is used up."""

    delay_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """The worker died before the work was done; another takes it up at once."""


Outcome = Succeeded | Done | Failed | Retry | Sleep | Review | Cancelled | HandedBack | TakenOver


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A task whose fence held: the state its job, if it has one, is in now, and the lane that has work again by it.

    `ran_s` is how long the last try of one that ended took.
    """

    fence: Fence
    job_id: UUID | None
    state: JobState
    ready_lane: str | None = None
    ran_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TickReport:
    """What one tick changed: workers found dead, jobs that changed, lanes that have work again.

    `ran` is False where another tick was under way.
    """

    ran: bool = True
    dead_workers: tuple[UUID, ...] = ()
    changed_jobs: tuple[UUID, ...] = ()
    ready_lanes: tuple[str, ...] = ()


class JobUnknown(LookupError):  # noqa: N818  an error is named for what happened
    """The organisation has no such job."""

    def __init__(self, job_id: UUID) -> None:
        super().__init__(f"there is no job {job_id}")


class JobFinished(Exception):  # noqa: N818
    """The job has ended, so this can no longer be done to it; `job` is what became of it."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"job {job.id} has {job.state}" if job.state != "cancelled" else f"job {job.id} was cancelled")
        self.job = job


class ResultMissing(Exception):  # noqa: N818
    """The job has no result, or not yet; `job` says which."""

    def __init__(self, job: Job) -> None:
        reason = f": {job.error['message']}" if job.error else ""
        super().__init__(f"job {job.id} is {job.state} and has no result{reason}")
        self.job = job


class IdempotencyConflict(Exception):  # noqa: N818
    """The idempotency key already names another request; `job_id` is the job it made."""

    def __init__(self, key: str, job_id: UUID) -> None:
        super().__init__(f"the idempotency key {key!r} was used for another request, which made job {job_id}")
        self.job_id = job_id
