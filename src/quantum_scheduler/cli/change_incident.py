"""Change one incident in the database itself, as whoever types, and show what became of it."""

import getpass
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from quantum_scheduler.app import build_audience
from quantum_scheduler.cli.ask import ask_database
from quantum_scheduler.cli.write import write_answer
from quantum_scheduler.incidents.document import IncidentDocument
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.model import Incident
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.settings import read_settings

Which = Annotated[str, Parameter(name="INCIDENT", help="Its id, or its name, such as incident-2026-11-22-001.")]
Change = Callable[[Connection, int, Audience, str, datetime], Awaitable[Incident]]


def change_incident(which: str, change: Change, *, json: bool) -> int:
    """Change an incident in one transaction."""
    audience, actor, now = begin()

    async def act(conn: Connection) -> Incident:
        return await change(conn, (await find_incident(conn, which)).id, audience, actor, now)

    return answer_incident(ask_database(act), json=json)


def begin() -> tuple[Audience, str, datetime]:
    """Whom to tell, who is acting, and when."""
    return build_audience(read_settings(os.environ)), getpass.getuser(), datetime.now(UTC)


def answer_incident(incident: Incident, *, json: bool) -> int:
    """Show an incident."""
    return write_answer(IncidentDocument.of(incident).model_dump(mode="json"), draw_incident(incident), json=json)


def draw_incident(incident: Incident) -> str:
    """Write an incident as a line."""
    return f"{incident.name}  {incident.severity}  {incident.state}  {incident.title}"
