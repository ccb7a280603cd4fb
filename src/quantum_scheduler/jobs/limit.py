"""Let no more run at once than a backend or a contract allows."""

from uuid import UUID

from quantum_scheduler.jobs.queue_model import RunningLimits
from quantum_scheduler.jobs.store import limit as store
from quantum_scheduler.jobs.store import queue
from quantum_scheduler.postgres.connect import Connection


async def limit_lane(conn: Connection, lane: str, running_max: int | None) -> None:
    """Let at most so many tasks of a lane run at once, or any number with None; what runs already goes on.

    From the commit on, no claim exceeds it.
    """
    _check(running_max)
    await queue.lock_lane(conn, lane)
    await store.limit_lane(conn, lane, running_max)


async def limit_organisation(conn: Connection, org_id: UUID, running_max: int | None) -> None:
    """Let at most so many tasks of an organisation run at once over all lanes, or any number with None.

    What runs already goes on. From the commit on, no claim exceeds it.
    """
    _check(running_max)
    await store.limit_organisation(conn, org_id, running_max)


async def find_limits(conn: Connection) -> RunningLimits:
    """Find every limit that is set."""
    return await store.find_limits(conn)


def _check(running_max: int | None) -> None:
    if running_max is not None and running_max < 0:
        raise ValueError(f"{running_max} tasks cannot run at once: a limit is 0 or more")
