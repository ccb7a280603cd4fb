"""The statements on the queue as a whole: who gets what next, and what a tick finds."""

from collections.abc import Sequence
from uuid import UUID

from asyncpg import Record

from quantum_scheduler.jobs.model import Claim, Fence, SolveClaim
from quantum_scheduler.postgres.connect import Connection

# Advisory locks of class 20762 are the lanes'. That of class 20764 is shared by all claims, until an organisation has a
# limit: then claims take turns, because what one lane gives it counts in the others. The settings end with the
# transaction: a claim that a crash of Postgres forgets is only made again, and no plan may read a whole table that was
# empty when the plan was made.
LOCK_LANE = """
SELECT pg_advisory_xact_lock(20762, hashtext($1)),
    CASE WHEN limits.exist THEN pg_advisory_xact_lock(20764, 0) ELSE pg_advisory_xact_lock_shared(20764, 0) END,
    set_config('synchronous_commit', 'off', true),
    set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true),
    set_config('enable_seqscan', 'off', true),
    limits.exist
FROM (SELECT EXISTS (SELECT FROM org_limit) AS exist) AS limits
"""

FIND_READY_LANES = """
SELECT lane.name
FROM unnest($1::text[]) WITH ORDINALITY AS lane (name, place)
CROSS JOIN LATERAL (
    SELECT max(task.priority) AS priority FROM task WHERE task.lane = lane.name AND task.state = 'ready'
) AS top
WHERE top.priority IS NOT NULL ORDER BY top.priority DESC, lane.place
"""

