"""Workers that take no jobs of a lane."""

from datetime import UTC, datetime, timedelta

from quantum_scheduler.jobs import actions
from quantum_scheduler.jobs.model import TASK_READY
from quantum_scheduler.jobs.pause import find_paused
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.postgres.listen import notify_once

REASON = "a drill"
# What the runbook closes for an hour so that the rest gets through.
CLOSED_BY_RUNBOOK = "solve.simulator"


class LaneFault:
    """A lane that is closed until its time is over, or somebody opens it: then it stays open."""

    def __init__(self, pool: Pool, lane: str) -> None:
        self._pool = pool
        self._lane = lane
        self._is_closed = False

    async def inject(self, for_s: float) -> None:
        """Close it for so long from now on."""
        async with self._pool.acquire() as conn, conn.transaction():
            closed = {each.lane for each in await find_paused(conn) if each.reason == REASON}
            if not self._is_closed or self._lane in closed:
                until = datetime.now(UTC) + timedelta(seconds=for_s)
                await actions.pause(conn, self._lane, REASON, until=until)
                self._is_closed = True

    async def lift(self) -> None:
        """Open it."""
        await _open(self._pool, self._lane)


async def open_lanes(pool: Pool, lane: str) -> None:
    """Open a lane, and what the runbook closes."""
    await _open(pool, lane, CLOSED_BY_RUNBOOK)


async def _open(pool: Pool, *lanes: str) -> None:
    async with pool.acquire() as conn:
        for lane in lanes:
            changed = await actions.resume(conn, lane)
            await notify_once(conn, [(TASK_READY, each) for each in changed.ready_lanes])
