"""The statements on how long jobs and attempts took, added up as they end."""

from collections.abc import Sequence
from datetime import datetime

from quantum_scheduler.monitoring.sample_model import SolveTotal
from quantum_scheduler.postgres.connect import Connection

# A job ends in a transaction that takes a moment to commit; so late it is there. What ended while nobody watched for
# long is not counted.
ADVANCE = """
INSERT INTO metric_cursor AS known (solved_until) VALUES (now() - $1 * interval '1 second')
ON CONFLICT (id) DO UPDATE SET solved_until = excluded.solved_until
RETURNING greatest(
    (SELECT metric_cursor.solved_until FROM metric_cursor), known.solved_until - interval '1 hour'
) AS since, known.solved_until AS until
"""

ADD = """
INSERT INTO solve_total AS total (kind, label, seconds, counts, exemplars) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (kind, label) DO UPDATE SET seconds = total.seconds + excluded.seconds,
    exemplars = total.exemplars || excluded.exemplars,
    counts = (
        SELECT array_agg(coalesce(one, 0) + coalesce(other, 0) ORDER BY place)
        FROM unnest(total.counts, excluded.counts) WITH ORDINALITY AS pair (one, other, place)
    )
"""

READ = "SELECT kind, label, seconds, counts, exemplars FROM solve_total ORDER BY kind, label"


async def advance(conn: Connection, *, commits_within_s: float) -> tuple[datetime, datetime]:
    """From when until when what ended is to be counted now; nobody else counts it."""
    row = await conn.fetchrow(ADVANCE, commits_within_s)
    assert row is not None, "an insert returns its row"
    return row["since"], row["until"]


async def add_totals(conn: Connection, totals: Sequence[SolveTotal]) -> None:
    """Add to all that was counted before."""
    rows = [(each.kind, each.label, each.seconds, each.counts, each.exemplars) for each in totals]
    if rows:
        await conn.executemany(ADD, rows)


async def read_totals(conn: Connection) -> list[SolveTotal]:
    """Everything that was counted."""
    return [SolveTotal(**row) for row in await conn.fetch(READ)]