# In each level `orgs` walks the organisations that have something ready, in two halves: those after the last turn's
# and those up to it; and `rounds` takes of each its share, and of those that have more a share of what others had not,
# until there are enough. It looks at about as many entries of the index as tasks are claimed, whatever waits; an
# organisation at its limit costs one. The order by `run_at` before `id` keeps the planner, whose statistics of a queue
# are always old, from walking the primary key. The job's row is only read: that it runs is what its task says. A small
# problem, which stands in that row, comes along; a large one is read once nobody waits for the lane any more.
# `room` is how many more an organisation may have at work; `nth` counts them over all levels. $4 says whether the lock
# was taken that limits need: a limit newer than the lock lets nothing be claimed this once.
CLAIM = """
WITH busy AS MATERIALIZED (
    SELECT task.org_id, count(*) AS tasks FROM task WHERE task.state = 'running' GROUP BY task.org_id
), offered AS (
    SELECT pick.*, level.priority,
        row_number() OVER (PARTITION BY pick.org_id ORDER BY level.priority DESC, pick.round) AS nth
    FROM unnest('{3,2,1,0}'::smallint[]) AS level (priority)
    CROSS JOIN LATERAL (
        WITH RECURSIVE turn AS MATERIALIZED (
            SELECT coalesce(
                (SELECT lane_turn.org_id FROM lane_turn
                WHERE lane_turn.lane = $1 AND lane_turn.priority = level.priority),
                '00000000-0000-0000-0000-000000000000'
            ) AS org_id
        ), orgs AS (
            SELECT 1 AS half, turn.org_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid AS until, 0 AS step,
                0::bigint AS room
            FROM turn
            UNION ALL
            SELECT 2, '00000000-0000-0000-0000-000000000000', turn.org_id, 0, 0 FROM turn
            UNION ALL
            SELECT orgs.half, next.org_id, orgs.until, orgs.step + (own.room > 0)::integer, own.room
            FROM orgs CROSS JOIN LATERAL (
                SELECT task.org_id FROM task
                WHERE task.lane = $1 AND task.priority = level.priority AND task.state = 'ready'
                    AND task.org_id > orgs.org_id AND task.org_id <= orgs.until
                ORDER BY task.org_id LIMIT 1
            ) AS next
            CROSS JOIN LATERAL (
                SELECT coalesce(
                    (SELECT org_limit.running_max
                        - coalesce((SELECT busy.tasks FROM busy WHERE busy.org_id = next.org_id), 0)
                    FROM org_limit WHERE org_limit.org_id = next.org_id),
                    $2
                ) AS room
            ) AS own
            WHERE orgs.step < $2
        ), rounds AS (
            SELECT org.half, org.org_id, org.room, next.place AS round, next.run_at, next.id,
                next.place = org.share AS goes_on, count(*) OVER () AS taken
            FROM (
                SELECT half, org_id, room, least(room, 1 + ($2 - 1) / count(*) OVER ()) AS share
                FROM (SELECT half, org_id, room FROM orgs WHERE room > 0 ORDER BY half, org_id LIMIT $2) AS first
            ) AS org
            CROSS JOIN LATERAL (
                SELECT mine.run_at, mine.id, row_number() OVER (ORDER BY mine.run_at, mine.id) AS place FROM (
                    SELECT task.run_at, task.id FROM task
                    WHERE task.lane = $1 AND task.priority = level.priority AND task.state = 'ready'
                        AND task.org_id = org.org_id
                    ORDER BY task.run_at, task.id LIMIT org.share
                ) AS mine
            ) AS next
            UNION ALL
            SELECT org.half, org.org_id, org.room, org.round + next.place, next.run_at, next.id,
                next.place = org.share, org.taken + count(*) OVER ()
            FROM (
                SELECT rounds.*, least(room - round, 1 + ($2 - taken - 1) / count(*) OVER ()) AS share
                FROM rounds WHERE goes_on AND taken < $2 AND round < room
            ) AS org
            CROSS JOIN LATERAL (
                SELECT mine.run_at, mine.id, row_number() OVER (ORDER BY mine.run_at, mine.id) AS place FROM (
                    SELECT task.run_at, task.id FROM task
                    WHERE task.lane = $1 AND task.priority = level.priority AND task.state = 'ready'
                        AND task.org_id = org.org_id AND (task.run_at, task.id) > (org.run_at, org.id)
                    ORDER BY task.run_at, task.id LIMIT org.share
                ) AS mine
            ) AS next
        )
        SELECT rounds.round, rounds.half, rounds.org_id, rounds.room, rounds.id FROM rounds
    ) AS pick
    WHERE EXISTS (SELECT FROM worker WHERE worker.id = $3)
        AND ($4 OR NOT EXISTS (SELECT FROM org_limit))
        AND NOT EXISTS (
            SELECT FROM lane WHERE lane.name = $1 AND lane.paused_reason IS NOT NULL
                AND (lane.paused_until IS NULL OR lane.paused_until > now())
        )
), picked AS (
    SELECT * FROM offered WHERE nth <= room
    ORDER BY priority DESC, round, half, org_id
    LIMIT coalesce(
        (SELECT least($2, greatest(lane.running_max - (
            SELECT count(*) FROM task WHERE task.lane = $1 AND task.state = 'running'
        ), 0))
        FROM lane WHERE lane.name = $1 AND lane.running_max IS NOT NULL),
        $2
    )
), held AS MATERIALIZED (
    SELECT picked.* FROM picked CROSS JOIN LATERAL (
        SELECT FROM task WHERE task.id = picked.id AND task.owner IS NULL FOR UPDATE SKIP LOCKED
    ) AS free
), claimed AS (
    UPDATE task SET state = 'running', owner = $3, attempt = task.attempt + 1, started_at = now()
    FROM held WHERE task.id = held.id RETURNING task.*, held.round, held.half
), turned AS (
    INSERT INTO lane_turn (lane, priority, org_id)
    SELECT DISTINCT ON (priority) $1, priority, org_id FROM held
    ORDER BY priority, round DESC, half DESC, org_id DESC
    ON CONFLICT (lane, priority) DO UPDATE SET org_id = excluded.org_id
)
SELECT claimed.id AS task_id, claimed.attempt, claimed.owner, claimed.job_id, claimed.org_id, claimed.lane,
    claimed.kind, claimed.failures, extract(epoch FROM claimed.deadline_at - now())::float8 AS deadline_left_s,
    claimed.payload, claimed.handle, claimed.submitting_at, claimed.cancelled_at IS NOT NULL AS is_cancelled,
    job.fingerprint, job.backend, job.method, job.time_limit_s, job.seed, job.use_cache,
    CASE WHEN octet_length(job.problem) <= 2000 THEN job.problem END AS problem
FROM claimed LEFT JOIN job ON job.id = claimed.job_id
ORDER BY claimed.priority DESC, claimed.round, claimed.half, claimed.org_id
"""

FIND_HELD = "SELECT id, attempt, owner FROM task WHERE owner = $1 AND state = 'running'"

