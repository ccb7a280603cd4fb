"""Stop a job that its customer no longer wants."""

from uuid import UUID

from quantum_scheduler.jobs.look_up import find_job
from quantum_scheduler.jobs.model import Cancelled, Job, JobFinished
from quantum_scheduler.jobs.queue_model import CHANGED_MAX, Changed, Selection, name_changed
from quantum_scheduler.jobs.settle import settle_tasks
from quantum_scheduler.jobs.store import selection, worker
from quantum_scheduler.jobs.store import task as store
from quantum_scheduler.postgres.connect import Connection


async def cancel_job(conn: Connection, org_id: UUID, job_id: UUID) -> Job:
    """Cancel a queued job at once, and mark a running one, which then ends as cancelled whatever comes of it.

    One that a provider has ends once its handler has stopped it there.
    A job that was cancelled before is returned as it is. Notify `JOB_CHANGED` once committed, which tells the worker.
    Raises JobUnknown, JobFinished.
    """
    marked = await store.mark_cancelled(conn, org_id, job_id)
    if marked is not None:
        fence, is_remote = marked
        if fence.owner is None and not is_remote:
            await settle_tasks(conn, [(fence, Cancelled())])
    job = await find_job(conn, org_id, job_id)
    if marked is None and job.state != "cancelled":
        raise JobFinished(job)
    return job


async def cancel_jobs(conn: Connection, which: Selection) -> Changed:
    """Cancel up to `CHANGED_MAX` selected tasks, each as by `cancel_job`; repeat it until it changes nothing."""
    selected = await selection.select_tasks(conn, which, count_max=CHANGED_MAX, is_wanted=True)
    await selection.cancel_tasks(conn, [each.fence.task_id for each in selected])
    waiting = [each.fence for each in selected if each.fence.owner is None and not each.is_remote]
    await settle_tasks(conn, [(fence, Cancelled()) for fence in waiting])
    return name_changed(selected)


async def find_cancelled(conn: Connection, worker_id: UUID) -> list[UUID]:
    """Find the jobs that a worker should stop, because their customers have cancelled them."""
    return await worker.find_cancelled(conn, worker_id)
