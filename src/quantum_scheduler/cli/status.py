"""`status`: what customers see of how the service is. On the database itself, so also without the API."""

import getpass
import os
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import App, Parameter

from quantum_scheduler.cli.ask import ask_database
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.write import write_answer
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.status.model import ComponentState, UpdateStatus
from quantum_scheduler.incidents.status.publish import publish_update, set_component
from quantum_scheduler.incidents.status.render import render_summary
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.settings import read_settings

app = App(name="status", help="Show the status page, and write it.", help_epilogue="")

Component = Annotated[str, Parameter(name="COMPONENT", help="Such as api, scheduling or dynex.")]


@app.default
@app.command
def show(*, json: Json = False) -> int:
    """Show the components, and the incidents that customers know of."""
    public_url = read_settings(os.environ).public_url
    summary = ask_database(lambda conn: render_summary(conn, public_url=public_url, now=datetime.now(UTC)))
    lines = [summary["status"]["description"], ""]
    lines += [f"{each['name']}  {each['status'].replace('_', ' ')}" for each in summary["components"]]
    for each in summary["incidents"]:
        lines += ["", f"{each['name']}  {each['status']}", each["incident_updates"][0]["body"]]
    return write_answer(summary, "\n".join(lines), json=json)


@app.command(name="set")
def set_state(
    component: Component,
    state: Annotated[ComponentState, Parameter(name="STATE", help="How it is.")],
    /,
    *,
    json: Json = False,
) -> int:
    """Say how a component is."""
    actor, now = getpass.getuser(), datetime.now(UTC)
    ask_database(lambda conn: set_component(conn, component, state, actor=actor, now=now))
    return write_answer({"component": component, "state": state}, f"{component} is {state}", json=json)


@app.command
def publish(
    which: Annotated[str, Parameter(name="INCIDENT", help="Its id, or its name.")],
    text: Annotated[str, Parameter(name="TEXT", help="What customers are told.")],
    /,
    *,
    status: Annotated[UpdateStatus, Parameter(help="How far people are with it.")] = "investigating",
    component: Annotated[list[str] | None, Parameter(help="Components that are affected.")] = None,
    state: Annotated[ComponentState, Parameter(help="How those are.")] = "degraded",
    json: Json = False,
) -> int:
    """Tell customers of an incident."""
    actor, now = getpass.getuser(), datetime.now(UTC)

    async def act(conn: Connection) -> str:
        incident = await find_incident(conn, which)
        components = dict.fromkeys(component or (), state)
        await publish_update(conn, incident.id, text, status=status, components=components, actor=actor, now=now)
        return incident.name

    name = ask_database(act)
    return write_answer({"incident": name, "status": status}, f"{name} is on the status page", json=json)
