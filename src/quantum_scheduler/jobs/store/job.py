"""The statements on jobs: what customers write and read. A job's row changes only under the lock of its task's row."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from asyncpg import Record

from quantum_scheduler.jobs.model import PRIORITIES, Job, JobEvent, JobState, NewJob
from quantum_scheduler.postgres.connect import Connection

# Keys are inserted in their order, so that two batches that share some wait for each other without a deadlock.
INSERT_JOBS = """
WITH new AS MATERIALIZED (
    SELECT uuidv7() AS id, given.*
    FROM unnest(
        $2::text[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::jsonb[], $9::text[],
        $10::float8[], $11::bigint[], $12::boolean[], $13::float8[], $14::text[], $15::text[], $16::float8[]
    ) WITH ORDINALITY AS given (
        name, priority, backend, method, lane, problem, summary, fingerprint, time_limit_s,
        seed, use_cache, deadline_s, idempotency_key, request_digest, max_cost_usd, place
    )
), inserted AS (
    INSERT INTO job (
        id, org_id, name, priority, backend, method, lane, problem, summary, fingerprint, time_limit_s,
        seed, use_cache, deadline_at, idempotency_key, request_digest, max_cost_usd
    )
    SELECT
        id, $1, name, priority, backend, method, lane, problem, summary, fingerprint, time_limit_s,
        seed, use_cache, now() + deadline_s * interval '1 second', idempotency_key, request_digest,
        max_cost_usd
    FROM new ORDER BY idempotency_key, place
    ON CONFLICT (org_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
    RETURNING id, deadline_at
), queued AS (
    INSERT INTO task (lane, org_id, kind, priority, job_id, state, deadline_at)
    SELECT new.lane, $1, 'solve', new.priority, inserted.id, 'ready', inserted.deadline_at
    FROM inserted JOIN new USING (id) ORDER BY new.place
)
SELECT inserted.id FROM new LEFT JOIN inserted USING (id) ORDER BY new.place
"""

FIND_KEYS = (
    "SELECT idempotency_key, id, request_digest FROM job WHERE org_id = $1 AND idempotency_key = ANY($2::text[])"
)

# A claim does not write the job's row: a job that is `queued` there runs while its task does.
JOBS_NOW = """
SELECT job.id, job.org_id, job.name, CASE WHEN task.id IS NULL THEN job.state ELSE 'running' END AS state, job.priority,
    job.backend, job.method, job.lane, job.summary, job.fingerprint, job.time_limit_s, job.seed, job.use_cache,
    job.cached, job.created_at, job.deadline_at, coalesce(job.started_at, task.started_at) AS started_at,
    job.finished_at, coalesce(task.failures + task.takeovers + 1, job.attempts) AS attempts, job.progress, job.error
FROM job LEFT JOIN task ON task.job_id = job.id AND task.state = 'running' AND job.state = 'queued'
"""

FIND_JOBS = f"{JOBS_NOW} WHERE job.org_id = $1 AND job.id = ANY($2::uuid[])"

LIST_JOBS = f"""{JOBS_NOW}
WHERE job.org_id = $1 AND ($2::uuid IS NULL OR job.id < $2) ORDER BY job.id DESC LIMIT $3
"""

LIST_JOBS_IN_STATE = f"""{JOBS_NOW}
WHERE job.org_id = $1 AND ($2::uuid IS NULL OR job.id < $2) AND job.state = $4 AND task.id IS NULL
ORDER BY job.id DESC LIMIT $3
"""

LIST_RUNNING_JOBS = f"""{JOBS_NOW}
WHERE ($2::uuid IS NULL OR job.id < $2) AND job.id IN (
    SELECT job_id FROM task WHERE task.org_id = $1 AND task.state = 'running'
    UNION SELECT id FROM job WHERE job.org_id = $1 AND job.state = 'running'
)
ORDER BY job.id DESC LIMIT $3
"""  # noqa: S608  both parts are constants

READ_PROBLEMS = "SELECT id, problem FROM job WHERE id = ANY($1::uuid[])"

READ_BUDGET = "SELECT max_cost_usd FROM job WHERE id = $1"

READ_RESULT = """
SELECT coalesce(job.result, job_result.result)
FROM job LEFT JOIN job_result ON job_result.job_id = job.id WHERE job.id = $1
"""

READ_EVENTS = "SELECT seq, at, kind, data FROM job_story WHERE job_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"


async def insert_jobs(
    conn: Connection, org_id: UUID, jobs: Sequence[NewJob], lanes: Sequence[str], problems: Sequence[bytes]
) -> list[UUID | None]:
    """Write each job with its task; None in the place of one whose idempotency key is taken."""
    rows = await conn.fetch(
        INSERT_JOBS,
        org_id,
        [job.name for job in jobs],
        [PRIORITIES.index(job.priority) for job in jobs],
        [job.backend for job in jobs],
        [job.method for job in jobs],
        lanes,
        problems,
        [job.summary for job in jobs],
        [job.fingerprint for job in jobs],
        [job.time_limit_s for job in jobs],
        [job.seed for job in jobs],
        [job.use_cache for job in jobs],
        [job.deadline_s for job in jobs],
        [job.idempotency_key for job in jobs],
        [job.request_digest for job in jobs],
        [job.max_cost_usd for job in jobs],
    )
    return [row["id"] for row in rows]


async def find_keys(conn: Connection, org_id: UUID, keys: Sequence[str]) -> dict[str, tuple[UUID, str]]:
    """The job that each idempotency key made, and the digest of the request that made it."""
    rows = await conn.fetch(FIND_KEYS, org_id, keys)
    return {row["idempotency_key"]: (row["id"], row["request_digest"]) for row in rows}


async def find_jobs(conn: Connection, org_id: UUID, job_ids: Sequence[UUID]) -> dict[UUID, Job]:
    """Those of the jobs that the organisation has."""
    return {row["id"]: _job(row) for row in await conn.fetch(FIND_JOBS, org_id, job_ids)}


async def list_jobs(
    conn: Connection, org_id: UUID, *, state: JobState | None, limit: int, before: UUID | None
) -> list[Job]:
    """The organisation's newest jobs that are older than `before`."""
    if state is None:
        rows = await conn.fetch(LIST_JOBS, org_id, before, limit)
    elif state == "running":
        rows = await conn.fetch(LIST_RUNNING_JOBS, org_id, before, limit)
    else:
        rows = await conn.fetch(LIST_JOBS_IN_STATE, org_id, before, limit, state)
    return [_job(row) for row in rows]


async def read_problems(conn: Connection, job_ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """The jobs' problems, packed as they are stored."""
    return {row["id"]: row["problem"] for row in await conn.fetch(READ_PROBLEMS, job_ids)}


async def read_budget(conn: Connection, job_id: UUID) -> float | None:
    """What a quantum attempt of the job may cost, in USD."""
    budget: float | None = await conn.fetchval(READ_BUDGET, job_id)
    return budget


async def read_result(conn: Connection, job_id: UUID) -> Mapping[str, Any] | None:
    """The job's result."""
    result: Mapping[str, Any] | None = await conn.fetchval(READ_RESULT, job_id)
    return result


async def read_events(conn: Connection, job_id: UUID, *, after: int, limit: int) -> list[JobEvent]:
    """What was told about the job since event `after`."""
    rows = await conn.fetch(READ_EVENTS, job_id, after, limit)
    return [JobEvent(seq=row["seq"], at=row["at"], kind=row["kind"], data=row["data"]) for row in rows]


def _job(row: Record) -> Job:
    return Job(**{**row, "priority": PRIORITIES[row["priority"]]})
