"""Actions on the queue. Those on several jobs name them by criteria that all must hold; at least one must be given."""

from typing import Literal
from uuid import UUID

from quantum_scheduler.jobs import actions
from quantum_scheduler.jobs.model import Priority
from quantum_scheduler.jobs.queue_model import Changed, LanePause, Selection
from quantum_scheduler.jobs.scale import Scaled
from quantum_scheduler.runbooks.actions.desk import Desk
from quantum_scheduler.runbooks.actions.row import Action, dangerous, write

Unfinished = Literal["queued", "running"]


async def prioritise(
    desk: Desk,
    to: Priority,
    *,
    job: str | None = None,
    org: str | None = None,
    lane: str | None = None,
    priority: Priority | None = None,
    name: str | None = None,
    state: Unfinished | None = None,
) -> dict[str, int]:
    """Move up to 1,000 jobs forward or back in the queue; how many."""
    which = _select(job, org, lane, priority, name, state)
    return _count(desk.tell(await actions.prioritise(desk.conn, which, to)))


async def pause(desk: Desk, lane: str, *, reason: str = "", minutes: float | None = None) -> LanePause:
    """Let nobody claim from a lane until it is resumed, or for so many minutes; what runs goes on."""
    return await actions.pause(desk.conn, lane, desk.why(reason), until=desk.after(minutes))


async def resume(desk: Desk, lane: str) -> bool:
    """Open a lane again; False where it was not paused."""
    return bool(desk.tell(await actions.resume(desk.conn, lane)).ready_lanes)


async def requeue(
    desk: Desk,
    *,
    job: str | None = None,
    org: str | None = None,
    lane: str | None = None,
    priority: Priority | None = None,
    name: str | None = None,
    state: Unfinished | None = None,
    running_for_s: float = actions.REQUEUE_AFTER_S,
) -> dict[str, int]:
    """Take up to 1,000 tasks from their workers, or from their wait, and have them claimed now; how many.

    No try is used up. What has run for less than `running_for_s` is left alone.
    """
    which = _select(job, org, lane, priority, name, state)
    return _count(desk.tell(await actions.requeue(desk.conn, which, running_for_s=running_for_s)))


async def kill(
    desk: Desk,
    *,
    reason: str = "",
    job: str | None = None,
    org: str | None = None,
    lane: str | None = None,
    priority: Priority | None = None,
    name: str | None = None,
    state: Unfinished | None = None,
) -> dict[str, int]:
    """End up to 1,000 tasks now, their jobs as failed; how many."""
    which = _select(job, org, lane, priority, name, state)
    return _count(desk.tell(await actions.kill(desk.conn, which, desk.why(reason))))


async def cancel(
    desk: Desk,
    *,
    job: str | None = None,
    org: str | None = None,
    lane: str | None = None,
    priority: Priority | None = None,
    name: str | None = None,
    state: Unfinished | None = None,
) -> dict[str, int]:
    """End up to 1,000 jobs as cancelled, those that run or are at a provider once they are stopped; how many."""
    return _count(desk.tell(await actions.cancel(desk.conn, _select(job, org, lane, priority, name, state))))


async def scale(desk: Desk, *, slots: int | None = None, replicas: int | None = None) -> Scaled:
    """Have each worker use so many slots, and run so many workers on Kubernetes; what is not given stays."""
    return await actions.scale(desk.conn, slots=slots, replicas=replicas, cluster=desk.parts.cluster)


def _select(
    job: str | None,
    org: str | None,
    lane: str | None,
    priority: Priority | None,
    name: str | None,
    state: Unfinished | None,
) -> Selection:
    return Selection(
        job_ids=None if job is None else (UUID(job),),
        org_id=None if org is None else UUID(org),
        lane=lane,
        priority=priority,
        name=name,
        state=state,
    )


def _count(changed: Changed) -> dict[str, int]:
    return {"tasks": len(changed.task_ids), "jobs": len(changed.job_ids)}


ACTIONS: tuple[Action, ...] = (
    write("jobs.prioritise", prioritise),
    write("jobs.pause", pause, undo="jobs.resume(lane)"),
    write("jobs.resume", resume),
    write("jobs.requeue", requeue),
    dangerous("jobs.kill", kill),
    dangerous("jobs.cancel", cancel),
    write("jobs.scale", scale, leaves_home=True),
)
