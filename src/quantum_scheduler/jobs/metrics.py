"""The numbers of the queue; each takes what `queue_stats` measured, of all lanes or of those it should speak of."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from quantum_scheduler.jobs.queue_model import JobImpact, LaneStats, StuckTask, WorkerStats
from quantum_scheduler.jobs.store import durations as durations_store
from quantum_scheduler.jobs.store import impact as impact_store
from quantum_scheduler.jobs.store import lane as store
from quantum_scheduler.jobs.store import worker as worker_store
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.solving.routing_model import Durations

AVERAGED_OVER_S = 900.0
# Beyond its deadline or time limit a job may take so long to be read, verified, killed and written down.
STUCK_GRACE_S = 180.0
# A job that has told nothing for so long does not search any more.
SILENCE_MAX_S = 1_800.0
STUCK_LISTED_MAX = 1_000


async def queue_stats(conn: Connection, *, window_s: float = AVERAGED_OVER_S) -> list[LaneStats]:
    """Measure every lane at every priority that holds jobs, or finished some in the last `window_s`."""
    stuck = Counter((each.lane, each.priority) for each in await find_stuck(conn))
    measured = await store.measure(conn, window_s=window_s)
    return [replace(each, stuck=stuck[each.lane, each.priority]) for each in measured]


async def find_stuck(
    conn: Connection, *, grace_s: float = STUCK_GRACE_S, silence_s: float = SILENCE_MAX_S
) -> list[StuckTask]:
    """Find up to `STUCK_LISTED_MAX` tasks that run past their deadline or time limit, or silently, longest first."""
    return await store.find_stuck(conn, grace_s=grace_s, silence_s=silence_s, count_max=STUCK_LISTED_MAX)


async def measure_impact(
    conn: Connection, start: datetime, end: datetime, *, fallen_back: Sequence[UUID], timeout_s: float
) -> JobImpact:
    """Count what became of the jobs that were there between two moments; `fallen_back` names those that fell back.

    Raises TimeoutError.
    """
    return await impact_store.measure(conn, start, end, fallen_back, timeout_s=timeout_s)


def queue_depth(stats: Sequence[LaneStats]) -> int:
    """`qih.queue_depth`: jobs that wait for a worker."""
    return sum(each.depth for each in stats)


def oldest_wait_s(stats: Sequence[LaneStats]) -> float:
    """`qih.oldest_wait`: seconds since the job that has waited longest could have started."""
    return max((each.oldest_s for each in stats), default=0.0)


def avg_processing_time_s(stats: Sequence[LaneStats]) -> float | None:
    """`qih.avg_processing_time`: mean seconds from start to finish of the jobs that succeeded; None if none did."""
    finished = sum(each.finished for each in stats)
    if not finished:
        return None
    return sum(each.average_s * each.finished for each in stats if each.average_s is not None) / finished


def running(stats: Sequence[LaneStats]) -> int:
    """`qih.running`: jobs that a worker has at work."""
    return sum(each.running for each in stats)


def sleeping(stats: Sequence[LaneStats]) -> int:
    """`qih.sleeping`: jobs that wait for a provider's answer and hold no slot."""
    return sum(each.sleeping for each in stats)


def stuck_jobs(stats: Sequence[LaneStats]) -> int:
    """`qih.stuck_jobs`: jobs that run past their deadline or time limit, or have said nothing for long."""
    return sum(each.stuck for each in stats)


def takeovers(stats: Sequence[LaneStats]) -> int:
    """`qih.takeovers`: jobs taken from workers that died, counted from the beginning."""
    return sum(each.takeovers for each in stats)


def throughput_per_s(stats: Sequence[LaneStats]) -> float:
    """`qih.throughput`: jobs that succeeded per second."""
    return sum(each.finished for each in stats) / AVERAGED_OVER_S


def finished(stats: Sequence[LaneStats]) -> int:
    """`qih.finished`: jobs that ended with an answer or a failure."""
    return sum(each.finished + each.failed for each in stats)


def success_rate(stats: Sequence[LaneStats]) -> float | None:
    """`solver.success_rate`: of the jobs that ended with an answer or a failure, how many were answered."""
    ended = finished(stats)
    return sum(each.finished for each in stats) / ended if ended else None


def failure_rate(stats: Sequence[LaneStats]) -> float | None:
    """`solver.failure_rate`: of the jobs that ended with an answer or a failure, how many failed."""
    ended = finished(stats)
    return sum(each.failed for each in stats) / ended if ended else None


async def job_durations(
    conn: Connection, *, since: datetime, until: datetime, bounds_s: Sequence[float]
) -> list[Durations]:
    """Count how long the jobs took that succeeded in a time, by lane and by these bounds."""
    return await durations_store.count_durations(conn, since=since, until=until, bounds_s=bounds_s)


async def worker_stats(conn: Connection) -> list[WorkerStats]:
    """Look up every worker whose lease has not run out."""
    return await worker_store.find_alive(conn)


def workers_alive(stats: Sequence[WorkerStats]) -> int:
    """`worker.alive`: workers that have beaten in time."""
    return len(stats)


def worker_slots(stats: Sequence[WorkerStats]) -> int:
    """`worker.slots`: jobs that all workers together can have at work at once."""
    return sum(each.slots for each in stats)


def worker_memory_mb(stats: Sequence[WorkerStats]) -> float | None:
    """`worker.memory_mb`: memory in MB of the largest worker and its solver processes, as of its last beat."""
    return max((each.memory_mb for each in stats if each.memory_mb is not None), default=None)


def worker_silence_s(stats: Sequence[WorkerStats]) -> float | None:
    """`worker.silence`: seconds since the last beat of the worker that has been silent the longest."""
    return max((each.silence_s for each in stats), default=None)
