"""Post messages in the transaction of what they tell of, and deliver each at least once, to each target once."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from quantum_scheduler.notifications import store
from quantum_scheduler.notifications.model import ChannelName, Delivery, Message, SendFailed, Target
from quantum_scheduler.notifications.port import Channel
from quantum_scheduler.postgres.connect import Connection, Pool

BATCH_MAX = 50
SEND_TIMEOUT = timedelta(seconds=15)
# Whoever took a message and died had until then, longer than sending may take; it is sent again under the same id.
LEASE = timedelta(seconds=20)
BACKOFF_FIRST_S = 5.0
BACKOFF_MAX_S = 600.0
GIVEN_UP_AFTER = timedelta(hours=24)
ERROR_CHARS_MAX = 500

log = structlog.get_logger(__name__)


async def post_message(
    conn: Connection,
    targets: Sequence[Target],
    message: Message,
    *,
    dedup_key: str,
    now: datetime,
    incident_id: int | None = None,
) -> int:
    """Put a message for each target into the outbox; how many of them have not been told it before."""
    if not targets:
        return 0
    return await store.post(conn, targets, dedup_key=dedup_key, message=message, incident_id=incident_id, now=now)


async def deliver_due(
    pool: Pool,
    channels: Mapping[ChannelName, Channel],
    *,
    now: Callable[[], datetime],
    chance: Callable[[], float],
    by: str | None = None,
) -> int:
    """Send what is due, all at once, and note what became of each; how many were tried.

    `by` is a session of this process in the database: once that has ended, others need not wait for what it took.

    What failed is tried again after a growing pause, or when the receiver said, until `GIVEN_UP_AFTER`.
    """
    async with pool.acquire() as conn:
        began_at = now()
        deliveries = await store.claim(conn, now=began_at, until=began_at + LEASE, count_max=BATCH_MAX, by=by)
    await asyncio.gather(*(_deliver(pool, channels, each, now=now, chance=chance) for each in deliveries))
    return len(deliveries)


async def release_strays(conn: Connection, *, now: datetime) -> int:
    """Have sent at once what processes had taken that are dead now; how many messages that is."""
    return await store.release(conn, now)


async def find_next_delivery(conn: Connection) -> datetime | None:
    """Say when the next message is due."""
    return await store.next_due(conn)


async def _deliver(
    pool: Pool,
    channels: Mapping[ChannelName, Channel],
    delivery: Delivery,
    *,
    now: Callable[[], datetime],
    chance: Callable[[], float],
) -> None:
    channel = channels.get(delivery.target.channel)
    if channel is None:
        missing = SendFailed(f"the channel {delivery.target.channel} is not set up here")
        await _note_failure(pool, delivery, missing, now=now(), chance=chance())
        return
    try:
        async with asyncio.timeout(SEND_TIMEOUT.total_seconds()):
            receipt = await channel.send(delivery)
    except (SendFailed, TimeoutError, OSError) as error:
        await _note_failure(pool, delivery, error, now=now(), chance=chance())
        return
    async with pool.acquire() as conn:
        await store.note_sent(conn, delivery.id, receipt, now())
    log.info("notification.sent", id=str(delivery.id), channel=delivery.target.channel, attempts=delivery.attempts)


async def _note_failure(pool: Pool, delivery: Delivery, error: Exception, *, now: datetime, chance: float) -> None:
    text = (str(error) or type(error).__name__)[:ERROR_CHARS_MAX]
    is_final = isinstance(error, SendFailed) and error.is_final
    asked_s = error.retry_after_s if isinstance(error, SendFailed) else None
    pause_s = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** min(delivery.attempts - 1, 10)) * (0.5 + chance / 2)
    next_at = now + timedelta(seconds=max(pause_s, asked_s or 0.0))
    gives_up = is_final or next_at - delivery.created_at > GIVEN_UP_AFTER
    async with pool.acquire() as conn:
        if gives_up:
            await store.note_failed(conn, delivery.id, text, now)
        else:
            await store.put_off(conn, delivery.id, text, next_at)
    log.warning("notification.failed", id=str(delivery.id), channel=delivery.target.channel, error=text, final=gives_up)
