"""`maintenance`: schedule work that customers should see coming. On the database itself, so also without the API."""

import getpass
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import App, Parameter

from quantum_scheduler.cli.ask import ask_database
from quantum_scheduler.cli.moment import Moment, read_moment
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.write import write_answer
from quantum_scheduler.incidents.status.document import MaintenanceDocument
from quantum_scheduler.incidents.status.maintain import end_maintenance, schedule_maintenance
from quantum_scheduler.monitoring.maintenance.model import Maintenance, Plan
from quantum_scheduler.monitoring.maintenance.plan import list_all

app = App(name="maintenance", help="Schedule maintenance, which the status page shows.", help_epilogue="")


@app.default
@app.command(name="list")
def show(*, json: Json = False) -> int:
    """List the maintenances, the latest one first."""
    now = datetime.now(UTC)
    found = ask_database(list_all)
    documents = [MaintenanceDocument.of(each, now).model_dump(mode="json") for each in found]
    return write_answer(documents, "\n".join(_draw(each, now) for each in found) or "no maintenance", json=json)


@app.command
def schedule(
    title: Annotated[str, Parameter(name="TITLE", help="What is done, in one line.")],
    /,
    *,
    component: Annotated[list[str], Parameter(help="Such as api, scheduling or dynex.")],
    start: Moment,
    end: Moment,
    text: Annotated[str, Parameter(help="What customers should know.")] = "",
    json: Json = False,
) -> int:
    """Schedule a maintenance: its components are under maintenance while it lasts."""
    actor, now = getpass.getuser(), datetime.now(UTC)
    components = tuple(dict.fromkeys(component))
    plan = Plan(title=title, components=components, starts_at=read_moment(start), ends_at=read_moment(end), body=text)
    planned = ask_database(lambda conn: schedule_maintenance(conn, plan, actor=actor, now=now))
    return _answer(planned, now, json=json)


@app.command
def end(
    number: Annotated[int, Parameter(name="NUMBER", help="Its number in the list.")], /, *, json: Json = False
) -> int:
    """End a maintenance now, or cancel one that has not begun."""
    actor, now = getpass.getuser(), datetime.now(UTC)
    ended = ask_database(lambda conn: end_maintenance(conn, number, actor=actor, now=now))
    return _answer(ended, now, json=json)


def _answer(maintenance: Maintenance, now: datetime, *, json: bool) -> int:
    document = MaintenanceDocument.of(maintenance, now).model_dump(mode="json")
    return write_answer(document, _draw(maintenance, now), json=json)


def _draw(each: Maintenance, now: datetime) -> str:
    times = f"{each.starts_at:%Y-%m-%d %H:%M} - {each.ends_at:%Y-%m-%d %H:%M} UTC"
    return f"{each.id}  {each.phase(now).replace('_', ' ')}  {times}  {', '.join(each.components)}  {each.title}"
