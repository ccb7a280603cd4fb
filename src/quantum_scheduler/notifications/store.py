"""Every statement of the outbox."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from quantum_scheduler.notifications.model import Delivery, Message, Receipt, Target
from quantum_scheduler.postgres.connect import Connection

POST = """
INSERT INTO notification (channel, address, dedup_key, message, incident_id, created_at, next_at)
SELECT channel, address, $3, $4, $5, $6, $6 FROM unnest($1::text[], $2::text[]) AS target (channel, address)
ON CONFLICT (channel, address, dedup_key) DO NOTHING RETURNING id
"""

CLAIM = """
WITH due AS (
    SELECT id FROM notification WHERE next_at <= $1 ORDER BY next_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE notification SET next_at = $3, attempts = attempts + 1, claimed_by = $4
    FROM due WHERE notification.id = due.id
    RETURNING notification.*
)
SELECT claimed.id, claimed.channel, claimed.address, claimed.dedup_key, claimed.message, claimed.attempts,
    claimed.created_at, first.receipt AS thread
FROM claimed LEFT JOIN LATERAL (
    SELECT receipt FROM notification AS other
    WHERE other.incident_id = claimed.incident_id AND other.channel = claimed.channel
        AND other.address = claimed.address AND other.sent_at IS NOT NULL
    ORDER BY other.id LIMIT 1
) AS first ON true
ORDER BY claimed.id
"""

NOTE_SENT = (
    "UPDATE notification SET next_at = NULL, claimed_by = NULL, sent_at = $2, receipt = $3, error = NULL WHERE id = $1"
)
NOTE_FAILED = """
UPDATE notification SET next_at = NULL, claimed_by = NULL, failed_at = $2, error = $3 WHERE id = $1 AND sent_at IS NULL
"""
PUT_OFF = """
UPDATE notification SET next_at = $2, claimed_by = NULL, error = $3
WHERE id = $1 AND sent_at IS NULL AND failed_at IS NULL
"""
# A process that is dead has no session any more.
RELEASE = """
UPDATE notification SET next_at = $1, claimed_by = NULL
WHERE claimed_by IS NOT NULL AND next_at > $1
    AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = claimed_by)
RETURNING id
"""
NEXT_DUE = "SELECT min(next_at) FROM notification WHERE next_at IS NOT NULL"

READ_INBOX = """
SELECT id, message, created_at, read_at FROM notification
WHERE channel = 'inbox' AND address = $1 AND ($2::uuid IS NULL OR id < $2) AND (NOT $3 OR read_at IS NULL)
ORDER BY id DESC LIMIT $4
"""
MARK_READ = """
UPDATE notification SET read_at = coalesce(read_at, $3) WHERE channel = 'inbox' AND address = $1 AND id = $2
RETURNING id
"""


async def post(
    conn: Connection,
    targets: Sequence[Target],
    *,
    dedup_key: str,
    message: Message,
    incident_id: int | None,
    now: datetime,
) -> int:
    """Put a message for each target into the outbox, unless it was told this already; how many are new."""
    channels, addresses = [each.channel for each in targets], [each.address for each in targets]
    rows = await conn.fetch(POST, channels, addresses, dedup_key, message.write(), incident_id, now)
    return len(rows)


async def claim(
    conn: Connection, *, now: datetime, until: datetime, count_max: int, by: str | None = None
) -> list[Delivery]:
    """Take what is due, so that nobody else sends it before `until`, or before the session `by` has ended."""
    return [
        Delivery(
            id=row["id"],
            target=Target(channel=row["channel"], address=row["address"]),
            message=Message.read(row["message"]),
            dedup_key=row["dedup_key"],
            attempts=row["attempts"],
            created_at=row["created_at"],
            thread=row["thread"],
        )
        for row in await conn.fetch(CLAIM, now, count_max, until, by)
    ]


async def release(conn: Connection, now: datetime) -> int:
    """Have sent at once what dead processes had taken; how many messages that is."""
    return len(await conn.fetch(RELEASE, now))


async def note_sent(conn: Connection, delivery_id: UUID, receipt: Receipt, now: datetime) -> None:
    """Note that a message is out."""
    await conn.execute(NOTE_SENT, delivery_id, now, dict(receipt))


async def note_failed(conn: Connection, delivery_id: UUID, error: str, now: datetime) -> None:
    """Give a message up."""
    await conn.execute(NOTE_FAILED, delivery_id, now, error)


async def put_off(conn: Connection, delivery_id: UUID, error: str, until: datetime) -> None:
    """Have a message tried again later."""
    await conn.execute(PUT_OFF, delivery_id, until, error)


async def next_due(conn: Connection) -> datetime | None:
    """Say when the next message is due."""
    due: datetime | None = await conn.fetchval(NEXT_DUE)
    return due


async def read_inbox(
    conn: Connection, address: str, *, before: UUID | None, is_unread: bool, limit: int
) -> list[dict[str, Any]]:
    """Read an inbox, newest first."""
    rows = await conn.fetch(READ_INBOX, address, before, is_unread, limit)
    return [
        {"id": row["id"], "message": Message.read(row["message"]), "at": row["created_at"], "read_at": row["read_at"]}
        for row in rows
    ]


async def mark_read(conn: Connection, address: str, notification_id: UUID, now: datetime) -> bool:
    """Mark a message of an inbox as read."""
    return await conn.fetchval(MARK_READ, address, notification_id, now) is not None
