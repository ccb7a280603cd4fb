"""The statements on tasks that are known: settle, release, cancel, prioritise, report.

The fence of a task is (id, attempt, owner): a claim changes all three, so whoever still names them has it.
Rows are locked in the order of their ids, a task's before its job's. A claim leaves the job's row alone; whoever writes
that row next also writes what the claim made of it: that it runs, since when, and the event that says so, if the events
do not follow from the row itself (see the view `job_story`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from quantum_scheduler.jobs.model import PRIORITIES, Fence, JobState, Priority, Settled
from quantum_scheduler.jobs.queue_model import ReviewedTask
from quantum_scheduler.postgres.connect import Connection

# The statement after it finds its rows by their keys, and locks them in the order given, whatever the planner's
# statistics, which are always old of a queue, speak for. The settings end with the transaction.
PLAN_BY_KEYS = """
SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
    set_config('enable_seqscan', 'off', true)
"""

# A task that was cancelled ends so, whatever came of it: its customer was told.
# Of a job that had told nothing before but that it was queued, no event is written: they follow from its row.
END = """
WITH held AS (
    DELETE FROM task USING unnest(
        $1::bigint[], $2::integer[], $3::uuid[], $4::text[], $5::jsonb[], $6::text[], $7::boolean[]
    ) AS given (id, attempt, owner, state, error, result, cached)
    WHERE task.id = given.id AND task.attempt = given.attempt AND task.owner IS NOT DISTINCT FROM given.owner
    RETURNING task.id, task.attempt, task.job_id, task.started_at,
        CASE WHEN task.cancelled_at IS NULL THEN given.state ELSE 'cancelled' END AS state,
        CASE WHEN task.cancelled_at IS NULL THEN given.error END AS error,
        CASE WHEN task.cancelled_at IS NULL THEN given.result END AS result,
        given.cached AND task.cancelled_at IS NULL AS cached,
        CASE WHEN task.state = 'running' THEN task.failures + task.takeovers + 1 END AS attempts
), ended AS (
    UPDATE job SET state = held.state, error = held.error, result = held.result::jsonb, cached = held.cached,
        started_at = coalesce(job.started_at, held.started_at), finished_at = now(),
        attempts = coalesce(held.attempts, job.attempts),
        events = job.events + 1 + (held.started_at IS NOT NULL AND job.state = 'queued')::integer
    FROM held WHERE job.id = held.job_id
    RETURNING job.id, job.state, job.error, held.started_at, old.events AS told, job.events
), told AS (
    INSERT INTO job_event (job_id, seq, at, kind, data)
    SELECT ended.id, new.seq, new.at, 'state', jsonb_build_object('state', new.state, 'error', new.error)
    FROM ended CROSS JOIN LATERAL (
        VALUES (told + 1, started_at, 'running', NULL, events = told + 2), (events, now(), state, error, true)
    ) AS new (seq, at, state, error, is_due)
    WHERE told > 1 AND is_due
)
SELECT id, attempt, job_id, state, coalesce(extract(epoch FROM now() - started_at), 0)::float8 AS ran_s FROM held
"""

# A task that was cancelled is not taken back; it is for END to end. What a provider has of it, or may have, is to be
# stopped first: such a task is taken back, so that its handler does that.
RELEASE = """
WITH held AS MATERIALIZED (
    SELECT given.*, mine.started_at, mine.attempts, CASE
        WHEN given.review_reason IS NOT NULL THEN 'infinity'
        WHEN given.until IS NOT NULL AND mine.cancelled_at IS NULL THEN least(given.until, mine.deadline_at)
        WHEN given.delay_s > 0 THEN now() + given.delay_s * interval '1 second'
    END AS wake_at
    FROM unnest(
        $1::bigint[], $2::integer[], $3::uuid[], $4::float8[], $5::smallint[], $6::smallint[], $7::jsonb[],
        $8::timestamptz[], $9::jsonb[], $10::text[], $11::boolean[]
    ) AS given (id, attempt, owner, delay_s, failures, takeovers, error, until, handle, review_reason, starts_over)
    CROSS JOIN LATERAL (
        SELECT task.cancelled_at, task.deadline_at, task.started_at, task.failures + task.takeovers + 1 AS attempts
        FROM task
        WHERE task.id = given.id AND task.attempt = given.attempt AND task.owner = given.owner
            AND (task.cancelled_at IS NULL OR task.handle IS NOT NULL OR task.submitting_at IS NOT NULL)
        FOR UPDATE
    ) AS mine
), released AS (
    UPDATE task SET state = CASE WHEN held.wake_at > now() THEN 'scheduled' ELSE 'ready' END,
        run_at = CASE WHEN held.wake_at > now() THEN held.wake_at ELSE task.run_at END,
        failures = task.failures + held.failures, takeovers = task.takeovers + held.takeovers,
        handle = CASE WHEN held.starts_over THEN NULL ELSE coalesce(held.handle, task.handle) END,
        submitting_at = CASE WHEN held.starts_over OR held.handle IS NOT NULL THEN NULL ELSE task.submitting_at END,
        review_reason = held.review_reason, owner = NULL, started_at = NULL
    FROM held WHERE task.id = held.id
    RETURNING task.id, held.attempt, held.owner, task.job_id, task.lane, task.state, held.error,
        held.handle IS NOT NULL AS sleeps, held.started_at, held.attempts
), waiting AS (
    UPDATE job SET state = CASE WHEN released.sleeps THEN 'running' ELSE 'queued' END,
        progress = CASE WHEN released.sleeps THEN job.progress END,
        error = CASE WHEN released.sleeps THEN job.error ELSE released.error END,
        started_at = coalesce(job.started_at, released.started_at), attempts = released.attempts,
        events = job.events + (job.state = 'queued')::integer + (NOT released.sleeps)::integer
    FROM released WHERE job.id = released.job_id
    RETURNING job.id, released.started_at, old.state, old.events AS told, job.events, job.error, released.sleeps
), told AS (
    INSERT INTO job_event (job_id, seq, at, kind, data)
    SELECT waiting.id, new.seq, new.at, 'state', jsonb_build_object('state', new.state, 'error', new.error)
    FROM waiting CROSS JOIN LATERAL (
        VALUES (told + 1, started_at, 'running', NULL, waiting.state = 'queued'),
            (events, now(), 'queued', error, NOT sleeps)
    ) AS new (seq, at, state, error, is_due)
    WHERE is_due
)
SELECT id, attempt, owner, job_id, lane, state, CASE WHEN sleeps THEN 'running' ELSE 'queued' END AS job_state
FROM released
"""

# What a provider has, or may have, of a waiting task is claimed at once, so that its handler stops it.
MARK_CANCELLED = """
UPDATE task SET cancelled_at = coalesce(task.cancelled_at, now()), review_reason = NULL,
    state = CASE
        WHEN task.state = 'scheduled' AND (task.handle IS NOT NULL OR task.submitting_at IS NOT NULL) THEN 'ready'
        ELSE task.state
    END,
    run_at = least(task.run_at, now())
