"""Page people until somebody answers: the pages are frozen when an incident is declared, and told when they are due."""

from datetime import datetime, timedelta
from typing import Any

from quantum_scheduler.incidents.model import RESPONSE_WITHIN, Incident
from quantum_scheduler.incidents.paging import store
from quantum_scheduler.incidents.paging.store import ESCALATED_MAX, Page
from quantum_scheduler.monitoring.detect import Severity
from quantum_scheduler.notifications.model import Message
from quantum_scheduler.notifications.oncall.find import Paged, find_paged
from quantum_scheduler.postgres.connect import Connection

# So long after the first target of a person the second is tried, and so on, unless somebody has answered.
REACH_AGAIN_AFTER = timedelta(minutes=2)


async def freeze_pages(conn: Connection, incident: Incident, message: Message, *, now: datetime) -> None:
    """Fix now whom an incident will page when, and page whoever is due at once, in the same transaction."""
    within = RESPONSE_WITHIN[incident.severity]
    pages = [page for each in await find_paged(conn, incident.policy, now) for page in _list_pages(each, within, now)]
    await store.freeze(conn, incident.id, pages, message)
    await store.escalate(conn, now=now, incident_id=incident.id)


async def escalate_due(conn: Connection, *, now: datetime) -> int:
    """Page whom it is time to page, each once however many processes do this; how many pages that were."""
    count = 0
    while True:
        told = len(await store.escalate(conn, now=now, incident_id=None))
        count += told
        if told < ESCALATED_MAX:
            return count


async def resume_pages(conn: Connection, incident: Incident, *, now: datetime) -> bool:
    """Have the pages that are left go on from now; False where all have been told."""
    return await store.resume(conn, incident.id, now)


async def pace_pages(
    conn: Connection, incident: Incident, message: Message, *, before: Severity, now: datetime
) -> None:
    """Have the pages to come keep the pace of another severity."""
    factor = RESPONSE_WITHIN[incident.severity] / RESPONSE_WITHIN[before]
    await store.pace(conn, incident.id, factor, message, now)


async def find_next_due(conn: Connection) -> datetime | None:
    """Say when the next page is due."""
    return await store.next_due(conn)


async def read_pages(conn: Connection, incident_id: int) -> list[dict[str, Any]]:
    """Read the pages of an incident, those that were told and those that are to come."""
    return await store.read(conn, incident_id)


def _list_pages(paged: Paged, within: timedelta, now: datetime) -> list[Page]:
    """The pages of a level: everybody's first target at once, and the further ones later. The inbox does not wait."""
    attempts: dict[int, list[dict[str, str]]] = {}
    for person in paged.people:
        attempt = 0
        for target in person.targets:
            is_inbox = target.channel == "inbox"
            entry = {"person": person.name, "channel": target.channel, "address": target.address}
            attempts.setdefault(0 if is_inbox else attempt, []).append(entry)
            attempt += not is_inbox
    due_at = now + within * paged.level.after_share
    return [
        Page(level=paged.level.level, attempt=attempt, due_at=due_at + attempt * REACH_AGAIN_AFTER, targets=targets)
        for attempt, targets in sorted(attempts.items())
    ]
