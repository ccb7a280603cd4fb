"""The numbers of the queue."""

from quantum_scheduler.jobs.model import LaneStats
from quantum_scheduler.jobs.store import lane as store
from quantum_scheduler.postgres.connect import Connection

AVERAGED_OVER_S = 900.0


async def queue_stats(conn: Connection) -> list[LaneStats]:
    """Measure every lane at every priority that holds jobs, or finished some in the last `AVERAGED_OVER_S`."""
    return await store.measure(conn, window_s=AVERAGED_OVER_S)


def queue_depth(stats: list[LaneStats]) -> int:
    """`qih.queue_depth`: jobs that wait for a worker."""
    return sum(each.depth for each in stats)


def oldest_wait_s(stats: list[LaneStats]) -> float:
    """`qih.oldest_wait`: seconds since the job that has waited longest could have started."""
    return max((each.oldest_s for each in stats), default=0.0)


def avg_processing_time_s(stats: list[LaneStats]) -> float | None:
    """`qih.avg_processing_time`: mean seconds from start to finish of the jobs that succeeded lately; None if none."""
    finished = sum(each.finished for each in stats)
    if not finished:
        return None
    return sum(each.average_s * each.finished for each in stats if each.average_s is not None) / finished
