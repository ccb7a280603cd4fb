"""The statements that measure attempts."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.solving.routing_model import AttemptFailure, AttemptStats, Durations

# A job counts once, by its last attempt: it was answered, it fell back, or the rules kept it classical (not counted).
MEASURE_JOBS = """
WITH last AS (
    SELECT DISTINCT ON (job_id) job_id, state, is_fallback FROM quantum_attempt
    WHERE ended_at > now() - $1 * interval '1 second' ORDER BY job_id, id DESC
)
SELECT count(*) FILTER (WHERE is_fallback) AS fallen_back,
    count(*) FILTER (WHERE is_fallback OR state IN ('answered', 'outrun')) AS wanted
FROM last
"""

FIND_FALLEN_BACK = """
SELECT DISTINCT job_id FROM quantum_attempt WHERE is_fallback AND ended_at >= $1 AND ended_at < $2 LIMIT $3
"""

# The better of two objectives is the smaller; 1 says that they are the same, more that the quantum one is better.
MEASURE = """
SELECT backend, count(*) FILTER (WHERE state = 'answered') AS answered,
    count(*) FILTER (WHERE state IN ('failed', 'doubtful')) AS failed,
    count(*) FILTER (WHERE state = 'outrun') AS outrun,
    count(*) FILTER (WHERE winner = backend) AS won,
    sum(cost_usd) FILTER (WHERE state = 'answered') AS cost_usd,
    avg(cost_usd) FILTER (WHERE state = 'answered') AS average_cost_usd,
    avg(1 - (objective - classical_objective) / greatest(1, abs(classical_objective)))
        FILTER (WHERE state = 'answered') AS quality,
    avg(extract(epoch FROM ended_at - began_at)::float8) FILTER (WHERE state = 'answered') AS average_s,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - began_at)::float8)
        FILTER (WHERE state = 'answered') AS p95_s
FROM quantum_attempt WHERE backend IS NOT NULL AND ended_at > now() - $1 * interval '1 second'
GROUP BY backend ORDER BY backend
"""

MEASURE_QUEUES = """
SELECT backend, max(queue_position) AS queue_position, count(*) AS waiting
FROM quantum_attempt WHERE ended_at IS NULL GROUP BY backend
"""

GROUP_FAILURES = """
SELECT backend, coalesce(error->>'kind', state) AS kind, count(*) AS attempts, count(DISTINCT job_id) AS jobs,
    left((array_agg(coalesce(error->>'message', '') ORDER BY ended_at DESC))[1], $2) AS message
FROM quantum_attempt
WHERE ended_at > now() - $1 * interval '1 second' AND state IN ('failed', 'doubtful')
GROUP BY 1, 2 ORDER BY attempts DESC, backend, kind LIMIT $3
"""

COUNT_DURATIONS = """
SELECT label, place, count(*) AS count, sum(seconds) AS seconds,
    (array_agg(job_id::text ORDER BY ended_at DESC))[1] AS example,
    (array_agg(seconds ORDER BY ended_at DESC))[1] AS example_s, max(ended_at) AS example_at
FROM (
    SELECT backend AS label, job_id, ended_at, extract(epoch FROM ended_at - began_at)::float8 AS seconds,
        width_bucket(extract(epoch FROM ended_at - began_at)::float8, $3::float8[]) AS place
    FROM quantum_attempt WHERE ended_at > $1 AND ended_at <= $2 AND state = 'answered'
) AS ended
GROUP BY label, place ORDER BY label, place
"""

COUNT_BEGUN = """
SELECT count(*) FROM quantum_attempt WHERE backend = $1 AND began_at > now() - $2 * interval '1 second'
"""


async def measure_jobs(conn: Connection, *, window_s: float) -> tuple[int, int]:
    """How many jobs fell back in the window, of how many that were to have a quantum answer."""
    row = await conn.fetchrow(MEASURE_JOBS, window_s)
    assert row is not None, "an aggregate has a row"
    return row["fallen_back"], row["wanted"]


async def find_fallen_back(
    conn: Connection, start: datetime, end: datetime, count_max: int, *, timeout_s: float
) -> list[UUID]:
    """The jobs of which an attempt ended in trouble between two moments, each once. Raises TimeoutError."""
    rows = await conn.fetch(FIND_FALLEN_BACK, start, end, count_max, timeout=timeout_s)
    return [row["job_id"] for row in rows]


async def measure(conn: Connection, *, window_s: float) -> dict[str, AttemptStats]:
    """What came of the attempts that ended in the window, by backend."""
    return {row["backend"]: AttemptStats(**row) for row in await conn.fetch(MEASURE, window_s)}


async def measure_queues(conn: Connection) -> dict[str, tuple[int | None, int]]:
    """The farthest place in each vendor's queue, and how many attempts are under way there."""
    rows = await conn.fetch(MEASURE_QUEUES)
    return {row["backend"]: (row["queue_position"], row["waiting"]) for row in rows}


async def group_failures(
    conn: Connection, *, window_s: float, message_length_max: int, count_max: int
) -> list[AttemptFailure]:
    """The failed attempts of the window by backend and kind of error, most first."""
    rows = await conn.fetch(GROUP_FAILURES, window_s, message_length_max, count_max)
    return [AttemptFailure(**row) for row in rows]


async def count_durations(
    conn: Connection, *, since: datetime, until: datetime, bounds_s: Sequence[float]
) -> list[Durations]:
    """How long the attempts took that were answered in a time, by backend and by these bounds."""
    return [Durations(**row) for row in await conn.fetch(COUNT_DURATIONS, since, until, bounds_s)]


async def count_begun(conn: Connection, backend: str, *, since_s: float) -> int:
    """How many attempts at a backend began in the time before now."""
    return int(await conn.fetchval(COUNT_BEGUN, backend, since_s))
