"""`cron`: tasks that are queued whenever a schedule says so."""

import json as json_text
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import App, Parameter

from quantum_scheduler.cli.ask import ask_database
from quantum_scheduler.cli.options import Json, Level
from quantum_scheduler.cli.write import write_answer
from quantum_scheduler.jobs.enqueue import list_cron, schedule_cron, unschedule_cron
from quantum_scheduler.jobs.model import CONTROL_LANE
from quantum_scheduler.jobs.queue_model import CronEntry

app = App(name="cron", help="List, add and remove tasks that are queued on a schedule.", help_epilogue="")

Name = Annotated[str, Parameter(name="NAME", help="Name of the entry.")]


class PayloadInvalid(ValueError):  # noqa: N818  an error is named for what happened
    """The payload is not a JSON object."""


class EntryUnknown(LookupError):  # noqa: N818
    """No entry has the name."""


@app.default
@app.command(name="list")
def list_entries(*, json: Json = False) -> int:
    """List the entries, with when each is due next."""
    entries = ask_database(list_cron)
    lines = [_draw(entry) for entry in entries]
    return write_answer([asdict(entry) for entry in entries], "\n".join(lines) or "nothing is scheduled", json=json)


@app.command
def add(
    name: Name,
    schedule: Annotated[str, Parameter(name="SCHEDULE", help="Cron expression in UTC, such as '*/5 * * * *'.")],
    kind: Annotated[str, Parameter(name="KIND", help="Kind of the task, which a worker has a handler for.")],
    /,
    *,
    payload: Annotated[str | None, Parameter(help="What the task is about, a JSON object.")] = None,
    lane: Annotated[str, Parameter(help="Lane it waits in.")] = CONTROL_LANE,
    priority: Annotated[Level, Parameter(help="Its priority.")] = "normal",
    json: Json = False,
) -> int:
    """Queue a task whenever the schedule is due; an entry of the same name is replaced."""
    about = _read_payload(payload)
    now = datetime.now(UTC)
    entry = ask_database(
        lambda conn: schedule_cron(conn, name, schedule, kind, now=now, lane=lane, priority=priority, payload=about)
    )
    return write_answer(asdict(entry), _draw(entry), json=json)


@app.command
def remove(name: Name, /, *, json: Json = False) -> int:
    """Queue no more tasks for an entry; one that waits already is still done."""
    if not ask_database(lambda conn: unschedule_cron(conn, name)):
        raise EntryUnknown(f"there is no entry {name!r}")
    return write_answer({"name": name}, f"{name} is removed", json=json)


def _read_payload(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        payload = json_text.loads(text)
    except ValueError as error:
        raise PayloadInvalid(f"the payload is no JSON: {error}") from None
    if not isinstance(payload, dict):
        raise PayloadInvalid("the payload is no JSON object, such as '{\"days\": 30}'")
    return payload


def _draw(entry: CronEntry) -> str:
    return f"{entry.name}  {entry.schedule}  {entry.kind} in {entry.lane}  next {entry.next_at:%Y-%m-%d %H:%M} UTC"