FROM job WHERE job.id = $2 AND job.org_id = $1 AND task.job_id = job.id
RETURNING task.id, task.attempt, task.owner, (task.handle IS NOT NULL OR task.submitting_at IS NOT NULL) AS is_remote
"""

BEGIN_SUBMISSION = """
UPDATE task SET submitting_at = clock_timestamp(), handle = NULL
WHERE id = $1 AND attempt = $2 AND owner = $3 AND cancelled_at IS NULL RETURNING submitting_at
"""

NOTE_HANDLE = """
UPDATE task SET handle = $4, submitting_at = NULL WHERE id = $1 AND attempt = $2 AND owner = $3 RETURNING id
"""

KEEP_PAYLOAD = "UPDATE task SET payload = $4 WHERE id = $1 AND attempt = $2 AND owner = $3"

PRIORITISE = """
WITH moved AS (
    UPDATE task SET priority = $3
    FROM job WHERE job.id = $2 AND job.org_id = $1 AND task.job_id = job.id RETURNING task.job_id
)
UPDATE job SET priority = $3 FROM moved WHERE job.id = moved.job_id RETURNING job.id
"""

REPORT_PROGRESS = """
WITH held AS MATERIALIZED (
    SELECT mine.*, given.progress
    FROM unnest($1::bigint[], $2::integer[], $3::uuid[], $4::jsonb[]) AS given (id, attempt, owner, progress)
    CROSS JOIN LATERAL (
        SELECT task.job_id, task.started_at, task.failures + task.takeovers + 1 AS attempts FROM task
        WHERE task.id = given.id AND task.attempt = given.attempt AND task.owner = given.owner
        FOR UPDATE
    ) AS mine
), moved AS (
    UPDATE job SET state = 'running', started_at = coalesce(job.started_at, held.started_at), attempts = held.attempts,
        progress = held.progress, events = job.events + 1 + (job.state = 'queued')::integer
    FROM held WHERE job.id = held.job_id
    RETURNING job.id, held.started_at, old.state, old.events AS told, job.events, job.progress
), told AS (
    INSERT INTO job_event (job_id, seq, at, kind, data)
    SELECT moved.id, new.seq, new.at, new.kind, new.data
    FROM moved CROSS JOIN LATERAL (
        VALUES (told + 1, started_at, 'state', '{"state": "running", "error": null}'::jsonb, state = 'queued'),
            (events, now(), 'progress', progress, true)
    ) AS new (seq, at, kind, data, is_due)
    WHERE is_due
), pruned AS (
    DELETE FROM job_event USING moved
    WHERE job_event.job_id = moved.id AND job_event.kind = 'progress' AND job_event.seq <= moved.events - $5
)
SELECT id FROM moved
"""

LIST_REVIEWS = """
SELECT id AS task_id, job_id, org_id, lane, kind, review_reason AS reason, submitting_at
FROM task WHERE review_reason IS NOT NULL ORDER BY id LIMIT $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How the job of the task behind `fence` ends; its result is JSON already."""

    fence: Fence
    state: JobState
    error: Mapping[str, Any] | None = None
    result: str | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Why and when the task behind `fence` is to be claimed again."""

    fence: Fence
    delay_s: float = 0.0
    failures: int = 0
    takeovers: int = 0
    error: Mapping[str, Any] | None = None
    until: datetime | None = None
    handle: Mapping[str, Any] | None = None
    review_reason: str | None = None
    starts_over: bool = False


