"""Close a lane for a while: what is queued in it waits, what runs goes on."""

from datetime import datetime

from quantum_scheduler.jobs.queue_model import LanePause
from quantum_scheduler.jobs.store import lane as store
from quantum_scheduler.postgres.connect import Connection


async def pause_lane(conn: Connection, lane: str, reason: str, *, until: datetime | None = None) -> None:
    """Let nobody claim from a lane until it is resumed, or until then; the last call counts."""
    await store.pause(conn, lane, reason, until)


async def resume_lane(conn: Connection, lane: str) -> bool:
    """Open a lane again; False where it was not closed. Notify `TASK_READY` with it once committed."""
    return await store.resume(conn, lane)


async def find_paused(conn: Connection) -> list[LanePause]:
    """Find the lanes that are closed now, by name."""
    return await store.find_paused(conn)
