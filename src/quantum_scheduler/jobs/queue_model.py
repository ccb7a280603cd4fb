"""The nouns of the queue as its operators see it: what they select, set and measure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from quantum_scheduler.jobs.model import Fence, Priority, submission_key

# What is done by a selection is done to so many at once.
CHANGED_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Tasks to do something to: those that meet every criterion that is given; at least one must be.

    `state` and `name` are those of their jobs, and a sleeping job is a running one.
    """

    task_ids: tuple[int, ...] | None = None
    job_ids: tuple[UUID, ...] | None = None
    org_id: UUID | None = None
    lane: str | None = None
    priority: Priority | None = None
    name: str | None = None
    state: Literal["queued", "running"] | None = None

    def __post_init__(self) -> None:
        """Refuse to select everything."""
        if all(getattr(self, name) is None for name in self.__dataclass_fields__):
            raise ValueError("nothing says which jobs are meant: give at least one criterion")


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedTask:
    """A task that was selected, and is locked."""

    fence: Fence
    job_id: UUID | None
    is_remote: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What something was done to, and the lanes that have work by it. Notify all of it once committed."""

    task_ids: tuple[int, ...] = ()
    job_ids: tuple[UUID, ...] = ()
    ready_lanes: tuple[str, ...] = ()


def name_changed(selected: Sequence[SelectedTask], *, ready_lanes: Iterable[str] = ()) -> Changed:
    """Name what something was done to."""
    return Changed(
        task_ids=tuple(each.fence.task_id for each in selected),
        job_ids=tuple(each.job_id for each in selected if each.job_id is not None),
        ready_lanes=tuple(sorted(ready_lanes)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CronEntry:
    """A task of `kind` that is enqueued whenever `schedule`, a cron expression in UTC, says so; next at `next_at`."""

    name: str
    schedule: str
    kind: str
    lane: str
    priority: Priority
    payload: Mapping[str, Any] | None
    next_at: datetime
    fired_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningLimits:
    """How many tasks may run at once, by lane and by organisation; who is not named has no limit."""

    lanes: Mapping[str, int]
    organisations: Mapping[UUID, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanePause:
    """A lane that is closed, why, and until when; None is until somebody opens it."""

    lane: str
    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStats:
    """One lane at one priority: what waits, runs, sleeps until a provider has answered, and succeeded lately.

    `average_s` is the mean time from start to finish of the `finished` jobs, None where there are none; `failed` ended
    without an answer. `stuck` are among the running; `takeovers` counts from the beginning.
    """

    lane: str
    priority: Priority
    depth: int
    running: int
    sleeping: int
    oldest_s: float
    finished: int
    average_s: float | None
    takeovers: int
    failed: int = 0
    stuck: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStats:
    """A worker that is alive: how many jobs it can have at work, when it last beat, and what it holds in memory.

    `memory_mb` counts its solver processes too, and is None until the worker has said it.
    """

    id: UUID
    host: str
    pid: int
    slots: int
    silence_s: float
    memory_mb: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckTask:
    """A task that runs and should not any more: past its `deadline`, past its `time_limit`, or `silent` for long.

    `host` and `pid` are those of its worker, None where that is gone.
    """

    task_id: int
    job_id: UUID | None
    lane: str
    priority: Priority
    host: str | None
    pid: int | None
    running_s: float
    reason: Literal["deadline", "time_limit", "silent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedTask:
    """A task that waits for a person, since when and why; what may have been submitted bears `key`."""

    task_id: int
    job_id: UUID | None
    org_id: UUID
    lane: str
    kind: str
    reason: str
    submitting_at: datetime | None

    @property
    def key(self) -> str | None:
        """The key of its submission."""
        return None if self.submitting_at is None else submission_key(self.task_id, self.submitting_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobImpact:
    """What became of the jobs that were there in some time: `late` missed their deadline in it.

    Of the customers who had jobs then, those are affected of whom one failed, fell back or was late.
    """

    jobs: int
    failed: int
    fell_back: int
    late: int
    customers: int
    customers_affected: int
