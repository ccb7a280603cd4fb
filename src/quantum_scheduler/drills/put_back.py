"""Put back what a drill has brought about: its run is aborted, which takes back what it did, its incident resolved."""

from datetime import datetime

from quantum_scheduler.incidents import respond
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.model import UNRESOLVED
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.postgres.listen import notify_once
from quantum_scheduler.runbooks.answer import abort_run
from quantum_scheduler.runbooks.run_model import Run

WHY = "the drill is over"


async def abort(conn: Connection, run: Run, audience: Audience, *, by: str, now: datetime) -> None:
    """Abort a run that is under way. Opens a transaction."""
    if run.status == "running":
        async with conn.transaction():
            _, notices = await abort_run(conn, run.id, audience, by=by, why=WHY, now=now)
        await notify_once(conn, notices)


async def close(conn: Connection, incident_name: str, audience: Audience, *, by: str, now: datetime) -> None:
    """Resolve an incident, where its run has not. Opens a transaction."""
    incident = await find_incident(conn, incident_name)
    if incident.state in UNRESOLVED:
        async with conn.transaction():
            await respond.resolve(conn, incident.id, audience, actor=by, now=now, resolution="The drill is over.")
