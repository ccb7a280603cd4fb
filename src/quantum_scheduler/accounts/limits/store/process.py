"""The statements on the processes of the API."""

from quantum_scheduler.accounts.limits.request_model import ApiProcess
from quantum_scheduler.postgres.connect import Connection

BEAT = """
INSERT INTO api_process AS known (id, host, pid, pool_wait_s, memory_mb, beat_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp())
ON CONFLICT (id) DO UPDATE SET pool_wait_s = excluded.pool_wait_s, memory_mb = excluded.memory_mb,
    beat_at = excluded.beat_at
"""

FIND = """
SELECT id, host, pid, pool_wait_s, memory_mb,
    greatest(extract(epoch FROM clock_timestamp() - beat_at)::float8, 0) AS silence_s
FROM api_process ORDER BY id
"""

PRUNE = "DELETE FROM api_process WHERE beat_at < clock_timestamp() - interval '1 hour'"


async def beat(conn: Connection, process: ApiProcess) -> None:
    """Say that a process is alive."""
    await conn.execute(BEAT, process.id, process.host, process.pid, process.pool_wait_s, process.memory_mb)


async def find_processes(conn: Connection) -> list[ApiProcess]:
    """Every process that has beaten in the last hour or so."""
    return [ApiProcess(**row) for row in await conn.fetch(FIND)]


async def prune(conn: Connection) -> None:
    """Forget processes that ended long ago."""
    await conn.execute(PRUNE)
