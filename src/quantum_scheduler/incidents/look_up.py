"""Look incidents up."""

import re
from collections.abc import Sequence
from datetime import date, datetime

from quantum_scheduler.incidents import store
from quantum_scheduler.incidents.model import LISTED_MAX, Event, Incident, IncidentUnknown, Item, State
from quantum_scheduler.postgres.connect import Connection

EVENTS_MAX = 10_000
_NAME = re.compile(r"#?(?:incident-)?(\d{4}-\d{2}-\d{2})-(\d{1,6})\Z")


async def find_incident(conn: Connection, which: int | str) -> Incident:
    """Find an incident by its id or by its name, such as incident-2026-11-22-001. Raises IncidentUnknown."""
    incident = None
    if isinstance(which, int) or which.isdecimal():
        incident = await store.find(conn, int(which)) if int(which) < 2**63 else None
    elif match := _NAME.match(which):
        try:
            incident = await store.find_named(conn, date.fromisoformat(match[1]), int(match[2]))
        except ValueError:
            incident = None
    if incident is None:
        raise IncidentUnknown(f"there is no incident {which}")
    return incident


async def list_incidents(
    conn: Connection,
    *,
    states: Sequence[State] | None = None,
    before: int | None = None,
    since: datetime | None = None,
    limit: int = LISTED_MAX,
) -> list[Incident]:
    """List up to `LISTED_MAX` incidents, newest first, from before an id on."""
    return await store.list_incidents(conn, states=states, before=before, since=since, limit=min(limit, LISTED_MAX))


async def read_timeline(conn: Connection, incident_id: int, *, after: int = 0) -> list[Event]:
    """Read up to `EVENTS_MAX` rows of an incident's timeline."""
    return await store.read_events(conn, incident_id, after=after, limit=EVENTS_MAX)


async def read_items(conn: Connection, incident_id: int) -> list[Item]:
    """Read an incident's checklist and tasks."""
    return await store.read_items(conn, incident_id)
