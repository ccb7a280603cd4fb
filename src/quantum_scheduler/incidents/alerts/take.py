"""Take an alert that somebody else sends: raise an incident once, say when it fires anew, end it when all is over."""

from datetime import datetime, timedelta
from typing import get_args

from quantum_scheduler.incidents import respond
from quantum_scheduler.incidents.alerts import store
from quantum_scheduler.incidents.alerts.model import Alert, Known, Source, Taken
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.model import (
    REOPEN_WITHIN,
    UNRESOLVED,
    Declared,
    Incident,
    IncidentUnknown,
    NewIncident,
)
from quantum_scheduler.incidents.move import note
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.postgres.connect import Connection

FORGOTTEN_AFTER = timedelta(days=30)
FORGOTTEN_MAX = 100
LISTED_MAX = 100
RESOLUTION = "Every alert about it has cleared."


async def take_alert(conn: Connection, alert: Alert, audience: Audience, *, now: datetime) -> Taken:
    """Take an alert; however often it is sent, it raises one incident. Joins the caller's transaction."""
    if alert.severity is None:
        return Taken(alert=alert, outcome="ignored", incident=None)
    if alert.status == "firing":
        incident, came_to = await _fire(conn, alert, audience, now=now)
        return Taken(alert=alert, outcome=came_to, incident=incident.name)
    cleared = await _clear(conn, alert, audience, now=now)
    if cleared is None:
        return Taken(alert=alert, outcome="ignored", incident=None)
    return Taken(alert=alert, outcome="cleared", incident=cleared.name)


async def find_alerted(conn: Connection, which: str) -> Incident:
    """Find an incident by its id, its name, or the fingerprint of an alert about it. Raises IncidentUnknown."""
    try:
        return await find_incident(conn, which)
    except IncidentUnknown:
        incident_id = await store.find_incident_id(conn, which)
        if incident_id is None:
            raise
        return await find_incident(conn, incident_id)


async def list_alerts(conn: Connection, *, is_firing: bool, limit: int = LISTED_MAX) -> list[Known]:
    """List up to `LISTED_MAX` alerts, the one that was heard of last first."""
    return await store.list_alerts(conn, is_firing=is_firing, limit=min(limit, LISTED_MAX))


async def forget_alerts(conn: Connection, *, now: datetime) -> None:
    """Forget some of the alerts that have been over for long."""
    await store.forget(conn, now - FORGOTTEN_AFTER, FORGOTTEN_MAX)


async def _fire(conn: Connection, alert: Alert, audience: Audience, *, now: datetime) -> tuple[Incident, Declared]:
    before = await store.fire(conn, alert, now)
    incident, came_to = await _raise(conn, alert, before.incident_id, audience, now=now)
    if incident.id != before.incident_id:
        await store.attach(conn, alert, incident.id)
    if not before.was_firing or came_to != "same":
        await _tell(conn, alert, incident.id, "alert_fired", now=now)
    return incident, came_to


async def _raise(
    conn: Connection, alert: Alert, known_id: int | None, audience: Audience, *, now: datetime
) -> tuple[Incident, Declared]:
    """Find the incident that an alert is about, or declare it."""
    assert alert.severity is not None
    known = None if known_id is None else await _follow(conn, known_id)
    if known is not None and known.state in UNRESOLVED:
        if alert.severity >= known.severity:
            return known, "same"
        why = f"The alert {alert.title} is {alert.severity}."
        worse = await respond.change_severity(
            conn, known.id, alert.severity, audience, actor=alert.source, now=now, why=why
        )
        return worse, "worsened"
    if known is not None and alert.runbook is None and _is_recent(known, now):
        return await respond.reopen(conn, known.id, audience, actor=alert.source, now=now), "reopened"
    new = NewIncident(
        title=alert.title,
        severity=alert.severity,
        impact=alert.impact,
        runbook=alert.runbook,
        key=alert.key if alert.runbook is not None else "",
        began_at=alert.began_at,
        policy=alert.policy,
        service=alert.service,
    )
    return await respond.raise_incident(conn, new, audience, actor=alert.source, now=now)


async def _clear(conn: Connection, alert: Alert, audience: Audience, *, now: datetime) -> Incident | None:
    """End an incident with the last alert about it, if it was an alert that raised it and nothing else sees it.

    Where somebody is at it, it is only called mitigated.
    """
    before = await store.clear(conn, alert, now)
    if before is None or not before.was_firing or before.incident_id is None:
        return None
    incident = await _follow(conn, before.incident_id)
    # This also holds the incident, so that of two alerts that clear at once the later one sees the other.
    await _tell(conn, alert, incident.id, "alert_cleared", now=now)
    is_its_own = incident.id == before.incident_id and await store.who_raised(conn, incident.id) in get_args(Source)
    is_seen = await store.is_any_firing(conn, incident.id) or await store.is_detected(conn, incident.id)
    if incident.state not in UNRESOLVED or not is_its_own or is_seen:
        return incident
    if incident.acknowledged_by is not None:
        return await respond.mitigate(conn, incident.id, audience, actor=alert.source, now=now)
    return await respond.resolve(conn, incident.id, audience, actor=alert.source, now=now, resolution=RESOLUTION)


async def _follow(conn: Connection, incident_id: int) -> Incident:
    """Find an incident, or the one that it is part of now."""
    incident = await find_incident(conn, incident_id)
    while incident.merged_into is not None:
        incident = await find_incident(conn, incident.merged_into)
    return incident


def _is_recent(incident: Incident, now: datetime) -> bool:
    return incident.resolved_at is not None and incident.resolved_at >= now - REOPEN_WITHIN


async def _tell(conn: Connection, alert: Alert, incident_id: int, kind: str, *, now: datetime) -> None:
    detail = {"alert": alert.title, "fingerprint": alert.fingerprint, "severity": alert.severity, "url": alert.url}
    await note(conn, incident_id, kind, actor=alert.source, now=now, detail=detail)
