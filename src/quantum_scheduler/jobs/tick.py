"""What the passing of time does to the queue: due tasks get ready, schedules are kept, late tasks fail, and dead
workers lose theirs."""

from quantum_scheduler.jobs.enqueue import fire_cron
from quantum_scheduler.jobs.model import TAKEOVERS_MAX, Failed, Fence, Outcome, TakenOver, TickReport
from quantum_scheduler.jobs.settle import settle_tasks
from quantum_scheduler.jobs.store import queue, worker
from quantum_scheduler.postgres.connect import Connection

TICK_S = 1.0
# What is more waits for the next tick.
TICK_BATCH_MAX = 1_000


async def tick(conn: Connection) -> TickReport:
    """Do what is due, unless another worker is doing it. Notify what the report names once committed."""
    if not await queue.lock_tick(conn):
        return TickReport(ran=False)
    ready_lanes = await queue.promote(conn, count_max=TICK_BATCH_MAX)
    ready_lanes |= await fire_cron(conn, count_max=TICK_BATCH_MAX)
    dead_workers = await worker.reap(conn)
    late = Failed(kind="deadline", message="it still waited at its deadline")
    due: list[tuple[Fence, Outcome]] = [
        (fence, late) for fence in await queue.find_late(conn, count_max=TICK_BATCH_MAX)
    ]
    orphans = await queue.find_orphans(conn, count_max=TICK_BATCH_MAX)
    if orphans:
        await queue.count_takeovers(conn, [fence.task_id for fence, _ in orphans])
    due += [(fence, _take_over(takeovers)) for fence, takeovers in orphans]
    settled = await settle_tasks(conn, due)
    ready_lanes |= {each.ready_lane for each in settled if each.ready_lane is not None}
    return TickReport(
        dead_workers=tuple(dead_workers),
        changed_jobs=tuple(each.job_id for each in settled if each.job_id is not None),
        ready_lanes=tuple(sorted(ready_lanes)),
    )


def _take_over(takeovers: int) -> Outcome:
    if takeovers + 1 < TAKEOVERS_MAX:
        return TakenOver()
    return Failed(kind="crashed", message=f"the worker that had it died {takeovers + 1} times")