LOCK_CLAIM = """
SELECT id FROM task WHERE id = $1 AND attempt = $2 AND owner = $3 AND state = 'running' FOR UPDATE
"""

LOCK_TICK = "SELECT pg_try_advisory_xact_lock(20763, 0)"

PROMOTE = """
WITH due AS MATERIALIZED (
    SELECT id FROM task WHERE state = 'scheduled' AND run_at <= now()
    ORDER BY run_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE task SET state = 'ready' FROM due WHERE task.id = due.id RETURNING task.lane
"""

# What a provider has is for its handler to stop.
FIND_LATE = """
SELECT id, attempt, owner FROM task
WHERE deadline_at <= now() AND state <> 'running'
    AND (review_reason IS NOT NULL OR (handle IS NULL AND submitting_at IS NULL))
ORDER BY deadline_at LIMIT $1 FOR UPDATE SKIP LOCKED
"""

FIND_ORPHANS = """
SELECT id, attempt, owner, takeovers FROM task
WHERE state = 'running' AND NOT EXISTS (SELECT FROM worker WHERE worker.id = task.owner)
ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
"""

COUNT_TAKEOVERS = """
INSERT INTO takeover_count (lane, priority, takeovers)
SELECT lane, priority, count(*) FROM task WHERE id = ANY($1::bigint[]) GROUP BY lane, priority ORDER BY lane, priority
ON CONFLICT (lane, priority) DO UPDATE SET takeovers = takeover_count.takeovers + excluded.takeovers
"""


async def lock_lane(conn: Connection, lane: str) -> bool:
    """Wait until nobody else claims from the lane, which lasts until the transaction ends; whether limits are kept."""
    row = await conn.fetchrow(LOCK_LANE, lane)
    assert row is not None, "a statement without a condition has a row"
    return bool(row["exist"])


async def find_ready_lanes(conn: Connection, lanes: Sequence[str]) -> list[str]:
    """Those of the lanes that have something to claim, the one with the highest priority first."""
    return [row["name"] for row in await conn.fetch(FIND_READY_LANES, lanes)]


async def claim_tasks(
    conn: Connection, lane: str, count_max: int, worker_id: UUID, *, keeps_limits: bool
) -> list[Claim]:
    """Claim up to `count_max` tasks of the lane, which must be locked; `keeps_limits` is what locking it said."""
    return [_claim(row) for row in await conn.fetch(CLAIM, lane, count_max, worker_id, keeps_limits)]


async def find_held(conn: Connection, worker_id: UUID) -> list[Fence]:
    """What the worker holds."""
    return [Fence(row["id"], row["attempt"], row["owner"]) for row in await conn.fetch(FIND_HELD, worker_id)]


async def lock_claim(conn: Connection, fence: Fence) -> bool:
    """Lock the task of a claim, if it still holds."""
    return await conn.fetchval(LOCK_CLAIM, *fence) is not None


async def lock_tick(conn: Connection) -> bool:
    """Whether this transaction is the one that ticks."""
    return bool(await conn.fetchval(LOCK_TICK))


async def promote(conn: Connection, *, count_max: int) -> set[str]:
    """Make ready what is due, and name the lanes it is in."""
    return {row["lane"] for row in await conn.fetch(PROMOTE, count_max)}


async def find_late(conn: Connection, *, count_max: int) -> list[Fence]:
    """Lock tasks that waited past their deadline."""
    rows = await conn.fetch(FIND_LATE, count_max)
    return [Fence(row["id"], row["attempt"], row["owner"]) for row in rows]


async def find_orphans(conn: Connection, *, count_max: int) -> list[tuple[Fence, int]]:
    """Lock tasks whose worker is gone; with each, how often that happened to it before."""
    rows = await conn.fetch(FIND_ORPHANS, count_max)
    return [(Fence(row["id"], row["attempt"], row["owner"]), row["takeovers"]) for row in rows]


async def count_takeovers(conn: Connection, task_ids: Sequence[int]) -> None:
    """Count that these tasks are taken from their workers."""
    await conn.execute(COUNT_TAKEOVERS, task_ids)


def _claim(row: Record) -> Claim:
    if row["job_id"] is not None:
        return SolveClaim(**row)
    return Claim(**{name: row[name] for name in Claim.__dataclass_fields__})
