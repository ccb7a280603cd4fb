"""Move an incident through its states, and write down what happens in it. Each may be done twice."""

from dataclasses import replace
from datetime import datetime, timedelta

from quantum_scheduler.incidents import store
from quantum_scheduler.incidents.declare import check_text, reopen
from quantum_scheduler.incidents.model import (
    ACKNOWLEDGED_FOR,
    TASKS,
    TEXT_CHARS_MAX,
    UNRESOLVED,
    Detail,
    Incident,
    IncidentUnknown,
    MoveRefused,
    Role,
    next_state,
)
from quantum_scheduler.monitoring.detect import Severity
from quantum_scheduler.postgres.connect import Connection


async def acknowledge_incident(
    conn: Connection, incident_id: int, *, actor: str, now: datetime, lasts: timedelta = ACKNOWLEDGED_FOR
) -> Incident:
    """Promise to be at it for `lasts`; the first to do so without a commander becomes that.

    Raises IncidentUnknown, MoveRefused.
    """
    incident = await _lock(conn, incident_id)
    moved = replace(
        incident,
        state=next_state(incident.state, "acknowledge"),
        acknowledged_at=incident.acknowledged_at or now,
        acknowledged_by=actor,
        acknowledged_until=now + lasts,
        commander=incident.commander or actor,
    )
    return await _write(conn, moved, "acknowledged", actor, now, {"until": (now + lasts).isoformat()})


async def expire_acknowledgements(conn: Connection, *, now: datetime) -> list[Incident]:
    """Open again what was acknowledged and not acknowledged anew, so that it escalates on."""
    expired = []
    for incident_id in await store.find_expired(conn, now):
        incident = await _lock(conn, incident_id)
        moved = replace(incident, state=next_state(incident.state, "expire"), acknowledged_until=None)
        detail = {"by": incident.acknowledged_by}
        expired.append(await _write(conn, moved, "acknowledgement_expired", "watch", now, detail))
    return expired


async def mitigate_incident(conn: Connection, incident_id: int, *, actor: str, now: datetime) -> Incident:
    """Say that customers do not feel it any more. Raises IncidentUnknown, MoveRefused."""
    incident = await _lock(conn, incident_id)
    state = next_state(incident.state, "mitigate")
    if state == incident.state:
        return incident
    return await _write(conn, replace(incident, state=state, mitigated_at=now), "mitigated", actor, now, {})


async def worsen_incident(conn: Connection, incident_id: int, *, actor: str, now: datetime, why: str) -> Incident:
    """Say that customers feel it again. Raises IncidentUnknown, MoveRefused, IncidentTextInvalid."""
    check_text(why, "the reason", TEXT_CHARS_MAX)
    incident = await _lock(conn, incident_id)
    moved = replace(incident, state=next_state(incident.state, "worsen"), mitigated_at=None)
    return await _write(conn, moved, "worsened", actor, now, {"why": why})


async def resolve_incident(
    conn: Connection, incident_id: int, *, actor: str, now: datetime, resolution: str = ""
) -> Incident:
    """End an incident, and make the tasks that are due after one.

    Raises IncidentUnknown, MoveRefused, IncidentTextInvalid.
    """
    check_text(resolution, "the resolution", TEXT_CHARS_MAX)
    incident = await _lock(conn, incident_id)
    if incident.state == "resolved":
        return incident
    moved = replace(
        incident,
        state=next_state(incident.state, "resolve"),
        acknowledged_until=None,
        mitigated_at=incident.mitigated_at or now,
        resolved_at=now,
        resolution=resolution,
    )
    if not await store.has_tasks(conn, incident_id):
        owners: dict[Role, str | None] = {
            "commander": incident.commander,
            "communications": incident.communications or incident.commander,
            "scribe": incident.scribe or incident.commander,
        }
        tasks = [("After the incident", title, now + within, owners[role]) for title, role, within in TASKS]
        await store.add_items(conn, incident_id, tasks)
    return await _write(conn, moved, "resolved", actor, now, {"resolution": resolution} if resolution else {})


async def reopen_incident(conn: Connection, incident_id: int, *, actor: str, now: datetime) -> Incident:
    """Open a resolved incident again. Raises IncidentUnknown, MoveRefused."""
    return await reopen(conn, await _lock(conn, incident_id), actor=actor, now=now)


