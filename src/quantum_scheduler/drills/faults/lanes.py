"""Workers that take no jobs of a lane."""

from datetime import UTC, datetime, timedelta

from quantum_scheduler.jobs import actions
from quantum_scheduler.jobs.model import TASK_READY
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.postgres.listen import notify_once

REASON = "a drill"
CLOSED_BY_RUNBOOK = "solve.simulator"


class LaneFault:
    """A lane that is closed until its time is over."""

    def __init__(self, pool: Pool, lane: str) -> None:
        self._pool = pool
        self._lane = lane

    async def inject(self, for_s: float) -> None:
        """Close it for so long from now on."""
        async with self._pool.acquire() as conn:
            await actions.pause(conn, self._lane, REASON, until=datetime.now(UTC) + timedelta(seconds=for_s))

    async def lift(self) -> None:
        """Open it."""
        await self._open(self._lane)

    async def tidy(self) -> None:
        """Open what the runbook closes for an hour so that the rest gets through."""
        await self._open(CLOSED_BY_RUNBOOK)

    async def _open(self, lane: str) -> None:
        async with self._pool.acquire() as conn:
            changed = await actions.resume(conn, lane)
            await notify_once(conn, [(TASK_READY, each) for each in changed.ready_lanes])
