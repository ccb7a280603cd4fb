"""`inbox`: what somebody on call was told. On the database itself, so also without the API."""

import getpass
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from cyclopts import Parameter

from quantum_scheduler.cli.ask import ask_database
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.write import write_answer
from quantum_scheduler.notifications.inbox.read import InboxMessage, mark_read, read_inbox
from quantum_scheduler.postgres.connect import Connection


def inbox(
    name: Annotated[str | None, Parameter(name="NAME", help="Whose it is; yours unless given.")] = None,
    /,
    *,
    unread: Annotated[bool, Parameter(negative=(), help="Only what was not read yet.")] = False,
    read: Annotated[UUID | None, Parameter(help="Mark this message as read first.")] = None,
    json: Json = False,
) -> int:
    """Show what somebody on call was told, newest first."""
    address, now = name or getpass.getuser(), datetime.now(UTC)

    async def look(conn: Connection) -> list[InboxMessage]:
        if read is not None:
            await mark_read(conn, address, read, now=now)
        return await read_inbox(conn, address, is_unread=unread)

    found = ask_database(look)
    documents = [{"id": each.id, "at": each.at, "read_at": each.read_at, **each.message.write()} for each in found]
    return write_answer(documents, "\n".join(map(_draw, found)) or "no messages", json=json)


def _draw(each: InboxMessage) -> str:
    mark = " " if each.read_at else "*"
    return f"{mark} {each.at:%Y-%m-%d %H:%M}  {each.message.title}  ({each.id})"
