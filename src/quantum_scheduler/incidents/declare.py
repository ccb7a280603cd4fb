"""Declare an incident once, however many see the signal."""

from dataclasses import replace
from datetime import datetime

from quantum_scheduler.incidents import store
from quantum_scheduler.incidents.model import (
    CHECKLIST,
    REOPEN_WITHIN,
    TEXT_CHARS_MAX,
    TITLE_CHARS_MAX,
    Declared,
    Incident,
    IncidentTextInvalid,
    NewIncident,
    next_state,
)
from quantum_scheduler.postgres.connect import Connection


async def declare_incident(
    conn: Connection, new: NewIncident, *, actor: str, now: datetime
) -> tuple[Incident, Declared]:
    """Declare an incident, and say what that came to.

    One of the same runbook and key that is open is that incident, made as severe as the worse of both; one that was
    resolved within `REOPEN_WITHIN` is opened again. Raises IncidentTextInvalid.
    """
    check_text(new.title, "the title", TITLE_CHARS_MAX, is_required=True)
    check_text(new.impact, "the impact", TEXT_CHARS_MAX)
    if new.runbook is not None:
        known = await _find_same(conn, new, actor=actor, now=now)
        if known is not None:
            return known
    incident = await store.declare(conn, new, now)
    if incident is None:
        # Somebody else declared it meanwhile.
        known = await _find_same(conn, new, actor=actor, now=now)
        assert known is not None
        return known
    await store.add_items(conn, incident.id, [(section, title, None, None) for section, title in CHECKLIST])
    await store.tick(conn, incident.id, 1, now, actor)
    detail = {"severity": incident.severity, "title": incident.title, "runbook": incident.runbook, "key": incident.key}
    await store.append(conn, incident.id, "declared", actor, now, detail)
    return incident, "new"


async def _find_same(
    conn: Connection, new: NewIncident, *, actor: str, now: datetime
) -> tuple[Incident, Declared] | None:
    """Find the incident that a declaration speaks of, and bring it up to date."""
    assert new.runbook is not None
    incident = await store.find_open(conn, new.runbook, new.key)
    if incident is None:
        incident = await store.find_recent(conn, new.runbook, new.key, now - REOPEN_WITHIN)
        return None if incident is None else (await reopen(conn, incident, actor=actor, now=now), "reopened")
    if new.severity >= incident.severity:
        return incident, "same"
    before, incident = incident, await store.update(conn, replace(incident, severity=new.severity))
    detail = {"from": before.severity, "to": new.severity}
    await store.append(conn, incident.id, "severity", actor, now, detail)
    return incident, "worsened"


async def reopen(conn: Connection, incident: Incident, *, actor: str, now: datetime) -> Incident:
    """Open an incident that was read under a lock again; what was due after its end is not due any more."""
    opened = replace(
        incident,
        state=next_state(incident.state, "reopen"),
        acknowledged_at=None,
        acknowledged_by=None,
        acknowledged_until=None,
        mitigated_at=None,
        resolved_at=None,
    )
    await store.drop_tasks(conn, incident.id)
    opened = await store.update(conn, opened)
    await store.append(conn, incident.id, "reopened", actor, now, {})
    return opened


def check_text(text: str, what: str, chars_max: int, *, is_required: bool = False) -> None:
    """Raise IncidentTextInvalid where a text is too long, or is needed and empty."""
    if is_required and not text.strip():
        raise IncidentTextInvalid(f"{what} must not be empty")
    if len(text) > chars_max:
        raise IncidentTextInvalid(f"{what} may have {chars_max:,} characters")
