"""The statements on lanes: whether they are open and what they hold."""

from datetime import datetime

from quantum_scheduler.jobs.model import PRIORITIES
from quantum_scheduler.jobs.queue_model import LanePause, LaneStats, StuckTask
from quantum_scheduler.postgres.connect import Connection

PAUSE = """
INSERT INTO lane (name, paused_reason, paused_until) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET paused_reason = excluded.paused_reason, paused_until = excluded.paused_until
"""

RESUME = """
UPDATE lane SET paused_reason = NULL, paused_until = NULL WHERE name = $1 AND paused_reason IS NOT NULL RETURNING name
"""

MEASURE = """
WITH held AS (
    SELECT lane, priority,
        count(*) FILTER (WHERE state = 'ready') AS depth,
        count(*) FILTER (WHERE state = 'running') AS running,
        count(*) FILTER (WHERE state = 'scheduled' AND handle IS NOT NULL) AS sleeping,
        extract(epoch FROM now() - min(run_at) FILTER (WHERE state = 'ready'))::float8 AS oldest_s
    FROM task GROUP BY lane, priority
), finished AS (
    SELECT lane, priority, count(*) FILTER (WHERE state = 'succeeded') AS finished,
        count(*) FILTER (WHERE state = 'failed') AS failed,
        avg(extract(epoch FROM finished_at - started_at)) FILTER (WHERE state = 'succeeded')::float8 AS average_s
    FROM job WHERE finished_at > now() - $1 * interval '1 second' AND state IN ('succeeded', 'failed')
    GROUP BY lane, priority
)
SELECT lane, priority, coalesce(depth, 0) AS depth, coalesce(running, 0) AS running, coalesce(sleeping, 0) AS sleeping,
    greatest(coalesce(oldest_s, 0), 0) AS oldest_s, coalesce(finished, 0) AS finished,
    coalesce(failed, 0) AS failed, average_s,
    coalesce(takeovers, 0) AS takeovers
FROM held FULL JOIN finished USING (lane, priority) LEFT JOIN takeover_count USING (lane, priority)
ORDER BY lane, priority DESC
"""

FIND_PAUSED = """
SELECT name AS lane, paused_reason AS reason, paused_until AS until FROM lane
WHERE paused_reason IS NOT NULL AND (paused_until IS NULL OR paused_until > now()) ORDER BY name
"""

FIND_STUCK = """
SELECT task.id AS task_id, task.job_id, task.lane, task.priority, worker.host, worker.pid,
    extract(epoch FROM now() - task.started_at)::float8 AS running_s, late.reason
FROM task
LEFT JOIN job ON job.id = task.job_id
LEFT JOIN worker ON worker.id = task.owner
LEFT JOIN LATERAL (
    SELECT at FROM job_event WHERE job_event.job_id = task.job_id ORDER BY seq DESC LIMIT 1
) AS event ON true
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN task.deadline_at < now() - $1 * interval '1 second' THEN 'deadline'
        WHEN task.started_at < now() - ($1 + job.time_limit_s) * interval '1 second' THEN 'time_limit'
        WHEN greatest(event.at, task.started_at) < now() - $2 * interval '1 second' THEN 'silent'
    END AS reason
) AS late
WHERE task.state = 'running' AND late.reason IS NOT NULL ORDER BY task.started_at, task.id LIMIT $3
"""


async def pause(conn: Connection, lane: str, reason: str, until: datetime | None) -> None:
    """Close the lane."""
    await conn.execute(PAUSE, lane, reason, until)


async def resume(conn: Connection, lane: str) -> bool:
    """Open the lane; False where it was not closed."""
    return await conn.fetchval(RESUME, lane) is not None


async def measure(conn: Connection, *, window_s: float) -> list[LaneStats]:
    """Every lane that holds something or finished something in the last `window_s`."""
    rows = await conn.fetch(MEASURE, window_s)
    return [LaneStats(**{**row, "priority": PRIORITIES[row["priority"]]}) for row in rows]


async def find_paused(conn: Connection) -> list[LanePause]:
    """The lanes that are closed now."""
    return [LanePause(**row) for row in await conn.fetch(FIND_PAUSED)]


async def find_stuck(conn: Connection, *, grace_s: float, silence_s: float, count_max: int) -> list[StuckTask]:
    """What runs `grace_s` past its deadline or time limit or has said nothing for `silence_s`, the longest first."""
    rows = await conn.fetch(FIND_STUCK, grace_s, silence_s, count_max)
    return [StuckTask(**{**row, "priority": PRIORITIES[row["priority"]]}) for row in rows]
