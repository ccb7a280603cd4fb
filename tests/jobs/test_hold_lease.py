import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

import pytest
from tests.jobs.conftest import LANE, Desk

from quantum_scheduler.jobs.lease import hold_lease

LEASE_S = 1.5
PATIENCE_S = 30.0


class Ear:
    """Hears what a lease tells."""

    def __init__(self) -> None:
        self.lost: list[str] = []
        self.cancelled: list[UUID] = []
        self.heard = asyncio.Event()

    def lose(self, reason: str) -> None:
        self.lost.append(reason)
        self.heard.set()

    def cancel(self, job_ids: Sequence[UUID]) -> None:
        self.cancelled.extend(job_ids)
        self.heard.set()

    async def wait(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.heard.wait()


@pytest.fixture
async def ear() -> Ear:
    return Ear()


async def count_workers(desk: Desk) -> int:
    return await desk.count("SELECT count(*) FROM worker")


async def test_a_worker_is_known_while_it_holds_its_lease(desk: Desk, dsn: str, ear: Ear) -> None:
    async with hold_lease(
        dsn, lanes=[LANE], slots=3, lease_s=LEASE_S, on_lost=ear.lose, on_cancelled=ear.cancel
    ) as worker_id:
        assert await desk.count("SELECT slots FROM worker WHERE id = $1", worker_id) == 3
    assert await count_workers(desk) == 0
    assert ear.lost == []


async def test_a_busy_event_loop_does_not_lose_the_lease(desk: Desk, dsn: str, ear: Ear) -> None:
    async with hold_lease(dsn, lanes=[LANE], slots=1, lease_s=LEASE_S, on_lost=ear.lose, on_cancelled=ear.cancel):
        time.sleep(2 * LEASE_S)  # noqa: ASYNC251  this is what a busy loop does
        assert (await desk.tick()).dead_workers == ()
        assert ear.lost == []


async def test_a_worker_hears_that_its_lease_was_taken(desk: Desk, dsn: str, ear: Ear) -> None:
    async with hold_lease(dsn, lanes=[LANE], slots=1, lease_s=LEASE_S, on_lost=ear.lose, on_cancelled=ear.cancel):
        await desk.execute("DELETE FROM worker")
        await ear.wait()
    assert ear.lost == ["it was taken away"]


async def test_a_worker_that_cannot_beat_for_its_lease_has_lost_it(desk: Desk, dsn: str, ear: Ear) -> None:
    async with (
        hold_lease(dsn, lanes=[LANE], slots=1, lease_s=LEASE_S, on_lost=ear.lose, on_cancelled=ear.cancel),
        desk.pool.acquire() as conn,
        conn.transaction(),
    ):
        await conn.execute("LOCK TABLE worker")
        await ear.wait()
    assert ear.lost == ["it could not be renewed for 1.5 s"]


async def test_a_beat_that_is_late_but_not_too_late_keeps_the_lease(desk: Desk, dsn: str, ear: Ear) -> None:
    async with hold_lease(dsn, lanes=[LANE], slots=1, lease_s=3.0, on_lost=ear.lose, on_cancelled=ear.cancel):
        async with desk.pool.acquire() as conn, conn.transaction():
            await conn.execute("LOCK TABLE worker")
            await asyncio.sleep(1.0)
        await asyncio.sleep(2.5)
        assert ear.lost == []
        assert (await desk.tick()).dead_workers == ()


async def test_a_beat_tells_of_cancelled_jobs(desk: Desk, dsn: str, ear: Ear) -> None:
    job = await desk.submit()
    async with hold_lease(
        dsn, lanes=[LANE], slots=1, lease_s=LEASE_S, on_lost=ear.lose, on_cancelled=ear.cancel
    ) as worker_id:
        await desk.claim(worker_id)
        await desk.cancel(job)
        await ear.wait()
    assert set(ear.cancelled) == {job.id}
