"""Fill in what customers had of an incident, where nobody could wait for it when the incident ended."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from quantum_scheduler.incidents import store
from quantum_scheduler.incidents.assess import assess_impact
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.review import redraft_review
from quantum_scheduler.postgres.connect import Connection, Pool, transient

EVERY_S = 300.0
# Nobody waits now.
TIMEOUT_S = 60.0
# What cannot be counted within this time stays open.
TRIED_FOR = timedelta(days=1)

log = structlog.get_logger(__name__)


async def fill_in_always(pool: Pool, now: Callable[[], datetime]) -> None:
    """Fill in until cancelled. It outlives restarts of the database."""
    while True:
        try:
            async with pool.acquire() as conn:
                await fill_in(conn, now=now())
        except Exception as error:
            if transient(error):
                log.warning("incident.database_away", reason=str(error) or type(error).__name__)
            else:
                log.exception("incident.impact_not_filled_in")
        await asyncio.sleep(EVERY_S)


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
