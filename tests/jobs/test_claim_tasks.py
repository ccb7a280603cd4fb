import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from tests.jobs.conftest import LANE, Desk, new_job, succeed

from quantum_scheduler.jobs.claim import find_ready_lanes, release_strays
from quantum_scheduler.jobs.model import Claim, SolveClaim
from quantum_scheduler.jobs.pause import pause_lane, resume_lane
from quantum_scheduler.jobs.prioritise import prioritise_job
from quantum_scheduler.jobs.submit import submit_jobs


async def fill(desk: Desk, count: int) -> None:
    async with desk.pool.acquire() as conn, conn.transaction():
        await submit_jobs(conn, desk.org_id, [new_job() for _ in range(count)])


@pytest.fixture
async def neighbours(desk: Desk) -> list[Desk]:
    """Three organisations, in the order of their turns."""
    return [desk, *[Desk(desk.pool, await desk.add_organisation()) for _ in range(2)]]


def owners(claims: list[Claim], desks: list[Desk]) -> str:
    """Whose the claims are, as letters in the order of the desks."""
    letters = {desk.org_id: letter for desk, letter in zip(desks, "ABC", strict=False)}
    return "".join(letters[claim.org_id] for claim in claims)


async def test_a_claimed_job_runs_and_says_so(desk: Desk) -> None:
    job = await desk.submit(time_limit_s=3, seed=7, method="tabu", deadline_s=100)
    worker_id = await desk.register()
    (claim,) = await desk.claim(worker_id, 5)
    assert isinstance(claim, SolveClaim)
    assert (claim.job_id, claim.owner, claim.attempt, claim.failures) == (job.id, worker_id, 1, 0)
    assert (claim.time_limit_s, claim.seed, claim.method) == (3, 7, "tabu")
    assert (claim.backend, claim.lane) == ("auto", LANE)
    assert claim.deadline_left_s is not None
    assert 0 < claim.deadline_left_s <= 100
    found = await desk.find(job)
    assert (found.state, found.attempts) == ("running", 1)
    assert found.started_at is not None
    assert await desk.states(job) == ["queued", "running"]


async def test_a_claimed_task_is_not_claimed_again(desk: Desk) -> None:
    await fill(desk, 3)
    worker_id = await desk.register()
    claims = [*await desk.claim(worker_id, 2), *await desk.claim(worker_id, 2), *await desk.claim(worker_id, 2)]
    assert len({claim.task_id for claim in claims}) == len(claims) == 3


async def test_workers_that_claim_at_once_never_share_a_task(desk: Desk) -> None:
    await fill(desk, 60)
    workers = [await desk.register() for _ in range(4)]
    claims = await asyncio.gather(*(desk.claim(worker_id, 4) for worker_id in workers * 4))
    task_ids = [claim.task_id for each in claims for claim in each]
    assert len(set(task_ids)) == len(task_ids) == 60


async def test_higher_priorities_go_first(desk: Desk) -> None:
    jobs = [await desk.submit(priority=priority) for priority in ("low", "normal", "critical", "high", "critical")]
    claims = await desk.claim(await desk.register(), 5)
    assert [claim.job_id for claim in claims] == [jobs[place].id for place in (2, 4, 3, 1, 0)]


async def test_a_job_that_is_prioritised_overtakes(desk: Desk) -> None:
    first, second = await desk.submit(), await desk.submit()
    async with desk.pool.acquire() as conn, conn.transaction():
        moved = await prioritise_job(conn, desk.org_id, second.id, "high")
    assert moved.priority == "high"
    claims = await desk.claim(await desk.register(), 2)
    assert [claim.job_id for claim in claims] == [second.id, first.id]


async def test_a_priority_counts_more_than_a_turn(neighbours: list[Desk]) -> None:
    await fill(neighbours[0], 2)
    urgent = [await neighbours[1].submit(priority="critical") for _ in range(3)]
    claims = await neighbours[0].claim(await neighbours[0].register(), 4)
    assert [claim.job_id for claim in claims[:3]] == [job.id for job in urgent]


async def test_organisations_take_turns(neighbours: list[Desk]) -> None:
    first, second, third = neighbours
    await fill(first, 5)
    await fill(second, 2)
    await fill(third, 1)
    claims = await first.claim(await first.register(), 8)
    assert owners(claims, neighbours) == "ABCABAAA"