async def end_tasks(conn: Connection, ends: Sequence[End]) -> list[Settled]:
    """End the jobs whose fences hold, and say which."""
    fences = {end.fence[:2]: end.fence for end in ends}
    ends = sorted(ends, key=lambda end: end.fence.task_id)
    await conn.execute(PLAN_BY_KEYS)
    rows = await conn.fetch(
        END,
        *_columns([end.fence for end in ends]),
        [end.state for end in ends],
        [end.error for end in ends],
        [end.result for end in ends],
        [end.cached for end in ends],
    )
    return [
        Settled(fence=fences[task_id, attempt], job_id=job_id, state=state, ran_s=ran_s)
        for task_id, attempt, job_id, state, ran_s in rows
    ]


async def release_tasks(conn: Connection, releases: Sequence[Release]) -> list[Settled]:
    """Put back the tasks whose fences hold and that were not cancelled, or only remotely done, and say which."""
    releases = sorted(releases, key=lambda release: release.fence.task_id)
    rows = await conn.fetch(
        RELEASE,
        *_columns([release.fence for release in releases]),
        [release.delay_s for release in releases],
        [release.failures for release in releases],
        [release.takeovers for release in releases],
        [release.error for release in releases],
        [release.until for release in releases],
        [release.handle for release in releases],
        [release.review_reason for release in releases],
        [release.starts_over for release in releases],
    )
    return [
        Settled(
            fence=_fence(row),
            job_id=row["job_id"],
            state=row["job_state"],
            ready_lane=row["lane"] if row["state"] == "ready" else None,
        )
        for row in rows
    ]


async def mark_cancelled(conn: Connection, org_id: UUID, job_id: UUID) -> tuple[Fence, bool] | None:
    """Note that the job is to be cancelled; the fence of its task, and whether a provider may have something of it.

    None where it has no task.
    """
    row = await conn.fetchrow(MARK_CANCELLED, org_id, job_id)
    return None if row is None else (_fence(row), row["is_remote"])


async def begin_submission(conn: Connection, fence: Fence) -> datetime | None:
    """Note that a task may be with a provider from now on, and since when; None where the fence does not hold."""
    began_at: datetime | None = await conn.fetchval(BEGIN_SUBMISSION, *fence)
    return began_at


async def note_handle(conn: Connection, fence: Fence, handle: Mapping[str, Any]) -> bool:
    """Write where a claim's submission is found again; False where the fence does not hold."""
    return await conn.fetchval(NOTE_HANDLE, *fence, handle) is not None


async def keep_payload(conn: Connection, fence: Fence, payload: Mapping[str, Any]) -> None:
    """Keep what the next attempt of a claim need not find out again, where the fence holds."""
    await conn.execute(KEEP_PAYLOAD, *fence, payload)


async def prioritise(conn: Connection, org_id: UUID, job_id: UUID, priority: Priority) -> bool:
    """Give an unfinished job another priority; False where there is none."""
    return await conn.fetchval(PRIORITISE, org_id, job_id, PRIORITIES.index(priority)) is not None


async def report_progress(
    conn: Connection, news: Sequence[tuple[Fence, Mapping[str, Any]]], *, events_max: int
) -> list[UUID]:
    """Tell how far the jobs have come whose fences hold, and say which; each keeps its last `events_max` events."""
    news = sorted(news, key=lambda each: each[0].task_id)
    columns = _columns([fence for fence, _ in news])
    rows = await conn.fetch(REPORT_PROGRESS, *columns, [progress for _, progress in news], events_max)
    return [row["id"] for row in rows]


async def list_reviews(conn: Connection, *, count_max: int) -> list[ReviewedTask]:
    """The tasks that wait for a person."""
    return [ReviewedTask(**row) for row in await conn.fetch(LIST_REVIEWS, count_max)]


def _fence(row: Record) -> Fence:
    return Fence(row["id"], row["attempt"], row["owner"])


def _columns(fences: Sequence[Fence]) -> tuple[list[int], list[int], list[UUID | None]]:
    return [fence[0] for fence in fences], [fence[1] for fence in fences], [fence[2] for fence in fences]