async def merge_incident(conn: Connection, incident_id: int, into: int, *, actor: str, now: datetime) -> Incident:
    """Make an incident part of another that is not resolved. Raises IncidentUnknown, MoveRefused."""
    if incident_id == into:
        raise MoveRefused("an incident cannot be merged into itself")
    # In the order of their numbers, so that two who merge crosswise wait for each other instead of locking up.
    locked = {each: await _lock(conn, each) for each in sorted((incident_id, into))}
    if locked[into].state not in UNRESOLVED:
        raise MoveRefused(f"{locked[into].name} is {locked[into].state}; merge into one that is open")
    incident = locked[incident_id]
    moved = replace(incident, state=next_state(incident.state, "merge"), merged_into=into, acknowledged_until=None)
    await store.append(conn, into, "merged_in", actor, now, {"incident": incident.name})
    return await _write(conn, moved, "merged", actor, now, {"into": locked[into].name})


async def change_severity(
    conn: Connection, incident_id: int, severity: Severity, *, actor: str, now: datetime, why: str = ""
) -> Incident:
    """Make an incident more or less severe. Raises IncidentUnknown, MoveRefused, IncidentTextInvalid."""
    check_text(why, "the reason", TEXT_CHARS_MAX)
    incident = await _lock_unmerged(conn, incident_id)
    if incident.severity == severity:
        return incident
    detail = {"from": incident.severity, "to": severity, "why": why}
    return await _write(conn, replace(incident, severity=severity), "severity", actor, now, detail)


async def assign_role(
    conn: Connection, incident_id: int, role: Role, person: str, *, actor: str, now: datetime
) -> Incident:
    """Give a role of an incident to a person. Raises IncidentUnknown, MoveRefused, IncidentTextInvalid."""
    check_text(person, "the person", TEXT_CHARS_MAX, is_required=True)
    incident = await _lock_unmerged(conn, incident_id)
    if getattr(incident, role) == person:
        return incident
    commander, communications, scribe = (
        person if each == role else getattr(incident, each) for each in ("commander", "communications", "scribe")
    )
    assigned = replace(incident, commander=commander, communications=communications, scribe=scribe)
    return await _write(conn, assigned, "role", actor, now, {"role": role, "person": person})


async def note(conn: Connection, incident_id: int, kind: str, *, actor: str, now: datetime, detail: Detail) -> None:
    """Write down something that happened. Raises IncidentUnknown."""
    await _lock(conn, incident_id)
    await store.append(conn, incident_id, kind, actor, now, detail)


async def add_note(conn: Connection, incident_id: int, text: str, *, actor: str, now: datetime) -> None:
    """Write down what a person has to say. Raises IncidentUnknown, IncidentTextInvalid."""
    check_text(text, "the note", TEXT_CHARS_MAX, is_required=True)
    await note(conn, incident_id, "note", actor=actor, now=now, detail={"text": text})


async def tick_item(
    conn: Connection, incident_id: int, position: int, *, actor: str, now: datetime, is_done: bool = True
) -> None:
    """Tick an item of the checklist or a task, or untick it. Raises IncidentUnknown."""
    incident = await _lock(conn, incident_id)
    if not await store.has_item(conn, incident_id, position):
        raise IncidentUnknown(f"{incident.name} has no item {position}")
    title = await store.tick(conn, incident_id, position, now if is_done else None, actor if is_done else None)
    if title is not None:
        await store.append(conn, incident_id, "ticked" if is_done else "unticked", actor, now, {"item": title})


async def tick_titled(conn: Connection, incident_id: int, title: str, *, actor: str, now: datetime) -> None:
    """Tick the items of a title that are not ticked yet. Raises IncidentUnknown."""
    for item in await store.read_items(conn, incident_id):
        if item.title == title and item.done_at is None:
            await tick_item(conn, incident_id, item.position, actor=actor, now=now)


async def _lock(conn: Connection, incident_id: int) -> Incident:
    incident = await store.lock(conn, incident_id)
    if incident is None:
        raise IncidentUnknown(f"there is no incident {incident_id}")
    return incident


async def _lock_unmerged(conn: Connection, incident_id: int) -> Incident:
    incident = await _lock(conn, incident_id)
    if incident.state == "merged":
        raise MoveRefused(f"{incident.name} is part of another incident now")
    return incident


async def _write(
    conn: Connection, incident: Incident, kind: str, actor: str, now: datetime, detail: Detail
) -> Incident:
    written = await store.update(conn, incident)
    await store.append(conn, incident.id, kind, actor, now, detail)
    return written
