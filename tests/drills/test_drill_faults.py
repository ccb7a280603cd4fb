"""What a drill breaks is renewed as long as it goes on, and is well again by itself."""

import asyncio
from datetime import UTC, datetime

import pytest

from quantum_scheduler.accounts.actions import Doing, Target, block, unblock
from quantum_scheduler.drills.faults.lanes import CLOSED_BY_RUNBOOK, LaneFault, open_lanes
from quantum_scheduler.drills.faults.logins import NETWORKS, let_in
from quantum_scheduler.drills.faults.vendor import VendorFault, give_back
from quantum_scheduler.drills.lease import LEASE_S, RENEW_EVERY_S, renewing
from quantum_scheduler.drills.model import DrillRefused
from quantum_scheduler.drills.table import VENDOR_FAULTS
from quantum_scheduler.jobs.pause import find_paused, pause_lane, resume_lane
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.solving import actions
from quantum_scheduler.testing.vendors import Vendors


async def test_a_lane_is_closed_for_as_long_as_the_lease_and_opened_again(pool: Pool) -> None:
    fault = LaneFault(pool, "solve.classical")
    await fault.inject(LEASE_S)
    async with pool.acquire() as conn:
        (paused,) = await find_paused(conn)
        assert paused.until is not None
        assert paused.until.timestamp() <= datetime.now(UTC).timestamp() + LEASE_S
        await pause_lane(conn, CLOSED_BY_RUNBOOK, "so that the rest gets through")
        await fault.lift()
        await fault.lift()
        assert [each.lane for each in await find_paused(conn)] == [CLOSED_BY_RUNBOOK]
        await open_lanes(pool, "solve.classical")
        assert await find_paused(conn) == []


async def test_a_lane_that_somebody_has_opened_is_not_closed_again(pool: Pool) -> None:
    fault = LaneFault(pool, "solve.classical")
    await fault.inject(LEASE_S)
    async with pool.acquire() as conn:
        assert await resume_lane(conn, "solve.classical")
        await fault.inject(LEASE_S)
        assert await find_paused(conn) == []


async def test_a_stand_in_has_the_fault_until_it_is_lifted(pool: Pool) -> None:
    with Vendors(only=["dwave"]) as vendors:
        (server,) = vendors.describe()["vendors"]
        assert server["fault"] == "none"
        fault = VendorFault(vendors.describe()["control"], "dwave", "offline")
        await fault.inject(LEASE_S)
        (server,) = vendors.describe()["vendors"]
        assert server["fault"] == "offline"
        assert 0 < server["expires_s"] <= LEASE_S
        await fault.lift()
        (server,) = vendors.describe()["vendors"]
        assert server["fault"] == "none"
        for name in VENDOR_FAULTS:
            await VendorFault(vendors.describe()["control"], "dwave", name).inject(LEASE_S)
            (server,) = vendors.describe()["vendors"]
            assert server["fault"] == name


async def test_a_vendor_has_all_of_its_jobs_again_whatever_a_run_has_left(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await actions.ramp(conn, "dynex", 1)
        await actions.open_breaker(conn, "dynex", reason="a drill")
    await give_back(pool, "dynex")
    async with pool.acquire() as conn:
        assert not await actions.ramp(conn, "dynex", 100)
        assert (await actions.close_breaker(conn, "dynex")).state == "closed"


async def test_without_stand_ins_a_drill_is_refused(pool: Pool) -> None:
    with pytest.raises(DrillRefused, match="up --vendors"):
        await VendorFault("http://127.0.0.1:9", "dwave", "offline").inject(1.0)


async def test_a_lease_is_taken_at_once_and_no_more_once_its_block_has_ended() -> None:
    taken: list[float] = []

    async def renew(for_s: float) -> None:
        taken.append(for_s)

    async with renewing(renew):
        assert taken == [LEASE_S]
    await asyncio.sleep(0)
    assert taken == [LEASE_S]
    assert 3 * RENEW_EVERY_S <= LEASE_S


async def test_where_the_guesses_came_from_is_unblocked(pool: Pool) -> None:
    doing = Doing(now=datetime.now(UTC))
    guessed_from = Target(network=NETWORKS[3])
    async with pool.acquire() as conn:
        async with conn.transaction():
            assert await block(conn, guessed_from, "a drill", doing)
        await let_in(pool)
        async with conn.transaction():
            assert not await unblock(conn, guessed_from, doing)
