"""Read an inbox, and mark what was read."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from quantum_scheduler.notifications import store
from quantum_scheduler.notifications.model import Message
from quantum_scheduler.postgres.connect import Connection

LISTED_MAX = 100


class InboxMessageUnknown(LookupError):  # noqa: N818  an error is named for what happened
    """The inbox has no such message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxMessage:
    """A message in an inbox; `read_at` is None until it is read."""

    id: UUID
    message: Message
    at: datetime
    read_at: datetime | None


async def read_inbox(
    conn: Connection, address: str, *, before: UUID | None = None, is_unread: bool = False, limit: int = LISTED_MAX
) -> list[InboxMessage]:
    """Read up to `LISTED_MAX` messages of an inbox, newest first, from before one on."""
    rows = await store.read_inbox(conn, address, before=before, is_unread=is_unread, limit=min(limit, LISTED_MAX))
    return [InboxMessage(**row) for row in rows]


async def mark_read(conn: Connection, address: str, message_id: UUID, *, now: datetime) -> None:
    """Mark a message as read; may be done twice. Raises InboxMessageUnknown."""
    if not await store.mark_read(conn, address, message_id, now):
        raise InboxMessageUnknown(f"the inbox of {address} has no message {message_id}")
