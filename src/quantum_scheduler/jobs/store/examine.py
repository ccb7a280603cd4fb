"""The statements that look into what is wrong with the queue."""

from quantum_scheduler.jobs.examine_model import AffectedOrganisation, JobFailure, WorkerState
from quantum_scheduler.postgres.connect import Connection

LIST_WORKERS = """
SELECT host, pid, lanes, slots, lease_s, worker.started_at, count(task.id) AS running,
    extract(epoch FROM clock_timestamp() - beat_at)::float8 AS silent_s
FROM worker LEFT JOIN task ON task.owner = worker.id AND task.state = 'running'
WHERE lanes <> '{control}'
GROUP BY worker.id ORDER BY silent_s DESC LIMIT $1
"""

# Of the unfinished jobs each has a task; of the finished ones only those of the window are looked at.
COUNT_BY_ORGANISATION = """
WITH recent AS (
    SELECT org_id, state = 'failed' AS is_failed, false AS is_late
    FROM job WHERE finished_at > now() - $1 * interval '1 second'
    UNION ALL
    SELECT org_id, false, state = 'ready' AND run_at < now() - $2 * interval '1 second'
    FROM task WHERE job_id IS NOT NULL
)
SELECT org_id, organisation.name, count(*) AS jobs, count(*) FILTER (WHERE is_failed) AS failed,
    count(*) FILTER (WHERE is_late) AS late
FROM recent JOIN organisation ON organisation.id = recent.org_id
GROUP BY org_id, organisation.name ORDER BY count(*) FILTER (WHERE is_failed OR is_late) DESC, org_id
"""

COUNT_FINISHED = """
SELECT count(*) FROM job
WHERE finished_at > now() - $1 * interval '1 second' AND state IN ('succeeded', 'failed')
"""

GROUP_FAILURES = """
SELECT coalesce(error->>'kind', '') AS kind, backend, count(*) AS jobs, count(DISTINCT org_id) AS organisations,
    left((array_agg(coalesce(error->>'message', '') ORDER BY finished_at DESC))[1], $2) AS message
FROM job WHERE finished_at > now() - $1 * interval '1 second' AND state = 'failed'
GROUP BY 1, 2 ORDER BY jobs DESC, kind, backend LIMIT $3
"""


async def list_workers(conn: Connection, *, count_max: int) -> list[WorkerState]:
    """The workers with what they have at work, the longest silent first."""
    return [WorkerState(**{**row, "lanes": tuple(row["lanes"])}) for row in await conn.fetch(LIST_WORKERS, count_max)]


async def count_by_organisation(conn: Connection, *, window_s: float, late_s: float) -> list[AffectedOrganisation]:
    """Every organisation that has or had jobs in the window, those with the most trouble first."""
    return [AffectedOrganisation(**row) for row in await conn.fetch(COUNT_BY_ORGANISATION, window_s, late_s)]


async def count_finished(conn: Connection, *, window_s: float) -> int:
    """How many jobs succeeded or failed in the window."""
    return int(await conn.fetchval(COUNT_FINISHED, window_s))


async def group_failures(
    conn: Connection, *, window_s: float, message_length_max: int, count_max: int
) -> list[JobFailure]:
    """The failed jobs of the window by kind and backend, most first."""
    return [JobFailure(**row) for row in await conn.fetch(GROUP_FAILURES, window_s, message_length_max, count_max)]
