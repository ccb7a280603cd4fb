"""`incidents`, `incident`: look at incidents and steer them. On the database itself, so also without the API."""

from datetime import datetime
from typing import Annotated

from cyclopts import App, Parameter

from quantum_scheduler.cli import work_incident
from quantum_scheduler.cli.ask import ask_database
from quantum_scheduler.cli.change_incident import Which, answer_incident, begin, change_incident, draw_incident
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.write import write_answer
from quantum_scheduler.incidents import respond
from quantum_scheduler.incidents.document import IncidentDocument, WholeIncidentDocument
from quantum_scheduler.incidents.look_up import find_incident, list_incidents, read_items, read_timeline
from quantum_scheduler.incidents.model import UNRESOLVED, Incident, NewIncident
from quantum_scheduler.incidents.move import add_note, tick_item
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.incidents.paging.escalate import read_pages
from quantum_scheduler.monitoring.detect import Severity
from quantum_scheduler.postgres.connect import Connection

app = App(name="incident", help="Look at one incident, and steer it.", help_epilogue="")

How = Annotated[Severity, Parameter(name="SEVERITY", help="P0 is the worst.")]


def list_all(
    *,
    every: Annotated[bool, Parameter(name="--all", negative=(), help="Those that are over as well.")] = False,
    json: Json = False,
) -> int:
    """List the incidents that are not over, newest first."""
    states = None if every else UNRESOLVED
    found = ask_database(lambda conn: list_incidents(conn, states=states))
    documents = [IncidentDocument.of(each).model_dump(mode="json") for each in found]
    return write_answer(documents, "\n".join(map(draw_incident, found)) or "no incidents", json=json)


@app.command
def show(which: Which, /, *, json: Json = False) -> int:
    """Show an incident: what it is, what happened, and what is to be done."""

    async def look(conn: Connection) -> tuple[Incident, WholeIncidentDocument]:
        found = await find_incident(conn, which)
        timeline, items = await read_timeline(conn, found.id), await read_items(conn, found.id)
        return found, WholeIncidentDocument.whole(found, timeline, items, await read_pages(conn, found.id))

    incident, whole = ask_database(look)
    lines = [
        draw_incident(incident),
        f"in {incident.channel}, to be answered by {incident.respond_by:%Y-%m-%d %H:%M} UTC",
        "",
    ]
    lines += [f"{each.at:%H:%M:%S}  {each.kind}  {each.actor}" for each in whole.timeline]
    lines += ["", *(f"{each.position:>3} [{'x' if each.done_at else ' '}] {each.title}" for each in whole.items)]
    return write_answer(whole.model_dump(mode="json"), "\n".join(lines), json=json)


@app.command
def declare(
    title: Annotated[str, Parameter(name="TITLE", help="What is wrong, in one line.")],
    /,
    *,
    severity: Annotated[Severity, Parameter(help="P0 is the worst.")],
    impact: Annotated[str, Parameter(help="What users have of it.")] = "",
    policy: Annotated[str | None, Parameter(help="How it escalates.")] = None,
    service: Annotated[str | None, Parameter(help="What it is about: quantum/dynex, or a component.")] = None,
    json: Json = False,
) -> int:
    """Declare an incident: whoever is on call is paged."""
    new = NewIncident(title=title, severity=severity, impact=impact, policy=policy, service=service)
    audience, actor, now = begin()

    async def act(conn: Connection) -> Incident:
        return (await respond.raise_incident(conn, new, audience, actor=actor, now=now))[0]

    return answer_incident(ask_database(act), json=json)


@app.command
def ack(which: Which, /, *, json: Json = False) -> int:
    """Promise to be at it for half an hour: nobody further is paged meanwhile."""
    return change_incident(
        which, lambda conn, id_, whom, who, now: respond.acknowledge(conn, id_, whom, actor=who, now=now), json=json
    )


@app.command
def resolve(
    which: Which,
    /,
    *,
    resolution: Annotated[str, Parameter(help="What it was.")] = "",
    json: Json = False,
) -> int:
    """End an incident, tell everybody, and draft the post-mortem."""
    return change_incident(
        which,
        lambda conn, id_, whom, who, now: respond.resolve(conn, id_, whom, actor=who, now=now, resolution=resolution),
        json=json,
    )


@app.command
def severity(
    which: Which,
    to: How,
    /,
    *,
    why: Annotated[str, Parameter(help="Why, for the timeline.")] = "",
    json: Json = False,
) -> int:
    """Make an incident more or less severe; a worse one pages anew."""
    return change_incident(
        which,
        lambda conn, id_, whom, who, now: respond.change_severity(conn, id_, to, whom, actor=who, now=now, why=why),
        json=json,
    )


@app.command
def merge(
    which: Which,
    into: Annotated[str, Parameter(name="INTO", help="The incident it is part of.")],
    /,
    *,
    json: Json = False,
) -> int:
    """Make an incident part of another."""

    async def change(conn: Connection, incident_id: int, whom: Audience, who: str, now: datetime) -> Incident:
        other = await find_incident(conn, into)
        return await respond.merge(conn, incident_id, other.id, whom, actor=who, now=now)

    return change_incident(which, change, json=json)


@app.command
def note(
    which: Which, text: Annotated[str, Parameter(name="TEXT", help="What you have to say.")], /, *, json: Json = False
) -> int:
    """Write a note into the timeline."""

    async def change(conn: Connection, incident_id: int, _: Audience, who: str, now: datetime) -> Incident:
        await add_note(conn, incident_id, text, actor=who, now=now)
        return await find_incident(conn, incident_id)

    return change_incident(which, change, json=json)


@app.command
def tick(
    which: Which,
    position: Annotated[int, Parameter(name="ITEM", help="Its number in the checklist.")],
    /,
    *,
    undo: Annotated[bool, Parameter(negative=(), help="Untick it.")] = False,
    json: Json = False,
) -> int:
    """Tick an item of the checklist."""

    async def change(conn: Connection, incident_id: int, _: Audience, who: str, now: datetime) -> Incident:
        await tick_item(conn, incident_id, position, actor=who, now=now, is_done=not undo)
        return await find_incident(conn, incident_id)

    return change_incident(which, change, json=json)


for each in (
    work_incident.mitigate,
    work_incident.worsen,
    work_incident.reopen,
    work_incident.roles,
    work_incident.checklist,
    work_incident.tasks,
    work_incident.review,
):
    app.command(each)