async def test_the_turn_goes_on_from_claim_to_claim(neighbours: list[Desk]) -> None:
    for each in neighbours:
        await fill(each, 4)
    worker_id = await neighbours[0].register()
    claimed = [owners(await neighbours[0].claim(worker_id, count), neighbours) for count in (1, 1, 1, 1, 2, 4)]
    assert claimed == ["A", "B", "C", "A", "BC", "ABCA"]


async def test_each_level_has_its_own_turn(neighbours: list[Desk]) -> None:
    for each in neighbours[:2]:
        await fill(each, 2)
        for _ in range(2):
            await each.submit(priority="high")
    worker_id = await neighbours[0].register()
    claimed = [owners(await neighbours[0].claim(worker_id, 1), neighbours) for _ in range(8)]
    assert "".join(claimed) == "ABABABAB"


async def test_one_job_of_a_newcomer_waits_for_one_turn_however_much_another_has_queued(desk: Desk) -> None:
    await fill(desk, 500)
    worker_id = await desk.register()
    await desk.claim(worker_id, 10)
    newcomer = await Desk(desk.pool, await desk.add_organisation()).submit()
    claims = await desk.claim(worker_id, 2)
    assert newcomer.id in {claim.job_id for claim in claims}


async def test_more_organisations_than_slots_are_all_served_in_turn(desk: Desk) -> None:
    desks = [Desk(desk.pool, await desk.add_organisation()) for _ in range(7)]
    for each in desks * 2:
        await each.submit()
    worker_id = await desk.register()
    claims = [claim for _ in range(5) for claim in await desk.claim(worker_id, 3)]
    assert len({claim.org_id for claim in claims[:7]}) == 7
    assert len(claims) == 14


async def test_a_paused_lane_gives_nothing_until_it_is_resumed(desk: Desk) -> None:
    await desk.submit()
    worker_id = await desk.register()
    async with desk.pool.acquire() as conn:
        await pause_lane(conn, LANE, "the vendor is down")
        assert await desk.claim(worker_id) == []
        await resume_lane(conn, LANE)
        assert len(await desk.claim(worker_id)) == 1


async def test_a_pause_ends_at_its_time(desk: Desk) -> None:
    await desk.submit()
    worker_id = await desk.register()
    async with desk.pool.acquire() as conn:
        await pause_lane(conn, LANE, "until later", until=datetime.now(UTC) + timedelta(hours=1))
        assert await desk.claim(worker_id) == []
        await pause_lane(conn, LANE, "until now", until=datetime.now(UTC) - timedelta(hours=1))
        assert len(await desk.claim(worker_id)) == 1


async def test_a_paused_lane_does_not_hold_up_another(desk: Desk) -> None:
    elsewhere = await desk.submit(backend="simulator")
    async with desk.pool.acquire() as conn:
        await pause_lane(conn, LANE, "the vendor is down")
    (claim,) = await desk.claim(await desk.register(), lane="solve.simulator")
    assert claim.job_id == elsewhere.id


async def test_a_worker_without_a_lease_claims_nothing(desk: Desk) -> None:
    await desk.submit()
    assert await desk.claim(uuid4()) == []


async def test_the_lane_with_the_most_urgent_work_comes_first(desk: Desk) -> None:
    lanes = ["control", "solve.classical", "solve.simulator"]
    async with desk.pool.acquire() as conn:
        assert await find_ready_lanes(conn, lanes) == []
        await desk.submit()
        await desk.submit(backend="simulator")
        assert await find_ready_lanes(conn, lanes) == ["solve.classical", "solve.simulator"]
        await desk.submit(backend="simulator", priority="high")
        assert await find_ready_lanes(conn, lanes) == ["solve.simulator", "solve.classical"]


async def test_what_a_worker_holds_unknowingly_is_put_back(desk: Desk) -> None:
    await fill(desk, 3)
    worker_id = await desk.register()
    known, *_ = await desk.claim(worker_id, 3)
    async with desk.pool.acquire() as conn, conn.transaction():
        await release_strays(conn, worker_id, {known.fence})
    assert len(await desk.settle(succeed(known))) == 1
    again = await desk.claim(worker_id, 3)
    assert [claim.attempt for claim in again] == [2, 2]
