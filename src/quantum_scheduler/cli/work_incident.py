"""`incident`, further: how far it is, who does what in it, what is still to be done, and what is written of it."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from quantum_scheduler.cli.ask import ask_database
from quantum_scheduler.cli.change_incident import Which, begin, change_incident
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.read import FileUnreadable
from quantum_scheduler.cli.write import check_writable, write_answer, write_file
from quantum_scheduler.incidents import respond
from quantum_scheduler.incidents.document import ItemDocument
from quantum_scheduler.incidents.look_up import find_incident, read_items
from quantum_scheduler.incidents.model import REVIEW_CHARS_MAX, ROLES, Incident, Item, Role
from quantum_scheduler.incidents.move import assign_role
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.incidents.review import edit_review, read_review
from quantum_scheduler.postgres.connect import Connection

STANDARD_INPUT = Path("-")


def mitigate(which: Which, /, *, json: Json = False) -> int:
    """Say that customers do not feel it any more."""
    return change_incident(
        which, lambda conn, id_, whom, who, now: respond.mitigate(conn, id_, whom, actor=who, now=now), json=json
    )


def worsen(
    which: Which, /, *, why: Annotated[str, Parameter(help="Why, for the timeline.")] = "", json: Json = False
) -> int:
    """Say that customers feel it again; it pages on."""
    return change_incident(
        which, lambda conn, id_, whom, who, now: respond.worsen(conn, id_, whom, actor=who, now=now, why=why), json=json
    )


def reopen(which: Which, /, *, json: Json = False) -> int:
    """Open a resolved incident again; whoever is on call is paged anew."""
    return change_incident(
        which, lambda conn, id_, whom, who, now: respond.reopen(conn, id_, whom, actor=who, now=now), json=json
    )


def roles(
    which: Which,
    role: Annotated[Role | None, Parameter(name="ROLE", help="The role to give; all are shown without.")] = None,
    person: Annotated[str, Parameter(name="PERSON", help="Who takes it; you unless given.")] = "",
    /,
    *,
    json: Json = False,
) -> int:
    """Show who is commander, who communicates and who writes, or give one of these roles."""
    if role is not None:

        async def change(conn: Connection, incident_id: int, _: Audience, who: str, now: datetime) -> Incident:
            return await assign_role(conn, incident_id, role, person or who, actor=who, now=now)

        return change_incident(which, change, json=json)
    found = ask_database(lambda conn: find_incident(conn, which))
    held: dict[str, str | None] = {each: getattr(found, each) for each in ROLES}
    return write_answer(held, "\n".join(f"{each}  {name or 'NOBODY'}" for each, name in held.items()), json=json)


def checklist(which: Which, /, *, json: Json = False) -> int:
    """Show the checklist: what to do during the incident, to resolve it, and afterwards."""
    return _show_items(which, lambda item: item.due_at is None, json=json)


def tasks(which: Which, /, *, json: Json = False) -> int:
    """Show what is due after the incident, until when, and whose it is."""
    return _show_items(which, lambda item: item.due_at is not None, json=json)


def review(
    which: Which,
    /,
    *,
    export: Annotated[Path | None, Parameter(help="Write it into this file.")] = None,
    replace: Annotated[Path | None, Parameter(help="Put the text of this file in its place; - reads it in.")] = None,
    json: Json = False,
) -> int:
    """Print the post-mortem, as Markdown; write it to a file, or put your own in its place."""
    check_writable(export)
    written = None if replace is None else _read_text(replace)
    _, actor, now = begin()

    async def look(conn: Connection) -> str:
        incident_id = (await find_incident(conn, which)).id
        if written is not None:
            await edit_review(conn, incident_id, written, actor=actor, now=now)
        return await read_review(conn, incident_id)

    text = ask_database(look)
    if export is None:
        return write_answer({"markdown": text}, text, json=json)
    write_file(export, text)
    return write_answer({"file": str(export)}, f"the post-mortem is in {export}", json=json)


def _show_items(which: str, wanted: Callable[[Item], bool], *, json: bool) -> int:
    async def look(conn: Connection) -> list[Item]:
        return await read_items(conn, (await find_incident(conn, which)).id)

    items, now = [each for each in ask_database(look) if wanted(each)], datetime.now(UTC)
    documents = [ItemDocument.of(each).model_dump(mode="json") for each in items]
    return write_answer(documents, "\n".join(_draw(items, now)) or "nothing", json=json)


def _draw(items: list[Item], now: datetime) -> list[str]:
    lines: list[str] = []
    section = None
    for each in items:
        if each.section != section:
            lines += ["", each.section] if lines else [each.section]
            section = each.section
        lines.append(f"{each.position:>3} [{'x' if each.done_at else ' '}] {each.title}{_draw_due(each, now)}")
    return lines


def _draw_due(item: Item, now: datetime) -> str:
    if item.due_at is None:
        return ""
    late = " OVERDUE" if item.done_at is None and item.due_at < now else ""
    return f"  (due {item.due_at:%Y-%m-%d %H:%M} UTC, {item.owner or 'nobody'}){late}"


def _read_text(path: Path) -> str:
    """Read a text. Raises FileUnreadable."""
    try:
        if path == STANDARD_INPUT:
            return sys.stdin.read(REVIEW_CHARS_MAX + 1)
        with path.open(encoding="utf-8") as file:
            return file.read(REVIEW_CHARS_MAX + 1)
    except (OSError, ValueError) as error:
        raise FileUnreadable(f"{path}: {error}") from error
