"""The statement on how long jobs took."""

from collections.abc import Sequence
from datetime import datetime

from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.solving.routing_model import Durations

COUNT = """
SELECT label, place, count(*) AS count, sum(seconds) AS seconds,
    (array_agg(id::text ORDER BY finished_at DESC))[1] AS example,
    (array_agg(seconds ORDER BY finished_at DESC))[1] AS example_s, max(finished_at) AS example_at
FROM (
    SELECT lane AS label, id, finished_at, extract(epoch FROM finished_at - started_at)::float8 AS seconds,
        width_bucket(extract(epoch FROM finished_at - started_at)::float8, $3::float8[]) AS place
    FROM job WHERE finished_at > $1 AND finished_at <= $2 AND state = 'succeeded' AND started_at IS NOT NULL
) AS ended
GROUP BY label, place ORDER BY label, place
"""


async def count_durations(
    conn: Connection, *, since: datetime, until: datetime, bounds_s: Sequence[float]
) -> list[Durations]:
    """How long the jobs took that succeeded in a time, by lane and by these bounds."""
    return [Durations(**row) for row in await conn.fetch(COUNT, since, until, bounds_s)]
