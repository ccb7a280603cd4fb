"""The nouns of an investigation of the queue: who works, who is affected, and how jobs fail."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from quantum_scheduler.jobs.queue_model import StuckTask

Scope = Literal["none", "some", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerState:
    """One worker: its slots, how many of them are taken, and for how long it has told nothing."""

    host: str
    pid: int
    lanes: tuple[str, ...]
    slots: int
    running: int
    silent_s: float
    lease_s: float
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerHealth:
    """All workers together. `silent` have told nothing for half their lease; `busy_share` is None without slots."""

    workers: int
    silent: int
    slots: int
    running: int
    busy_share: float | None
    longest_silence_s: float
    listed: tuple[WorkerState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueHealth:
    """The queue and those who work it off, at one moment. `drain_s` is how long what waits takes at the present rate.

    `drain_s` is None where nothing has been finished lately, `avg_processing_time_s` too. `closed_lane` is the closed
    lane in which most waits, empty where nothing waits in one.
    """

    depth: int
    oldest_wait_s: float
    running: int
    sleeping: int
    stuck: int
    paused_lanes: tuple[str, ...]
    closed_lane: str
    avg_processing_time_s: float | None
    throughput_per_s: float
    drain_s: float | None
    workers: int
    silent_workers: int
    slots: int
    busy_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckTasks:
    """What runs and should not any more, the longest first; `workers` are those that have some of it."""

    count: int
    longest_s: float
    workers: int
    listed: tuple[StuckTask, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectedOrganisation:
    """One organisation's jobs lately: how many there were, failed, and have waited for long."""

    org_id: UUID
    name: str
    jobs: int
    failed: int
    late: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """Whether what is wrong is everybody's: the organisations with jobs that failed or wait, of those with any jobs."""

    scope: Scope
    organisations: int
    affected: int
    share: float
    failed_jobs: int
    late_jobs: int
    worst: tuple[AffectedOrganisation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailure:
    """Jobs that failed in the same way, and the message of the latest."""

    kind: str
    backend: str
    jobs: int
    organisations: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailures:
    """How jobs failed lately: of `finished` jobs, `failed`, and `top_share` of these as `top_kind` for `top_backend`.

    `share` is None where nothing was finished; the tops are empty and 0 where nothing failed.
    """

    finished: int
    failed: int
    share: float | None
    top_kind: str
    top_backend: str
    top_share: float
    patterns: tuple[JobFailure, ...]
