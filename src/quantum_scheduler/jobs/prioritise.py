"""Move a job forward or back in the queue."""

from uuid import UUID

from quantum_scheduler.jobs.look_up import find_job
from quantum_scheduler.jobs.model import Job, JobFinished, Priority
from quantum_scheduler.jobs.queue_model import CHANGED_MAX, Changed, Selection, name_changed
from quantum_scheduler.jobs.store import selection
from quantum_scheduler.jobs.store import task as store
from quantum_scheduler.postgres.connect import Connection


async def prioritise_job(conn: Connection, org_id: UUID, job_id: UUID, priority: Priority) -> Job:
    """Give a job another priority; one that runs has it if it must be queued again. Raises JobUnknown, JobFinished."""
    moved = await store.prioritise(conn, org_id, job_id, priority)
    job = await find_job(conn, org_id, job_id)
    if not moved:
        raise JobFinished(job)
    return job


async def prioritise_jobs(conn: Connection, which: Selection, priority: Priority) -> Changed:
    """Give up to `CHANGED_MAX` selected tasks another priority; repeat it until it changes nothing."""
    selected = await selection.select_tasks(conn, which, count_max=CHANGED_MAX, other_than=priority)
    changed = name_changed(selected)
    await selection.prioritise_tasks(conn, changed.task_ids, changed.job_ids, priority)
    return changed
