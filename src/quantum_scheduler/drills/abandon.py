"""End drills whose driller has died: what they broke is well by itself, and here the rest is put back."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from quantum_scheduler.drills import store
from quantum_scheduler.drills.follow import follow
from quantum_scheduler.drills.model import Abandoned, Seen
from quantum_scheduler.drills.put_back import abort, close
from quantum_scheduler.drills.table import find_scenario
from quantum_scheduler.drills.tidy import tidy
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.jobs.repeat import repeat
from quantum_scheduler.postgres.connect import Pool

EVERY_S = 5.0
# So long after its lease, what a dead driller broke has been detected, if it ever is.
GRACE = timedelta(seconds=20)
# A run that has not taken everything back by then is left to people.
UNDONE_WITHIN = timedelta(minutes=2)
BY = "watch"

log = structlog.get_logger(__name__)


async def clear_away_always(audience: Audience, pool: Pool, now: Callable[[], datetime]) -> None:
    """Put back what dead drillers leave, until cancelled. It outlives restarts of the database."""

    async def step() -> None:
        await clear_away(pool, audience, now=now())

    await repeat(step, pause_s=EVERY_S, room="drill", failed="not_cleared_away")


async def clear_away(pool: Pool, audience: Audience, *, now: datetime) -> int:
    """Put back what dead drillers have left, as far as that goes now; how many drills are over by it."""
    async with pool.acquire() as conn:
        found = await store.list_abandoned(conn, now - GRACE)
    return sum([await _clear(pool, each, audience, now=now) for each in found])


async def _clear(pool: Pool, drill: Abandoned, audience: Audience, *, now: datetime) -> bool:
    scenario = find_scenario(drill.name)
    async with pool.acquire() as conn:
        seen, run = await follow(conn, scenario.runbook, Seen(fault_at=drill.started_at))
        if run is not None:
            await abort(conn, run, audience, by=BY, now=now)
            _, run = await follow(conn, scenario.runbook, seen)
    if run is not None and run.finished_at is None and now < drill.expires_at + GRACE + UNDONE_WITHIN:
        return False
    await tidy(pool, scenario)
    async with pool.acquire() as conn:
        if seen.incident is not None:
            await close(conn, seen.incident, audience, by=BY, now=now)
        await store.end(conn, drill.id, now)
    log.warning("drill.cleared_away", drill=drill.name, incident=seen.incident)
    return True
