"""The statements on workers. The database's clock is the only one that counts."""

from collections.abc import Sequence
from uuid import UUID

from quantum_scheduler.jobs.queue_model import WorkerStats
from quantum_scheduler.postgres.connect import Connection

REGISTER = "INSERT INTO worker (host, pid, lanes, slots, lease_s) VALUES ($1, $2, $3, $4, $5) RETURNING id"

BEAT = "UPDATE worker SET beat_at = clock_timestamp(), memory_mb = $2 WHERE id = $1 RETURNING id"

# What only carries out what the control plane wants is no worker to customers.
FIND_ALIVE = """
SELECT id, host, pid, slots, memory_mb,
    greatest(extract(epoch FROM clock_timestamp() - beat_at)::float8, 0) AS silence_s
FROM worker WHERE beat_at >= clock_timestamp() - lease_s * interval '1 second' AND lanes <> '{control}' ORDER BY id
"""

FIND_CANCELLED = "SELECT job_id FROM task WHERE owner = $1 AND state = 'running' AND cancelled_at IS NOT NULL"

LEAVE = "DELETE FROM worker WHERE id = $1"

# A worker that is just beating keeps its row: the delete waits for it and looks again.
REAP = "DELETE FROM worker WHERE beat_at < clock_timestamp() - lease_s * interval '1 second' RETURNING id"


async def register(conn: Connection, *, host: str, pid: int, lanes: Sequence[str], slots: int, lease_s: float) -> UUID:
    """Write a worker down as alive from now on."""
    worker_id: UUID = await conn.fetchval(REGISTER, host, pid, lanes, slots, lease_s)
    return worker_id


async def beat(conn: Connection, worker_id: UUID, memory_mb: float) -> bool:
    """Renew the lease and say what the worker holds in memory; False where the lease has been taken away."""
    return await conn.fetchval(BEAT, worker_id, memory_mb) is not None


async def find_alive(conn: Connection) -> list[WorkerStats]:
    """Every worker that solves and whose lease has not run out."""
    return [WorkerStats(**row) for row in await conn.fetch(FIND_ALIVE)]


async def find_cancelled(conn: Connection, worker_id: UUID) -> list[UUID]:
    """The jobs that the worker runs and whose customer has cancelled them."""
    return [row["job_id"] for row in await conn.fetch(FIND_CANCELLED, worker_id)]


async def leave(conn: Connection, worker_id: UUID) -> None:
    """Give the lease up."""
    await conn.execute(LEAVE, worker_id)


async def reap(conn: Connection) -> list[UUID]:
    """Take their leases from the workers that have not beaten in time, and name them."""
    return [row["id"] for row in await conn.fetch(REAP)]
