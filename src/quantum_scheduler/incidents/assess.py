"""Assess what customers had of an incident, from what became of their jobs meanwhile."""

from datetime import datetime, timedelta

import structlog

from quantum_scheduler.incidents.model import Incident
from quantum_scheduler.jobs.metrics import measure_impact
from quantum_scheduler.jobs.queue_model import JobImpact
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.solving.metrics import find_fallen_back

# Of a longer incident only the end is counted.
ASSESSED_MAX = timedelta(days=7)
# For each of two questions, where somebody waits.
TIMEOUT_S = 2.0

log = structlog.get_logger(__name__)


async def assess_impact(
    conn: Connection, incident: Incident, *, now: datetime, timeout_s: float = TIMEOUT_S
) -> JobImpact | None:
    """Count the jobs and customers of the time from the first bad sample to the end, or to now.

    None where one of two questions takes longer than `timeout_s`: no incident's end waits for it.
    """
    end = incident.resolved_at or now
    start = max(incident.began_at, end - ASSESSED_MAX)
    try:
        async with conn.transaction():
            fallen_back = await find_fallen_back(conn, start, end, timeout_s=timeout_s)
            return await measure_impact(conn, start, end, fallen_back=fallen_back, timeout_s=timeout_s)
    except TimeoutError:
        log.warning("incident.impact_uncounted", incident=incident.name)
        return None
