"""Write the post-mortem: drafted from the timeline the moment an incident is resolved, then edited by people."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from quantum_scheduler.incidents import store
from quantum_scheduler.incidents.assess import assess_impact
from quantum_scheduler.incidents.declare import check_text
from quantum_scheduler.incidents.look_up import EVENTS_MAX, find_incident
from quantum_scheduler.incidents.measure import measure_response
from quantum_scheduler.incidents.model import RESPONSE_WITHIN, REVIEW_CHARS_MAX, Event, Incident, IncidentUnknown, Item
from quantum_scheduler.jobs.queue_model import JobImpact
from quantum_scheduler.postgres.connect import Connection

# Who writes into a timeline that is no person.
MACHINES = frozenset({"watch", "detection", "runbook", "system", "alertmanager", "grafana", "alert"})
CELL_CHARS_MAX = 300
DRAFTED, EDITED = "review_drafted", "review_edited"


async def draft_review(conn: Connection, incident_id: int, *, now: datetime) -> str:
    """Draft the post-mortem of an incident, unless people have edited it, and return the one that is kept.

    Raises IncidentUnknown.
    """
    incident = await find_incident(conn, incident_id)
    events = await store.read_events(conn, incident_id, after=0, limit=EVENTS_MAX)
    kept = await store.read_review(conn, incident_id)
    if kept is not None and any(event.kind == EDITED for event in events):
        return kept
    impact = await assess_impact(conn, incident, now=now)
    return await _keep(conn, incident, events, impact, now=now)


async def redraft_review(conn: Connection, incident_id: int, impact: JobImpact, *, now: datetime) -> bool:
    """Draft a post-mortem again that lacked its figures; False where it lacks them no more, or people have edited it.

    Raises IncidentUnknown.
    """
    await store.lock(conn, incident_id)
    if not await store.is_uncounted(conn, incident_id):
        return False
    events = await store.read_events(conn, incident_id, after=0, limit=EVENTS_MAX)
    await _keep(conn, await find_incident(conn, incident_id), events, impact, now=now)
    return True


async def read_review(conn: Connection, incident_id: int) -> str:
    """Read the post-mortem as Markdown. Raises IncidentUnknown where there is none yet."""
    review = await store.read_review(conn, incident_id)
    if review is None:
        raise IncidentUnknown(f"incident {incident_id} has no post-mortem yet: it is drafted once it is resolved")
    return review


async def edit_review(conn: Connection, incident_id: int, review: str, *, actor: str, now: datetime) -> None:
    """Put another text in the place of the post-mortem. Raises IncidentUnknown, IncidentTextInvalid."""
    check_text(review, "the post-mortem", REVIEW_CHARS_MAX, is_required=True)
    await find_incident(conn, incident_id)
    await store.write_review(conn, incident_id, review)
    await store.append(conn, incident_id, EDITED, actor, now, {})


async def _keep(
    conn: Connection, incident: Incident, events: Sequence[Event], impact: JobImpact | None, *, now: datetime
) -> str:
    review = write_review(incident, events, await store.read_items(conn, incident.id), impact)[:REVIEW_CHARS_MAX]
    await store.write_review(conn, incident.id, review)
    detail = {store.LEFT_OUT: "impact"} if impact is None else {}
    await store.append(conn, incident.id, DRAFTED, "watch", now, detail)
    return review


def write_review(incident: Incident, events: Sequence[Event], items: Sequence[Item], impact: JobImpact | None) -> str:
    """Write a post-mortem as Markdown."""
    return "\n".join(_write(incident, events, items, impact)) + "\n"


def _write(
    incident: Incident, events: Sequence[Event], items: Sequence[Item], impact: JobImpact | None
) -> Iterator[str]:
    yield f"# Post-mortem: {incident.title}"
    yield ""
    yield f"{incident.name}, {incident.severity}. Blameless: it asks what made this possible, not who did it."
    yield from ("", "## Summary", "")
    yield from _summarise(incident)
    yield from ("", "## Impact", "")
    yield from _tell_impact(incident, impact)
    yield from ("", "## Detection and response", "")
    yield from _tell_times(incident)
    yield from ("", "## Timeline (UTC)", "", "| At | What | Who | |", "| --- | --- | --- | --- |")
    yield from (_tell_event(event) for event in events)
    yield from ("", "## What ran by itself", "")
    yield from _list_done([event for event in events if event.actor in MACHINES]) or ["Nothing."]
    yield from ("", "## What people decided", "")
    yield from _list_done([event for event in events if event.actor not in MACHINES]) or ["Nothing."]
    yield from (
        "",
        "## What contributed",
        "",
        "- To be written: which changes, conditions and gaps made it possible?",
    )
    yield from (f"- A change noted during the incident: {event.detail}" for event in events if event.kind == "change")
    yield from ("", "## Action items", "", "| What | Who | Due | Done |", "| --- | --- | --- | --- |")
    yield from (_tell_item(item) for item in items if item.due_at is not None)
    left = [item for item in items if item.due_at is None and item.done_at is None]
    if left:
        yield from ("", "Not ticked off the checklist:", "")
        yield from (f"- [ ] {item.title}" for item in left)


def _summarise(incident: Incident) -> Iterator[str]:
    times = measure_response(incident)
    lasted = "It is not resolved yet." if times.resolve_s is None else f"It lasted {_minutes(times.resolve_s)}."
    by = f" The runbook `{incident.runbook}` was followed." if incident.runbook else ""
    yield f"{incident.title} was declared {incident.severity} at {_at(incident.declared_at)}. {lasted}{by}"
    if incident.resolution:
        yield f"\n{incident.resolution}"


def _tell_impact(incident: Incident, impact: JobImpact | None) -> Iterator[str]:
    if incident.impact:
        yield incident.impact
        yield ""
    if impact is None:
        yield "The jobs and customers of this time were too many to be counted at once; that is tried again for a day."
        return
    yield f"- Customers affected: {impact.customers_affected:,} of {impact.customers:,} with jobs in this time"
    yield f"- Jobs in this time: {impact.jobs:,}"
    yield f"- Jobs that failed: {impact.failed:,}"
    yield f"- Jobs that a classical solver answered in the place of a quantum backend: {impact.fell_back:,}"
    yield f"- Jobs that missed their deadline: {impact.late:,}"


def _tell_times(incident: Incident) -> Iterator[str]:
    times = measure_response(incident)
    target = _minutes(RESPONSE_WITHIN[incident.severity].total_seconds())
    yield "| | Time | |"
    yield "| --- | --- | --- |"
    yield f"| Detected | {_minutes(times.detect_s)} | after the first bad sample, at {_at(incident.began_at)} |"
    kept = {None: "waits", True: "was kept", False: "was missed"}[times.was_answered_in_time]
    yield f"| Answered | {_minutes(times.acknowledge_s)} | after it was declared; the target of {target} {kept} |"
    yield f"| Mitigated | {_minutes(times.mitigate_s)} | after the first bad sample |"
    yield f"| Resolved | {_minutes(times.resolve_s)} | after the first bad sample |"


def _tell_event(event: Event) -> str:
    detail = ", ".join(f"{name}: {value}" for name, value in event.detail.items() if value not in (None, ""))
    return f"| {_at(event.at)} | {event.kind.replace('_', ' ')} | {_cell(event.actor)} | {_cell(detail)} |"


def _list_done(events: Sequence[Event]) -> list[str]:
    done = [event for event in events if event.kind != DRAFTED]
    return [
        f"- {_at(event.at)} {event.kind.replace('_', ' ')}{_name_what(event)}"
        + ("" if event.actor in MACHINES else f", by {_cell(event.actor)}")
        for event in done
    ]


def _name_what(event: Event) -> str:
    """What an event is about: a step, a branch, an item."""
    what = next((event.detail[name] for name in ("branch", "title", "item") if event.detail.get(name)), None)
    return "" if what is None else f": {_cell(str(what))}"


def _tell_item(item: Item) -> str:
    due = "" if item.due_at is None else _at(item.due_at)
    done = "" if item.done_at is None else _at(item.done_at)
    return f"| {_cell(item.title)} | {_cell(item.owner or 'nobody yet')} | {due} | {done} |"


def _cell(text: str) -> str:
    """Make a text fit into a cell of a table, whatever stands in it."""
    flat = " ".join(text.split()).replace("|", "\\|")
    return flat if len(flat) <= CELL_CHARS_MAX else f"{flat[: CELL_CHARS_MAX - 3]}..."


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _minutes(duration_s: float | None) -> str:
    if duration_s is None:
        return "not yet"
    return f"{duration_s:.0f} s" if duration_s < 120 else f"{duration_s / 60:.0f} minutes"
