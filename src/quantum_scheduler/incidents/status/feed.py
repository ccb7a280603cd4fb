"""Write the status page as an Atom feed (RFC 4287): an entry for each incident that customers were told of."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from xml.etree.ElementTree import Element, SubElement, tostring

from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.model import Incident
from quantum_scheduler.incidents.status import store
from quantum_scheduler.incidents.status.model import Update
from quantum_scheduler.monitoring.maintenance.model import Maintenance
from quantum_scheduler.monitoring.maintenance.plan import list_all
from quantum_scheduler.postgres.connect import Connection

ENTRIES_MAX = 50
NAMESPACE = "http://www.w3.org/2005/Atom"
# What tells an entry from all others for ever, whatever the address of the service is.
TAG = "tag:quantum-scheduler,2026"


async def render_feed(conn: Connection, *, public_url: str, now: datetime) -> bytes:
    """Render the feed; the entry that changed last comes first."""
    told = await store.list_recent(conn, ENTRIES_MAX)
    updates = await store.list_updates(conn, told)
    incidents = [await find_incident(conn, each) for each in told]
    entries = [_render_incident(each, [one for one in updates if one.incident_id == each.id]) for each in incidents]
    entries += [_render_maintenance(each, now) for each in await list_all(conn, limit=ENTRIES_MAX)]
    entries.sort(key=lambda entry: entry[0], reverse=True)
    feed = Element("feed", xmlns=NAMESPACE)
    address = f"{public_url.rstrip('/')}/history.atom"
    _add(feed, id=f"{TAG}:status", title="quantum-scheduler: status", updated=_at(entries[0][0] if entries else now))
    SubElement(feed, "link", rel="self", href=address)
    SubElement(SubElement(feed, "author"), "name").text = "quantum-scheduler"
    feed.extend(entry for _, entry in entries[:ENTRIES_MAX])
    rendered: bytes = tostring(feed, encoding="utf-8", xml_declaration=True)
    return rendered


def _render_incident(incident: Incident, updates: Sequence[Update]) -> tuple[datetime, Element]:
    newest, oldest = updates[0], updates[-1]
    told = (
        f"<p><strong>{each.status.capitalize()}</strong> - {escape(each.body)} ({_at(each.at)})</p>" for each in updates
    )
    title = f"{newest.status.capitalize()}: {incident.title}"
    return newest.at, _entry(f"incident/{incident.name}", title, "".join(told), oldest.at, newest.at)


def _render_maintenance(maintenance: Maintenance, now: datetime) -> tuple[datetime, Element]:
    phase = maintenance.phase(now)
    changed_at = {
        "scheduled": maintenance.made_at,
        "in_progress": maintenance.starts_at,
        "completed": maintenance.ended_at or maintenance.ends_at,
        "cancelled": maintenance.ended_at or now,
    }[phase]
    title = f"Maintenance {phase.replace('_', ' ')}: {maintenance.title}"
    text = (
        f"<p>{_at(maintenance.starts_at)} - {_at(maintenance.ends_at)}: {escape(', '.join(maintenance.components))}</p>"
        f"<p>{escape(maintenance.body)}</p>"
    )
    return changed_at, _entry(f"maintenance/{maintenance.id}", title, text, maintenance.made_at, changed_at)


def _entry(name: str, title: str, content: str, published_at: datetime, updated_at: datetime) -> Element:
    entry = Element("entry")
    _add(entry, id=f"{TAG}:{name}", title=title, published=_at(published_at), updated=_at(updated_at))
    SubElement(entry, "content", type="html").text = "".join(each for each in content if each.isprintable())
    return entry


def _add(parent: Element, **texts: str) -> None:
    for name, text in texts.items():
        SubElement(parent, name).text = "".join(each for each in text if each.isprintable())


def _at(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
