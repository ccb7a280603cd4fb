"""What the database is busy with can be seen, and what lasts too long can be ended; nothing else is touched."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from quantum_scheduler.postgres.activity import (
    cancel_queries,
    count_connections,
    find_slow_queries,
    find_statement_times,
    log_slow_queries,
    recycle_connections,
    terminate_queries,
)
from quantum_scheduler.postgres.connect import DirectConnection, Pool, connect

PATIENCE_S = 30.0


@asynccontextmanager
async def busy(dsn: str, pool: Pool, *, application_name: str = "a test") -> AsyncIterator["asyncio.Task[str]"]:
    """A client that computes for a minute, once the server says that it does."""
    conn = await connect(dsn, application_name=application_name)
    pid = conn.get_server_pid()
    task = asyncio.create_task(conn.execute("SELECT pg_sleep(60)"))
    async with asyncio.timeout(PATIENCE_S):
        while not await is_active(pool, pid):  # noqa: ASYNC110  what is awaited is the server's
            await asyncio.sleep(0.02)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        conn.terminate()


async def is_active(pool: Pool, pid: int) -> bool:
    # It must have lasted for longer than the shortest that can be asked for.
    question = "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND state = 'active' AND now() - xact_start > '1.1 s'"
    return await pool.fetchval(question, pid) is not None


async def test_connections_are_counted_by_what_they_do(dsn: str, pool: Pool) -> None:
    async with pool.acquire() as conn, busy(dsn, pool):
        counted = await count_connections(conn)
    assert counted.active >= 2
    assert counted.open >= counted.active
    assert counted.used_share == counted.open / counted.open_max


async def test_a_query_that_lasts_is_found_and_cancelled_and_its_connection_stays(dsn: str, pool: Pool) -> None:
    async with pool.acquire() as conn, busy(dsn, pool) as query:
        found = await find_slow_queries(conn, running_for_s=1)
        assert [(each.application, each.query) for each in found.queries] == [("a test", "SELECT pg_sleep(60)")]
        assert (found.count, found.blocked, found.longest_s > 1) == (1, 0, True)
        ended = await cancel_queries(conn, running_for_s=1)
        assert ended.pids == (found.queries[0].pid,)
        with pytest.raises(asyncpg.QueryCanceledError):
            await query


async def test_a_transaction_that_lasts_is_terminated_and_a_backup_is_not(dsn: str, pool: Pool) -> None:
    async with pool.acquire() as conn, busy(dsn, pool, application_name="pg_dump"), busy(dsn, pool) as query:
        ended = await terminate_queries(conn, running_for_s=1)
        assert ended.count == 1
        with pytest.raises((asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError)):
            await query


async def test_what_has_only_begun_is_not_ended(dsn: str, pool: Pool) -> None:
    async with pool.acquire() as conn, busy(dsn, pool):
        assert (await terminate_queries(conn, running_for_s=3600)).count == 0
        with pytest.raises(ValueError, match="not slow"):
            await terminate_queries(conn, running_for_s=0)


async def test_only_connections_of_ours_that_hold_nothing_are_recycled(dsn: str, pool: Pool) -> None:
    idle, leader, listener, other = [await connect(dsn) for _ in range(3)] + [await connect(dsn, application_name="x")]
    await leader.execute("SELECT pg_advisory_lock(7)")
    await listener.execute("LISTEN something")
    await idle.execute("SELECT 1")
    async with pool.acquire() as conn:
        ended = await recycle_connections(conn, idle_for_s=0)
        assert idle.get_server_pid() in ended.pids
        assert not {each.get_server_pid() for each in (leader, listener, other)} & set(ended.pids)
    await close(idle, leader, listener, other)


async def close(*connections: DirectConnection) -> None:
    for each in connections:
        each.terminate()


async def test_without_the_extension_no_statements_are_told(pool: Pool) -> None:
    async with pool.acquire() as conn:
        times = await find_statement_times(conn)
    assert (times.is_available, times.statements) == (False, ())


async def test_slow_statements_are_logged_from_now_on_and_no_more(dsn: str, pool: Pool) -> None:
    shown = []
    for over_ms in (1000, None):
        async with pool.acquire() as conn:
            await log_slow_queries(conn, over_ms)
        later = await connect(dsn)
        shown.append(await later.fetchval("SHOW log_min_duration_statement"))
        await later.close()
    assert shown == ["1s", "-1"]
