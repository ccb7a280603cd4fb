"""The statements on lanes: whether they are open and what they hold."""

from datetime import datetime

from quantum_scheduler.jobs.model import PRIORITIES, LaneStats
from quantum_scheduler.postgres.connect import Connection

PAUSE = """
INSERT INTO lane (name, paused_reason, paused_until) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET paused_reason = excluded.paused_reason, paused_until = excluded.paused_until
"""

RESUME = "UPDATE lane SET paused_reason = NULL, paused_until = NULL WHERE name = $1"

MEASURE = """
WITH held AS (
    SELECT lane, priority,
        count(*) FILTER (WHERE state = 'ready') AS depth,
        count(*) FILTER (WHERE state = 'running') AS running,
        extract(epoch FROM now() - min(run_at) FILTER (WHERE state = 'ready'))::float8 AS oldest_s
    FROM task GROUP BY lane, priority
), finished AS (
    SELECT lane, priority, avg(extract(epoch FROM finished_at - started_at))::float8 AS average_s, count(*) AS finished
    FROM job WHERE finished_at > now() - $1 * interval '1 second' AND state = 'succeeded'
    GROUP BY lane, priority
)
SELECT lane, priority, coalesce(depth, 0) AS depth, coalesce(running, 0) AS running,
    greatest(coalesce(oldest_s, 0), 0) AS oldest_s,
    coalesce(finished, 0) AS finished, average_s
FROM held FULL JOIN finished USING (lane, priority) ORDER BY lane, priority DESC
"""


async def pause(conn: Connection, lane: str, reason: str, until: datetime | None) -> None:
    """Close the lane."""
    await conn.execute(PAUSE, lane, reason, until)


async def resume(conn: Connection, lane: str) -> None:
    """Open the lane."""
    await conn.execute(RESUME, lane)


async def measure(conn: Connection, *, window_s: float) -> list[LaneStats]:
    """Every lane that holds something or finished something in the last `window_s`."""
    rows = await conn.fetch(MEASURE, window_s)
    return [LaneStats(**{**row, "priority": PRIORITIES[row["priority"]]}) for row in rows]
