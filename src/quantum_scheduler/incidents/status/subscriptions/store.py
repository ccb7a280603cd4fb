"""Every statement of subscriptions."""

from datetime import datetime

from quantum_scheduler.incidents.status.subscriptions.model import Channel
from quantum_scheduler.notifications.model import Message
from quantum_scheduler.postgres.connect import Connection

COUNT = "SELECT count(*) FROM status_subscriber"
# Asks whoever was not asked before, or not lately; whoever has agreed is asked nothing.
ASK = """
INSERT INTO status_subscriber (channel, address, token, link, asked_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (channel, address) DO UPDATE SET token = excluded.token, link = excluded.link, asked_at = excluded.asked_at
WHERE status_subscriber.confirmed_at IS NULL AND status_subscriber.asked_at < $6
RETURNING id
"""
CONFIRM = """
UPDATE status_subscriber SET confirmed_at = coalesce(confirmed_at, $2)
WHERE token = $1 AND (confirmed_at IS NOT NULL OR asked_at >= $3) RETURNING id
"""
END = "DELETE FROM status_subscriber WHERE token = $1"
FORGET = "DELETE FROM status_subscriber WHERE confirmed_at IS NULL AND asked_at < $1"
# To each who has agreed, with the address at which to disagree again.
TELL = """
INSERT INTO notification (channel, address, dedup_key, message, incident_id, created_at, next_at)
SELECT channel, address, $1, $2::jsonb || jsonb_build_object('unsubscribe', link || '/unsubscribe'), $3, $4, $4
FROM status_subscriber WHERE confirmed_at IS NOT NULL
ON CONFLICT (channel, address, dedup_key) DO NOTHING RETURNING id
"""


async def count(conn: Connection) -> int:
    """Count the subscriptions, those that wait for a word among them."""
    return int(await conn.fetchval(COUNT))


async def ask(
    conn: Connection,
    channel: Channel,
    address: str,
    *,
    token: str,
    link: str,
    now: datetime,
    asked_before: datetime,
) -> bool:
    """Write down that an address is asked; False where it has agreed, or was asked after `asked_before`."""
    return await conn.fetchval(ASK, channel, address, token, link, now, asked_before) is not None


async def confirm(conn: Connection, token: str, *, now: datetime, asked_after: datetime) -> bool:
    """Write down that a subscriber agrees; False where nobody was asked with that token, or too long ago."""
    return await conn.fetchval(CONFIRM, token, now, asked_after) is not None


async def end(conn: Connection, token: str) -> None:
    """End a subscription."""
    await conn.execute(END, token)


async def forget(conn: Connection, before: datetime) -> None:
    """Forget whoever was asked before a moment and never agreed."""
    await conn.execute(FORGET, before)


async def tell(conn: Connection, message: Message, *, dedup_key: str, incident_id: int | None, now: datetime) -> int:
    """Put a message for every subscriber into the outbox; how many have not been told it before."""
    return len(await conn.fetch(TELL, dedup_key, message.write(), incident_id, now))
