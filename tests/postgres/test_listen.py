import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.postgres.embed import EmbeddedPostgres, start_postgres
from quantum_scheduler.postgres.listen import (
    NOTICES_WAITING_MAX,
    PAYLOAD_BYTES_MAX,
    PAYLOADS_WAITING_MAX,
    Listener,
    Notifier,
    Subscription,
)

LONG_S = 30.0


@pytest.fixture
def own_server() -> Iterator[EmbeddedPostgres]:
    """A server to restart."""
    folder = Path(tempfile.mkdtemp(prefix="qs-"))
    try:
        with start_postgres(folder, settings={"fsync": "off"}) as server:
            yield server
    finally:
        shutil.rmtree(folder)


async def receive(subscription: Subscription) -> str | None:
    async with asyncio.timeout(LONG_S):
        return await subscription.receive()


async def receive_payload(subscription: Subscription) -> str:
    async with asyncio.timeout(LONG_S):
        return await anext(payload async for payload in subscription if payload is not None)


async def test_a_notice_reaches_every_reader_of_its_channel_and_no_other(dsn: str) -> None:
    async with Listener(dsn) as listener, Notifier(dsn) as notifier:
        one, other, elsewhere = listener.subscribe("a"), listener.subscribe("a"), listener.subscribe("b")
        assert [await receive(reader) for reader in (one, other, elsewhere)] == [None, None, None]
        notifier.notify("a", "ready")
        assert (await receive(one), await receive(other)) == ("ready", "ready")
        notifier.notify("b", "last")
        assert await receive(elsewhere) == "last"


async def test_a_reader_of_a_channel_that_is_listened_to_already_hears_it_too(dsn: str) -> None:
    async with Listener(dsn) as listener, Notifier(dsn) as notifier:
        with listener.subscribe("a") as first:
            assert await receive(first) is None
        with listener.subscribe("a") as second:
            notifier.notify("a", "ready")
            assert await receive_payload(second) == "ready"


async def test_readers_look_for_themselves_after_a_restart_and_hear_again(own_server: EmbeddedPostgres) -> None:
    async with Listener(own_server.dsn) as listener, Notifier(own_server.dsn) as notifier:
        reader = listener.subscribe("a")
        assert await receive(reader) is None
        notifier.notify("a", "before")
        assert await receive(reader) == "before"
        await asyncio.to_thread(own_server.restart, "immediate")
        assert await receive(reader) is None
        notifier.notify("a", "after")
        assert await receive(reader) == "after"


async def test_a_notice_outlives_the_session_that_was_to_send_it(dsn: str, pool: Pool) -> None:
    async with Listener(dsn) as listener, Notifier(dsn) as notifier:
        reader = listener.subscribe("a")
        assert await receive(reader) is None
        notifier.notify("a", "before")
        assert await receive(reader) == "before"
        await pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'quantum-scheduler notifier'"
        )
        notifier.notify("a", "after")
        assert await receive(reader) == "after"


async def test_the_same_notice_is_sent_once_however_often_it_is_given_at_a_time(dsn: str) -> None:
    async with Listener(dsn) as listener, Notifier(dsn) as notifier:
        reader = listener.subscribe("a")
        assert await receive(reader) is None
        for payload in ["same"] * 100 + ["last"]:
            notifier.notify("a", payload)
        assert [await receive(reader), await receive(reader)] == ["same", "last"]


async def test_many_notices_arrive_each_and_in_order_whatever_they_are_packed_in(dsn: str) -> None:
    notices = [str(number).rjust(500, ".") for number in range(NOTICES_WAITING_MAX // 2)]
    async with Listener(dsn) as listener, Notifier(dsn) as notifier:
        reader = listener.subscribe("a")
        assert await receive(reader) is None
        for notice in notices:
            notifier.notify("a", notice)
        assert [await receive(reader) for _ in notices] == notices
        with pytest.raises(ValueError, match="one line"):
            notifier.notify("a", "two\nlines")


async def test_more_notices_than_can_wait_become_one_that_says_look(dsn: str) -> None:
    notifier = Notifier(dsn)
    for number in range(PAYLOADS_WAITING_MAX + 10):
        notifier.notify("a", str(number))
    async with Listener(dsn) as listener:
        reader = listener.subscribe("a")
        assert await receive(reader) is None
        async with notifier:
            assert await receive(reader) is None
            notifier.notify("a", "next")
            assert await receive(reader) == "next"


async def test_a_slow_reader_is_told_to_look_instead_of_everything_it_missed(dsn: str) -> None:
    async with Listener(dsn) as listener, Notifier(dsn) as notifier:
        slow, other = listener.subscribe("a"), listener.subscribe("b")
        assert [await receive(slow), await receive(other)] == [None, None]
        for number in range(NOTICES_WAITING_MAX + 1):
            notifier.notify("a", str(number))
        notifier.notify("b", "all sent")
        assert await receive(other) == "all sent"
        assert await receive(slow) is None
        notifier.notify("a", "next")
        assert await receive(slow) == "next"


async def test_a_notice_given_last_is_sent_before_leaving(dsn: str) -> None:
    async with Listener(dsn) as listener:
        reader = listener.subscribe("a")
        assert await receive(reader) is None
        async with Notifier(dsn) as notifier:
            notifier.notify("a", "farewell")
        assert await receive(reader) == "farewell"


async def test_waiting_for_a_notice_ends_in_time(dsn: str) -> None:
    async with Listener(dsn) as listener:
        with listener.subscribe("a") as reader:
            assert await receive(reader) is None
            assert await reader.receive(timeout_s=0.01) is None


async def test_nobody_waits_for_a_database_that_is_not_there() -> None:
    async with asyncio.timeout(LONG_S):
        async with (
            Listener("postgresql://x@127.0.0.1:1/x") as listener,
            Notifier("postgresql://x@127.0.0.1:1/x") as notifier,
        ):
            notifier.notify("a", "kept")
            assert await listener.subscribe("a").receive(timeout_s=0.2) is None


def test_a_notice_too_long_for_postgres_is_refused() -> None:
    notifier = Notifier("postgresql://x@127.0.0.1:1/x")
    with pytest.raises(ValueError, match="at most 7999 bytes, not 8000"):
        notifier.notify("a", "x" * (PAYLOAD_BYTES_MAX + 1))
