import asyncio
import random
from typing import Any
from uuid import UUID

import pytest
from tests.jobs.conftest import LANE, Desk, new_job, succeed

from quantum_scheduler.jobs.limit import find_limits, limit_lane, limit_organisation
from quantum_scheduler.jobs.model import HandedBack, solve_lane
from quantum_scheduler.jobs.submit import submit_jobs

LANES = ("classical", "dynex", "dwave")


async def fill(desk: Desk, count: int, *, org_id: UUID | None = None, **options: Any) -> None:
    async with desk.pool.acquire() as conn, conn.transaction():
        await submit_jobs(conn, org_id or desk.org_id, [new_job(**options) for _ in range(count)])


async def limit(desk: Desk, running_max: int | None, *, org_id: UUID | None = None) -> None:
    async with desk.pool.acquire() as conn, conn.transaction():
        await limit_organisation(conn, org_id or desk.org_id, running_max)


async def limit_its_lane(desk: Desk, running_max: int | None) -> None:
    async with desk.pool.acquire() as conn, conn.transaction():
        await limit_lane(conn, LANE, running_max)


async def test_eight_claimers_over_three_lanes_never_exceed_an_organisations_limit(desk: Desk) -> None:
    others = [await desk.add_organisation() for _ in range(2)]
    for org_id in (desk.org_id, *others):
        for backend in LANES:
            await fill(desk, 12, org_id=org_id, backend=backend)
    await limit(desk, 3)
    await limit(desk, 5, org_id=others[0])
    exceeded = []

    async def claim_and_settle(seed: int) -> int:
        chance, worker_id, done = random.Random(seed), await desk.register(), 0
        for _ in range(30):
            claims = await desk.claim(worker_id, chance.randint(1, 4), lane=solve_lane(chance.choice(LANES)))
            running = await desk.count("SELECT count(*) FROM task WHERE state = 'running' AND org_id = $1", desk.org_id)
            exceeded.append(running > 3)
            await desk.settle(*map(succeed, claims))
            done += len(claims)
        return done

    done = sum(await asyncio.gather(*map(claim_and_settle, range(8))))
    assert not any(exceeded)
    assert done + await desk.count("SELECT count(*) FROM task") == 3 * 36
    assert done > 36


async def test_claims_that_start_together_fill_an_organisations_limit_exactly(desk: Desk) -> None:
    for backend in LANES:
        await fill(desk, 20, backend=backend)
    await limit(desk, 7)
    workers = [await desk.register() for _ in range(8)]
    claims = await asyncio.gather(
        *(desk.claim(worker_id, 4, lane=solve_lane(LANES[place % 3])) for place, worker_id in enumerate(workers))
    )
    assert sum(map(len, claims)) == 7


async def test_a_limit_counts_over_all_priorities_and_takes_the_highest_first(desk: Desk) -> None:
    for priority in ("low", "high", "critical"):
        await fill(desk, 2, priority=priority)
    await limit(desk, 3)
    worker_id = await desk.register()
    claims = await desk.claim(worker_id, 6)
    jobs = [await desk.count("SELECT priority FROM task WHERE id = $1", claim.task_id) for claim in claims]
    assert jobs == [3, 3, 2]
    await desk.settle(succeed(claims[0]), (claims[1], HandedBack()))
    assert len(await desk.claim(worker_id, 6)) == 2


async def test_an_organisation_at_its_limit_does_not_hold_up_the_others(desk: Desk) -> None:
    full = [await desk.add_organisation() for _ in range(10)]
    for org_id in full:
        await fill(desk, 5, org_id=org_id)
        await limit(desk, 0, org_id=org_id)
    last = await desk.add_organisation()
    await fill(desk, 3, org_id=last)
    claims = await desk.claim(await desk.register(), 2)
    assert [claim.org_id for claim in claims] == [last, last]


async def test_what_a_limit_leaves_free_goes_to_the_others(desk: Desk) -> None:
    other = await desk.add_organisation()
    await fill(desk, 10)
    await fill(desk, 10, org_id=other)
    await limit(desk, 1)
    claims = await desk.claim(await desk.register(), 6)
    assert sorted([claim.org_id for claim in claims]) == sorted([desk.org_id, *[other] * 5])


async def test_claimers_never_exceed_a_lanes_limit(desk: Desk) -> None:
    await fill(desk, 40)
    await limit_its_lane(desk, 5)
    workers = [await desk.register() for _ in range(8)]
    claims = await asyncio.gather(*(desk.claim(worker_id, 2) for worker_id in workers))
    assert sum(map(len, claims)) == 5
    done = next(each for each in claims if each)
    await desk.settle(succeed(done[0]))
    again = await asyncio.gather(*(desk.claim(worker_id, 2) for worker_id in workers))
    assert sum(map(len, again)) == 1


async def test_a_lane_limit_leaves_other_lanes_alone(desk: Desk) -> None:
    await fill(desk, 2)
    await fill(desk, 2, backend="dynex")
    await limit_its_lane(desk, 0)
    worker_id = await desk.register()
    assert await desk.claim(worker_id, 2) == []
    assert len(await desk.claim(worker_id, 2, lane="solve.dynex")) == 2


async def test_limits_that_are_lifted_limit_nothing(desk: Desk) -> None:
    await fill(desk, 4)
    await limit(desk, 1)
    await limit_its_lane(desk, 2)
    async with desk.pool.acquire() as conn:
        limits = await find_limits(conn)
    assert (limits.lanes, limits.organisations) == ({LANE: 2}, {desk.org_id: 1})
    await limit(desk, None)
    await limit_its_lane(desk, None)
    assert len(await desk.claim(await desk.register(), 4)) == 4
    async with desk.pool.acquire() as conn:
        limits = await find_limits(conn)
    assert (limits.lanes, limits.organisations) == ({}, {})


async def test_a_limit_set_while_claims_run_is_kept_from_its_commit_on(desk: Desk) -> None:
    for backend in LANES:
        await fill(desk, 10, backend=backend)
    worker_id = await desk.register()
    async with desk.pool.acquire() as conn, conn.transaction():
        await limit_organisation(conn, desk.org_id, 2)
        claiming = [asyncio.create_task(desk.claim(worker_id, 4, lane=solve_lane(backend))) for backend in LANES]
        await asyncio.sleep(0.3)
    claimed = sum(len(claims) for claims in await asyncio.gather(*claiming))
    claimed += len(await desk.claim(worker_id, 4))
    assert claimed == 2


async def test_a_limit_below_nothing_is_refused(desk: Desk) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        await limit(desk, -1)
