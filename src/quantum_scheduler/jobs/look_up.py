"""Show an organisation its jobs."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from quantum_scheduler.jobs.model import (
    EVENTS_PER_READ_MAX,
    JOBS_PER_PAGE_MAX,
    Job,
    JobEvent,
    JobPage,
    JobState,
    JobUnknown,
    ResultMissing,
)
from quantum_scheduler.jobs.store import job as store
from quantum_scheduler.postgres.connect import Connection


async def find_job(conn: Connection, org_id: UUID, job_id: UUID) -> Job:
    """Find one of the organisation's jobs. Raises JobUnknown."""
    jobs = await store.find_jobs(conn, org_id, [job_id])
    if job_id not in jobs:
        raise JobUnknown(job_id)
    return jobs[job_id]


async def list_jobs(
    conn: Connection, org_id: UUID, *, state: JobState | None = None, limit: int, before: UUID | None = None
) -> JobPage:
    """List up to `limit` of the organisation's jobs, newest first, from just before the job `before` on."""
    limit = max(1, min(limit, JOBS_PER_PAGE_MAX))
    jobs = await store.list_jobs(conn, org_id, state=state, limit=limit + 1, before=before)
    page = tuple(jobs[:limit])
    return JobPage(jobs=page, before=page[-1].id if len(jobs) > limit else None)


async def read_result(conn: Connection, org_id: UUID, job_id: UUID) -> dict[str, Any]:
    """Read the result of a job that succeeded. Raises JobUnknown, ResultMissing."""
    job = await find_job(conn, org_id, job_id)
    result = await store.read_result(conn, job_id)
    if result is None:
        raise ResultMissing(job)
    return dict(result)


async def read_events(conn: Connection, org_id: UUID, job_id: UUID, *, after: int = 0) -> list[JobEvent]:
    """Read up to `EVENTS_PER_READ_MAX` of what was told about a job since event `after`. Raises JobUnknown."""
    await find_job(conn, org_id, job_id)
    return await store.read_events(conn, job_id, after=after, limit=EVENTS_PER_READ_MAX)


async def read_problems(conn: Connection, job_ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """Read the problems of jobs, packed as by `pack_problem`."""
    return await store.read_problems(conn, job_ids)
