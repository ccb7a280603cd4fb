"""Respond to an incident: move it, page people or leave them alone, and tell the channels. All in one transaction."""

from datetime import datetime, timedelta

from quantum_scheduler.incidents import move
from quantum_scheduler.incidents.declare import declare_incident
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.model import ACKNOWLEDGED_FOR, Declared, Incident, NewIncident
from quantum_scheduler.incidents.paging.announce import (
    Audience,
    announce_acknowledged,
    announce_declared,
    announce_resolved,
    announce_update,
    write_page,
)
from quantum_scheduler.incidents.paging.escalate import freeze_pages, pace_pages, resume_pages
from quantum_scheduler.incidents.review import draft_review
from quantum_scheduler.incidents.status.follow import follow
from quantum_scheduler.incidents.status.publish import close_status
from quantum_scheduler.monitoring.detect import Severity
from quantum_scheduler.postgres.connect import Connection

NOTIFY_TEAM = "Notify relevant team members"


async def raise_incident(
    conn: Connection, new: NewIncident, audience: Audience, *, actor: str, now: datetime
) -> tuple[Incident, Declared]:
    """Declare an incident, page whoever is on call and alert the channels; say what that came to.

    One that was open already is told again only where it has become worse. Raises IncidentTextInvalid.
    """
    incident, came_to = await declare_incident(conn, new, actor=actor, now=now)
    if came_to == "same":
        return incident, came_to
    await _call(conn, incident, audience, now=now)
    if came_to == "new":
        await move.tick_titled(conn, incident.id, NOTIFY_TEAM, actor=actor, now=now)
    await follow(conn, now=now)
    return incident, came_to


async def acknowledge(
    conn: Connection,
    incident_id: int,
    audience: Audience,
    *,
    actor: str,
    now: datetime,
    lasts: timedelta = ACKNOWLEDGED_FOR,
) -> Incident:
    """Promise to be at it for `lasts`: nobody further is paged meanwhile. Raises IncidentUnknown, MoveRefused."""
    before = await find_incident(conn, incident_id)
    incident = await move.acknowledge_incident(conn, incident_id, actor=actor, now=now, lasts=lasts)
    if (before.state, before.acknowledged_by) != (incident.state, incident.acknowledged_by):
        await announce_acknowledged(conn, incident, audience, now=now)
    return incident


async def expire(conn: Connection, audience: Audience, *, now: datetime) -> list[Incident]:
    """Have those incidents escalate on whose acknowledgement has run out; from the first level on, if all were told."""
    expired = await move.expire_acknowledgements(conn, now=now)
    for incident in expired:
        await _go_on(conn, incident, audience, "The acknowledgement has run out.", now=now)
    return expired


async def mitigate(conn: Connection, incident_id: int, audience: Audience, *, actor: str, now: datetime) -> Incident:
    """Say that customers do not feel it any more. Raises IncidentUnknown, MoveRefused."""
    before = await find_incident(conn, incident_id)
    incident = await move.mitigate_incident(conn, incident_id, actor=actor, now=now)
    if incident.state != before.state:
        await announce_update(conn, incident, audience, f"{actor} says it is mitigated.", now=now)
        await follow(conn, now=now)
    return incident


async def worsen(
    conn: Connection, incident_id: int, audience: Audience, *, actor: str, now: datetime, why: str
) -> Incident:
    """Say that customers feel it again; it escalates on. Raises IncidentUnknown, MoveRefused, IncidentTextInvalid."""
    incident = await move.worsen_incident(conn, incident_id, actor=actor, now=now, why=why)
    await _go_on(conn, incident, audience, why, now=now)
    await follow(conn, now=now)
    return incident


async def resolve(
    conn: Connection, incident_id: int, audience: Audience, *, actor: str, now: datetime, resolution: str = ""
) -> Incident:
    """End an incident, tell everybody, customers too if they know of it, and draft the post-mortem.

    Raises IncidentUnknown, MoveRefused, IncidentTextInvalid.
    """
    before = await find_incident(conn, incident_id)
    incident = await move.resolve_incident(conn, incident_id, actor=actor, now=now, resolution=resolution)
    if incident.state != before.state:
        await announce_resolved(conn, incident, audience, now=now)
        await close_status(conn, incident_id, actor=actor, now=now)
        await follow(conn, now=now)
        await draft_review(conn, incident_id, now=now)
    return incident


async def reopen(conn: Connection, incident_id: int, audience: Audience, *, actor: str, now: datetime) -> Incident:
    """Open a resolved incident again, and page anew. Raises IncidentUnknown, MoveRefused."""
    incident = await move.reopen_incident(conn, incident_id, actor=actor, now=now)
    await _call(conn, incident, audience, now=now)
    await follow(conn, now=now)
    return incident


async def change_severity(
    conn: Connection, incident_id: int, severity: Severity, audience: Audience, *, actor: str, now: datetime, why: str
) -> Incident:
    """Make an incident more or less severe: a worse one pages anew, a milder one escalates at its own pace.

    Raises IncidentUnknown, MoveRefused, IncidentTextInvalid.
    """
    before = await find_incident(conn, incident_id)
    incident = await move.change_severity(conn, incident_id, severity, actor=actor, now=now, why=why)
    if incident.severity < before.severity:
        await _call(conn, incident, audience, now=now)
    elif incident.severity > before.severity:
        page = write_page(incident, audience)
        await pace_pages(conn, incident, page, before=before.severity, now=now)
        await announce_update(conn, incident, audience, f"It is {severity} now. {why}".strip(), now=now)
    await follow(conn, now=now)
    return incident


async def merge(
    conn: Connection, incident_id: int, into: int, audience: Audience, *, actor: str, now: datetime
) -> Incident:
    """Make an incident part of another; it pages nobody any more. Raises IncidentUnknown, MoveRefused."""
    incident = await move.merge_incident(conn, incident_id, into, actor=actor, now=now)
    other = await find_incident(conn, into)
    await announce_update(conn, incident, audience, f"It is part of {other.name} now.", now=now)
    await follow(conn, now=now)
    return incident


async def _call(conn: Connection, incident: Incident, audience: Audience, *, now: datetime) -> None:
    """Page from the first level on, and alert the channels."""
    await freeze_pages(conn, incident, write_page(incident, audience), now=now)
    await announce_declared(conn, incident, audience, key=now.isoformat(), now=now)


async def _go_on(conn: Connection, incident: Incident, audience: Audience, text: str, *, now: datetime) -> None:
    """Say that an incident is open again; page from the first level on where all levels have been told."""
    if not await resume_pages(conn, incident, now=now):
        await freeze_pages(conn, incident, write_page(incident, audience), now=now)
    await announce_update(conn, incident, audience, text, now=now)
