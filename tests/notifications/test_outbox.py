"""The outbox: nothing is lost, and nobody is told the same thing twice by it."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from quantum_scheduler.notifications import store
from quantum_scheduler.notifications.model import ChannelName, Delivery, Message, Receipt, SendFailed, Target
from quantum_scheduler.notifications.outbox import GIVEN_UP_AFTER, LEASE, deliver_due, post_message
from quantum_scheduler.notifications.port import Channel
from quantum_scheduler.postgres.connect import Pool

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
MESSAGE = Message(kind="alert", title="Dynex is down", incident="incident-2026-11-22-001", severity="P1")
ANN, BOB = Target(channel="webhook", address="ann"), Target(channel="webhook", address="bob")


class Recorder:
    """A channel that keeps what it sends, after the failures it is given."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.sent: list[Delivery] = []

    async def send(self, delivery: Delivery) -> Receipt:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(delivery)
        return {"ts": str(len(self.sent))}


async def post(pool: Pool, *targets: Target, key: str = "k") -> int:
    async with pool.acquire() as conn:
        return await post_message(conn, targets, MESSAGE, dedup_key=key, now=NOW)


async def deliver(pool: Pool, channel: Channel, *, after: timedelta = timedelta()) -> int:
    channels: Mapping[ChannelName, Channel] = {"webhook": channel}
    return await deliver_due(pool, channels, now=lambda: NOW + after, chance=lambda: 1.0)


async def test_each_target_is_told_once_however_often_it_is_posted_and_delivered(pool: Pool) -> None:
    channel = Recorder()
    assert await post(pool, ANN, BOB) == 2
    assert await post(pool, ANN, BOB, ANN) == 0
    assert await post(pool) == 0
    await asyncio.gather(*(deliver(pool, channel) for _ in range(4)))
    assert await deliver(pool, channel, after=timedelta(days=1)) == 0
    assert sorted(each.target.address for each in channel.sent) == ["ann", "bob"]
    assert channel.sent[0].message == MESSAGE


async def test_what_is_rolled_back_is_told_to_nobody(pool: Pool) -> None:
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        await post_message(conn, [ANN], MESSAGE, dedup_key="k", now=NOW)
        await transaction.rollback()
    assert await deliver(pool, Recorder()) == 0


async def test_a_failure_is_tried_again_after_a_pause_that_grows_or_that_was_asked_for(pool: Pool) -> None:
    channel = Recorder(SendFailed("busy"), SendFailed("busy", retry_after_s=90.0), TimeoutError(), OSError("gone"))
    await post(pool, ANN)
    due: list[float] = []
    for _ in range(4):
        after = timedelta(seconds=due[-1] if due else 0.0)
        assert await deliver(pool, channel, after=after) == 1
        async with pool.acquire() as conn:
            next_at = await store.next_due(conn)
        assert next_at is not None
        due.append((next_at - NOW).total_seconds())
    assert due == [5.0, 95.0, 115.0, 155.0]
    assert await deliver(pool, channel, after=timedelta(seconds=154)) == 0
    assert await deliver(pool, channel, after=timedelta(seconds=155)) == 1
    assert len(channel.sent) == 1


@pytest.mark.parametrize(
    "failure", [SendFailed("no such address", is_final=True), SendFailed("busy", retry_after_s=1e6)]
)
async def test_what_cannot_be_sent_or_is_too_old_is_given_up_and_kept(pool: Pool, failure: SendFailed) -> None:
    await post(pool, ANN)
    await deliver(pool, Recorder(failure))
    async with pool.acquire() as conn:
        row = await conn.fetchrow("SELECT failed_at, sent_at, error, attempts FROM notification")
    assert row is not None
    assert (row["failed_at"], row["sent_at"], row["error"], row["attempts"]) == (NOW, None, str(failure), 1)
    assert await deliver(pool, Recorder(), after=GIVEN_UP_AFTER * 2) == 0


async def test_what_a_dead_process_took_is_sent_under_the_same_id(pool: Pool) -> None:
    await post(pool, ANN)
    async with pool.acquire() as conn:
        (taken,) = await store.claim(conn, now=NOW, until=NOW + LEASE, count_max=10)
    channel = Recorder()
    assert await deliver(pool, channel) == 0
    assert await deliver(pool, channel, after=LEASE) == 1
    assert [each.id for each in channel.sent] == [taken.id]


async def test_a_channel_that_is_not_set_up_is_no_reason_to_lose_a_message(pool: Pool) -> None:
    await post(pool, Target(channel="pagerduty", address="r"))
    assert await deliver(pool, Recorder()) == 1
    async with pool.acquire() as conn:
        assert await store.next_due(conn) == NOW + timedelta(seconds=5)


async def test_the_first_message_of_an_incident_is_the_thread_of_the_others(pool: Pool) -> None:
    channel = Recorder()
    async with pool.acquire() as conn:
        incident_id = await conn.fetchval(
            "INSERT INTO incident (day, number, title, severity, began_at, declared_at)"
            " VALUES ('2026-11-22', 1, 'x', 'P1', now(), now()) RETURNING id"
        )
        for key in ("first", "second"):
            await post_message(conn, [ANN], MESSAGE, dedup_key=key, now=NOW, incident_id=incident_id)
            await deliver(pool, channel)
    assert [each.thread for each in channel.sent] == [None, {"ts": "1"}]


async def test_an_inbox_is_read_newest_first_and_each_message_marked_once(pool: Pool) -> None:
    for key in ("a", "b"):
        await post(pool, Target(channel="inbox", address="ann"), key=key)
    async with pool.acquire() as conn:
        newest, oldest = await store.read_inbox(conn, "ann", before=None, is_unread=False, limit=10)
        assert await store.mark_read(conn, "ann", newest["id"], NOW)
        assert not await store.mark_read(conn, "bob", oldest["id"], NOW)
        unread = await store.read_inbox(conn, "ann", before=None, is_unread=True, limit=10)
    assert [each["id"] for each in unread] == [oldest["id"]]
