"""Tell subscribers of incidents and of maintenance, each once."""

from datetime import datetime

from quantum_scheduler.incidents.model import Incident
from quantum_scheduler.incidents.status.model import UpdateStatus
from quantum_scheduler.incidents.status.subscriptions import store
from quantum_scheduler.monitoring.maintenance.model import Maintenance
from quantum_scheduler.monitoring.maintenance.plan import turn_maintenance
from quantum_scheduler.notifications.model import TITLE_CHARS_MAX, Message
from quantum_scheduler.postgres.connect import Connection


async def tell_update(
    conn: Connection, incident: Incident, update_id: int, *, status: UpdateStatus, body: str, now: datetime
) -> int:
    """Tell subscribers what was published of an incident; how many."""
    message = Message(
        kind="notice",
        title=f"{status.capitalize()}: {incident.title}"[:TITLE_CHARS_MAX],
        text=body,
        incident=incident.name,
    )
    return await store.tell(conn, message, dedup_key=f"status/update/{update_id}", incident_id=incident.id, now=now)


async def tell_maintenance(conn: Connection, *, now: datetime) -> int:
    """Tell subscribers of maintenance that is planned, begins or ends; how many were told something."""
    return sum([await _tell(conn, each, now=now) for each in await turn_maintenance(conn, now=now)])


async def _tell(conn: Connection, maintenance: Maintenance, *, now: datetime) -> int:
    phase = maintenance.phase(now)
    times = f"{maintenance.starts_at:%Y-%m-%d %H:%M} - {maintenance.ends_at:%Y-%m-%d %H:%M} UTC"
    parts = (times, f"Affected: {', '.join(maintenance.components)}", maintenance.body)
    message = Message(
        kind="notice",
        title=f"Maintenance {phase.replace('_', ' ')}: {maintenance.title}"[:TITLE_CHARS_MAX],
        text="\n".join(part for part in parts if part),
    )
    dedup_key = f"status/maintenance/{maintenance.id}/{phase}"
    return await store.tell(conn, message, dedup_key=dedup_key, incident_id=None, now=now)
