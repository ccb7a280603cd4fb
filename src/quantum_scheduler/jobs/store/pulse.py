"""The statement on whether work gets done."""

from quantum_scheduler.postgres.connect import Connection

TAKE_PULSE = """
SELECT
    (SELECT count(*) FROM task WHERE state = 'ready') AS queue_depth,
    (SELECT count(*) FROM worker
    WHERE beat_at >= clock_timestamp() - lease_s * interval '1 second' AND lanes <> '{control}') AS workers
"""


async def take_pulse(conn: Connection) -> tuple[int, int]:
    """How many tasks wait, and how many workers are alive."""
    row = await conn.fetchrow(TAKE_PULSE)
    assert row is not None, "a statement of two counts has a row"
    return row["queue_depth"], row["workers"]
