"""What people and runbooks may do to the queue. Everything here may be done twice."""

from datetime import datetime

from quantum_scheduler.jobs.cancel import cancel_jobs
from quantum_scheduler.jobs.model import Failed, HandedBack, Priority
from quantum_scheduler.jobs.pause import pause_lane, resume_lane
from quantum_scheduler.jobs.prioritise import prioritise_jobs
from quantum_scheduler.jobs.queue_model import CHANGED_MAX, Changed, LanePause, Selection, name_changed
from quantum_scheduler.jobs.scale import Cluster, Scaled, scale_replicas, scale_slots
from quantum_scheduler.jobs.settle import settle_tasks
from quantum_scheduler.jobs.store import selection as store
from quantum_scheduler.postgres.connect import Connection

# To requeue again what has hardly begun is a repetition, not another wish.
REQUEUE_AFTER_S = 5.0


async def prioritise(conn: Connection, which: Selection, priority: Priority) -> Changed:
    """`jobs.prioritise`: move up to `CHANGED_MAX` jobs forward or back in the queue."""
    return await prioritise_jobs(conn, which, priority)


async def cancel(conn: Connection, which: Selection) -> Changed:
    """`jobs.cancel`: end up to `CHANGED_MAX` jobs as cancelled, those that run or are at a provider once stopped."""
    return await cancel_jobs(conn, which)


async def pause(conn: Connection, lane: str, reason: str, *, until: datetime | None = None) -> LanePause:
    """`jobs.pause`: let nobody claim from a lane until it is resumed, or until then; what runs goes on."""
    await pause_lane(conn, lane, reason, until=until)
    return LanePause(lane=lane, reason=reason, until=until)


async def resume(conn: Connection, lane: str) -> Changed:
    """`jobs.resume`: open a lane again."""
    return Changed(ready_lanes=(lane,) if await resume_lane(conn, lane) else ())


async def requeue(conn: Connection, which: Selection, *, running_for_s: float = REQUEUE_AFTER_S) -> Changed:
    """`jobs.requeue`: take up to `CHANGED_MAX` tasks from their workers, or from their wait, and have them claimed now.

    No try is used up. What has run for less than `running_for_s` is left alone. What waited for a person is submitted
    anew: look at the provider first. A worker that still has one learns that it is not its own any more and stops.
    """
    selected = await store.select_tasks(
        conn, which, count_max=CHANGED_MAX, is_unready=True, running_for_s=running_for_s
    )
    settled = await settle_tasks(conn, [(each.fence, HandedBack()) for each in selected if each.fence.owner])
    lanes = {each.ready_lane for each in settled if each.ready_lane is not None}
    waiting = [each.fence.task_id for each in selected if each.fence.owner is None]
    return name_changed(selected, ready_lanes=lanes | await store.wake_tasks(conn, waiting))


async def kill(conn: Connection, which: Selection, reason: str) -> Changed:
    """`jobs.kill`: end up to `CHANGED_MAX` tasks now, their jobs as failed of kind `killed` for the reason.

    A worker that still has one learns that it is not its own any more and stops. What a provider has goes on there;
    to stop it there too, cancel it instead.
    """
    selected = await store.select_tasks(conn, which, count_max=CHANGED_MAX)
    killed = Failed(kind="killed", message=reason)
    await settle_tasks(conn, [(each.fence, killed) for each in selected])
    return name_changed(selected)


async def scale(
    conn: Connection, *, slots: int | None = None, replicas: int | None = None, cluster: Cluster | None = None
) -> Scaled:
    """`jobs.scale`: have each worker use `slots`, and run `replicas` workers on Kubernetes; None changes nothing.

    A worker adapts at its next tick. Where Kubernetes may not be told, the command that tells it is returned. Call it
    outside a transaction: the API server may take its time. Raises ValueError.
    """
    is_changed = slots is not None and await scale_slots(conn, slots)
    workers = None if replicas is None else await scale_replicas(replicas, cluster=cluster)
    return Scaled(slots=slots, is_changed=is_changed, workers=workers)
