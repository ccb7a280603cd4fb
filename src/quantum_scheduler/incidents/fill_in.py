"""Fill in what customers had of an incident, where nobody could wait for it when the incident ended."""

from collections.abc import Callable
from datetime import datetime, timedelta

from quantum_scheduler.incidents import store
from quantum_scheduler.incidents.assess import assess_impact
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.review import redraft_review
from quantum_scheduler.jobs.repeat import repeat
from quantum_scheduler.postgres.connect import Connection, Pool

EVERY_S = 300.0
# Nobody waits now.
TIMEOUT_S = 60.0
# What cannot be counted within this time stays open.
TRIED_FOR = timedelta(days=1)


async def fill_in_always(pool: Pool, now: Callable[[], datetime]) -> None:
    """Fill in until cancelled. It outlives restarts of the database."""

    async def step() -> None:
        async with pool.acquire() as conn:
            await fill_in(conn, now=now())

    await repeat(step, pause_s=EVERY_S, room="incident", failed="impact_not_filled_in")


async def fill_in(conn: Connection, *, now: datetime) -> int:
    """Count for every post-mortem that still lacks its figures; how many have them now. Outside a transaction."""
    filled_in = 0
    for incident_id in await store.find_uncounted(conn, now - TRIED_FOR):
        incident = await find_incident(conn, incident_id)
        impact = await assess_impact(conn, incident, now=now, timeout_s=TIMEOUT_S)
        if impact is not None:
            async with conn.transaction():
                filled_in += await redraft_review(conn, incident_id, impact, now=now)
    return filled_in
