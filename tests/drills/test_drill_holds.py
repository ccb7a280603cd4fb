"""What a drill holds - connections, a lock, room on a disk - is held for as long as its lease, and not taken twice."""

import asyncio
from pathlib import Path

import pytest

from quantum_scheduler.drills.faults.connections import NAME, ConnectionsFault
from quantum_scheduler.drills.faults.disk import DiskFault, find_size
from quantum_scheduler.drills.faults.locks import WAITING, LockFault
from quantum_scheduler.drills.lease import LEASE_S
from quantum_scheduler.drills.model import DrillRefused
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.postgres.metrics import connections_used_ratio, postgres_stats

PATIENCE_S = 60.0
LOOK_EVERY_S = 0.05
COUNT_HELD = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()"
COUNT_WAITING = f"{COUNT_HELD} AND wait_event_type = 'Lock'"
END_HELD = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()
"""


async def count(pool: Pool, statement: str = COUNT_HELD) -> int:
    async with pool.acquire() as conn:
        return int(await conn.fetchval(statement, NAME))


async def wait_for(pool: Pool, expected: int, statement: str = COUNT_HELD) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if await count(pool, statement) == expected:
                return
            await asyncio.sleep(LOOK_EVERY_S)


async def test_connections_are_taken_once_and_what_somebody_closes_stays_closed(dsn: str, pool: Pool) -> None:
    async with pool.acquire() as conn:
        used = connections_used_ratio(await postgres_stats(conn))
    fault = ConnectionsFault(dsn, pool, used_share=used + 0.05)
    await fault.inject(LEASE_S)
    try:
        assert await count(pool) > 0
        async with pool.acquire() as conn:
            await conn.fetch(END_HELD, NAME)
        await wait_for(pool, 0)
        await fault.inject(LEASE_S)
        assert await count(pool) == 0
    finally:
        await fault.lift()
    await fault.lift()


async def test_connections_are_given_back(dsn: str, pool: Pool) -> None:
    async with pool.acquire() as conn:
        used = connections_used_ratio(await postgres_stats(conn))
    fault = ConnectionsFault(dsn, pool, used_share=used + 0.05)
    await fault.inject(LEASE_S)
    assert await count(pool) > 0
    await fault.lift()
    await wait_for(pool, 0)


async def test_statements_wait_for_a_lock_until_the_fault_is_lifted(dsn: str, pool: Pool) -> None:
    fault = LockFault(dsn)
    await fault.inject(LEASE_S)
    try:
        await wait_for(pool, WAITING, COUNT_WAITING)
        await fault.inject(LEASE_S)
    finally:
        await fault.lift()
    await wait_for(pool, 0, COUNT_WAITING)
    await wait_for(pool, 0)


async def test_the_server_itself_ends_a_lock_that_is_not_renewed(dsn: str, pool: Pool) -> None:
    fault = LockFault(dsn)
    await fault.inject(1.0)
    try:
        await wait_for(pool, WAITING, COUNT_WAITING)
        await wait_for(pool, 0, COUNT_WAITING)
        await fault.inject(1.0)  # it is over
        await wait_for(pool, 0, COUNT_WAITING)
    finally:
        await fault.lift()


async def test_room_on_a_disk_is_held_by_a_file_without_a_name_until_it_is_not_renewed(tmp_path: Path) -> None:
    fault = DiskFault(tmp_path, 2**20)
    await fault.inject(LEASE_S)
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []
    holder = fault.holder
    assert holder is not None
    assert holder.returncode is None
    await fault.inject(0.1)
    async with asyncio.timeout(PATIENCE_S):
        assert await holder.wait() == 0
    await fault.lift()


async def test_room_is_given_back_when_nobody_is_there_to_say_so(tmp_path: Path) -> None:
    fault = DiskFault(tmp_path, 2**20)
    await fault.inject(LEASE_S)
    holder = fault.holder
    assert holder is not None
    assert holder.stdin is not None
    holder.stdin.close()  # as when the driller dies
    async with asyncio.timeout(PATIENCE_S):
        assert await holder.wait() == 0


def test_a_real_disk_is_not_filled() -> None:
    with pytest.raises(DrillRefused, match=r"real disks are not filled: .* mount -t tmpfs"):
        find_size(Path("/proc"))
