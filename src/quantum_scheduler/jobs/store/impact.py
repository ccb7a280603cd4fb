"""The statement that counts what customers had of a time."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from quantum_scheduler.jobs.queue_model import JobImpact
from quantum_scheduler.postgres.connect import Connection

# Those that ended after the time began, and those that have not ended: the tasks that are left.
MEASURE = """
WITH seen AS (
    SELECT id, org_id, state, deadline_at, finished_at FROM job WHERE finished_at >= $1 AND created_at < $2
    UNION ALL
    SELECT job.id, job.org_id, job.state, job.deadline_at, NULL
    FROM task JOIN job ON job.id = task.job_id WHERE job.created_at < $2 AND job.finished_at IS NULL
), judged AS (
    SELECT org_id, state = 'failed' AND finished_at < $2 AS has_failed, back.id IS NOT NULL AS has_fallen_back,
        coalesce(deadline_at >= $1 AND deadline_at < least(coalesce(finished_at, $2), $2), false) AS is_late
    FROM seen LEFT JOIN unnest($3::uuid[]) AS back (id) ON back.id = seen.id
)
SELECT count(*) AS jobs, count(*) FILTER (WHERE has_failed) AS failed,
    count(*) FILTER (WHERE has_fallen_back) AS fell_back, count(*) FILTER (WHERE is_late) AS late,
    count(DISTINCT org_id) AS customers,
    count(DISTINCT org_id) FILTER (WHERE has_failed OR has_fallen_back OR is_late) AS customers_affected
FROM judged
"""


async def measure(
    conn: Connection, start: datetime, end: datetime, fallen_back: Sequence[UUID], *, timeout_s: float
) -> JobImpact:
    """Count what became of the jobs that were there between two moments. Raises TimeoutError."""
    row = await conn.fetchrow(MEASURE, start, end, list(fallen_back), timeout=timeout_s)
    assert row is not None, "an aggregate has a row"
    return JobImpact(**row)
