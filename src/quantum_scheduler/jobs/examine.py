"""Look into what is wrong with the queue. Nothing here changes anything."""

from collections import Counter
from collections.abc import Sequence

from quantum_scheduler.jobs import metrics
from quantum_scheduler.jobs.examine_model import Affected, JobFailures, QueueHealth, Scope, StuckTasks, WorkerHealth
from quantum_scheduler.jobs.pause import find_paused
from quantum_scheduler.jobs.queue_model import LaneStats
from quantum_scheduler.jobs.store import examine as store
from quantum_scheduler.postgres.connect import Connection

WINDOW_S = 900.0
WINDOW_S_MAX = 7 * 86_400.0
LISTED_MAX = 100
MESSAGE_LENGTH_MAX = 200
# A job that has been ready for so long waits too long to its owner, whatever is normal.
LATE_S = 300.0
# A worker that beats as it should is never silent for half its lease.
SILENT_SHARE = 0.5


async def examine_workers(conn: Connection) -> WorkerHealth:
    """`jobs.workers`: look at the workers: how many slots they have and use, and who has gone silent."""
    listed = tuple(await store.list_workers(conn, count_max=LISTED_MAX))
    slots, running = sum(each.slots for each in listed), sum(each.running for each in listed)
    return WorkerHealth(
        workers=len(listed),
        silent=sum(each.silent_s > SILENT_SHARE * each.lease_s for each in listed),
        slots=slots,
        running=running,
        busy_share=running / slots if slots else None,
        longest_silence_s=max((each.silent_s for each in listed), default=0.0),
        listed=listed,
    )


async def examine_queue(conn: Connection) -> QueueHealth:
    """`jobs.queue`: look at the queue and its workers together."""
    stats, workers = await metrics.queue_stats(conn), await examine_workers(conn)
    paused = [each.lane for each in await find_paused(conn)]
    depth, per_s = metrics.queue_depth(stats), metrics.throughput_per_s(stats)
    return QueueHealth(
        depth=depth,
        oldest_wait_s=metrics.oldest_wait_s(stats),
        running=metrics.running(stats),
        sleeping=metrics.sleeping(stats),
        stuck=metrics.stuck_jobs(stats),
        paused_lanes=tuple(paused),
        closed_lane=_find_fullest(stats, paused),
        avg_processing_time_s=metrics.avg_processing_time_s(stats),
        throughput_per_s=per_s,
        drain_s=depth / per_s if per_s else None,
        workers=workers.workers,
        silent_workers=workers.silent,
        slots=workers.slots,
        busy_share=workers.busy_share,
    )


def _find_fullest(stats: Sequence[LaneStats], paused: Sequence[str]) -> str:
    """Which of these lanes most waits in; empty where nothing does."""
    waiting = Counter(dict.fromkeys(paused, 0))
    for each in stats:
        if each.lane in waiting:
            waiting[each.lane] += each.depth
    return next((lane for lane, depth in waiting.most_common(1) if depth), "")


async def examine_stuck(conn: Connection) -> StuckTasks:
    """`jobs.stuck`: look for what runs past its limits or silently."""
    stuck = await metrics.find_stuck(conn)
    return StuckTasks(
        count=len(stuck),
        longest_s=max((each.running_s for each in stuck), default=0.0),
        workers=len({(each.host, each.pid) for each in stuck if each.pid is not None}),
        listed=tuple(stuck[:LISTED_MAX]),
    )


async def examine_affected(conn: Connection, *, window_s: float = WINDOW_S, late_s: float = LATE_S) -> Affected:
    """`jobs.affected`: tell whether all organisations with jobs are affected or some: jobs failed, or wait `late_s`.

    Raises ValueError.
    """
    _check(window_s)
    counted = await store.count_by_organisation(conn, window_s=window_s, late_s=late_s)
    worst = [each for each in counted if each.failed or each.late]
    scope: Scope = "none" if not worst else "all" if len(worst) == len(counted) else "some"
    return Affected(
        scope=scope,
        organisations=len(counted),
        affected=len(worst),
        share=len(worst) / len(counted) if counted else 0.0,
        failed_jobs=sum(each.failed for each in counted),
        late_jobs=sum(each.late for each in counted),
        worst=tuple(worst[:LISTED_MAX]),
    )


async def examine_failures(conn: Connection, *, window_s: float = WINDOW_S) -> JobFailures:
    """`jobs.failures`: look for what the jobs that failed have in common: kind of error and backend.

    Raises ValueError.
    """
    _check(window_s)
    finished = await store.count_finished(conn, window_s=window_s)
    patterns = await store.group_failures(
        conn, window_s=window_s, message_length_max=MESSAGE_LENGTH_MAX, count_max=LISTED_MAX
    )
    failed = sum(each.jobs for each in patterns)
    top = patterns[0] if patterns else None
    return JobFailures(
        finished=finished,
        failed=failed,
        share=failed / finished if finished else None,
        top_kind=top.kind if top else "",
        top_backend=top.backend if top else "",
        top_share=top.jobs / failed if top else 0.0,
        patterns=tuple(patterns),
    )


def _check(window_s: float) -> None:
    if not 0 < window_s <= WINDOW_S_MAX:
        raise ValueError(f"a window has 0 to {WINDOW_S_MAX:g} seconds")
