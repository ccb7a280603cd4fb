import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from tests.jobs.conftest import Desk, succeed
from tests.jobs.errands import ANSWER

from quantum_scheduler.jobs.cancel import cancel_job
from quantum_scheduler.jobs.look_up import read_result
from quantum_scheduler.jobs.model import (
    Cancelled,
    Failed,
    HandedBack,
    JobFinished,
    JobUnknown,
    Outcome,
    ResultMissing,
    Retry,
    Succeeded,
)
from quantum_scheduler.jobs.prioritise import prioritise_job
from quantum_scheduler.jobs.progress import report_progress
from quantum_scheduler.jobs.settle import settle_surely

FAILED = Failed(kind="error", message="no luck")
RETRY = Retry(kind="crashed", message="once more", delay_s=3600)
OUTCOMES = [Succeeded(result=ANSWER), FAILED, RETRY, HandedBack(), Cancelled()]


async def test_a_settled_job_has_its_result_and_no_task(desk: Desk) -> None:
    job = await desk.submit()
    (claim,) = await desk.claim(await desk.register())
    settled = await desk.settle(succeed(claim))
    assert settled[claim.fence].state == "succeeded"
    found = await desk.find(job)
    assert (found.state, found.error, found.cached) == ("succeeded", None, False)
    assert found.finished_at is not None
    async with desk.pool.acquire() as conn:
        assert await read_result(conn, desk.org_id, job.id) == ANSWER
    assert await desk.count("SELECT count(*) FROM task") == 0
    assert await desk.states(job) == ["queued", "running", "succeeded"]


async def test_a_failed_job_says_why(desk: Desk) -> None:
    job = await desk.submit()
    (claim,) = await desk.claim(await desk.register())
    await desk.settle((claim, FAILED))
    found = await desk.find(job)
    assert (found.state, found.error) == ("failed", {"kind": "error", "message": "no luck"})
    async with desk.pool.acquire() as conn:
        with pytest.raises(ResultMissing, match="no luck"):
            await read_result(conn, desk.org_id, job.id)


async def test_a_job_is_settled_once_however_often_it_is_tried(desk: Desk) -> None:
    job = await desk.submit()
    (claim,) = await desk.claim(await desk.register())
    answers = await asyncio.gather(*(desk.settle((claim, FAILED)) for _ in range(6)), desk.settle(succeed(claim)))
    assert sum(len(settled) for settled in answers) == 1
    assert len(await desk.states(job)) == 3


async def test_a_batch_settles_what_is_held_and_leaves_what_is_lost(desk: Desk) -> None:
    jobs = [await desk.submit() for _ in range(4)]
    claims = await desk.claim(await desk.register(), 4)
    await desk.settle(succeed(claims[1]))
    settled = await desk.settle(succeed(claims[0]), (claims[1], FAILED), (claims[2], FAILED), (claims[3], RETRY))
    assert {fence.task_id for fence in settled} == {claims[place].task_id for place in (0, 2, 3)}
    assert [(await desk.find(job)).state for job in jobs] == ["succeeded", "succeeded", "failed", "queued"]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
async def test_a_zombie_changes_nothing(desk: Desk, outcome: Outcome) -> None:
    job = await desk.submit()
    zombie = await desk.register()
    (lost,) = await desk.claim(zombie)
    await desk.kill(zombie)
    await desk.tick()
    (held,) = await desk.claim(await desk.register())
    before = await desk.find(job)
    assert await desk.settle((lost, outcome)) == {}
    async with desk.pool.acquire() as conn:
        assert await report_progress(conn, [(lost, {"elapsed_s": 9})]) == []
    assert await desk.find(job) == before
    assert len(await desk.settle(succeed(held))) == 1


async def test_every_part_of_the_fence_counts(desk: Desk) -> None:
    await desk.submit()
    (claim,) = await desk.claim(await desk.register())
    other = await desk.register()
    for forged in (
        replace(claim, attempt=claim.attempt + 1),
        replace(claim, task_id=claim.task_id + 1),
        replace(claim, owner=other),
    ):
        assert await desk.settle(succeed(forged)) == {}
    assert len(await desk.settle(succeed(claim))) == 1


async def test_a_task_that_waits_cannot_be_settled(desk: Desk) -> None:
    await desk.submit()
    (claim,) = await desk.claim(await desk.register())
    await desk.settle((claim, HandedBack()))
    assert await desk.settle(succeed(claim)) == {}


async def test_a_retry_waits_for_its_time_and_counts(desk: Desk) -> None:
    job = await desk.submit()
    worker_id = await desk.register()
    (claim,) = await desk.claim(worker_id)
    await desk.settle((claim, RETRY))
    found = await desk.find(job)
    assert (found.state, found.error) == ("queued", {"kind": "crashed", "message": "once more"})
    assert await desk.claim(worker_id) == []
    await desk.tick()
    assert await desk.claim(worker_id) == []
    await desk.execute("UPDATE task SET run_at = now()")
    assert (await desk.tick()).ready_lanes == (claim.lane,)
    (again,) = await desk.claim(worker_id)
    assert (again.attempt, again.failures) == (2, 1)
    assert (await desk.find(job)).attempts == 2
    await desk.settle(succeed(again))
    assert (await desk.find(job)).error is None


async def test_work_that_is_handed_back_uses_up_no_attempt_and_keeps_its_place(desk: Desk) -> None:
    first, second = await desk.submit(), await desk.submit()
    worker_id = await desk.register()
    (claim,) = await desk.claim(worker_id)
    settled = await desk.settle((claim, HandedBack()))
    assert settled[claim.fence].ready_lane == claim.lane
    claims = await desk.claim(worker_id, 2)
    assert [each.job_id for each in claims] == [first.id, second.id]
    assert (await desk.find(first)).attempts == 1
    assert claims[0].failures == 0


async def test_a_queued_job_is_cancelled_at_once(desk: Desk) -> None:
    job = await desk.submit()
    cancelled = await desk.cancel(job)
    assert cancelled.state == "cancelled"
    assert cancelled.finished_at is not None
    assert await desk.claim(await desk.register()) == []
    assert await desk.states(job) == ["queued", "cancelled"]


async def test_a_job_that_waits_for_its_next_attempt_is_cancelled_at_once(desk: Desk) -> None:
    job = await desk.submit()
    (claim,) = await desk.claim(await desk.register())
    await desk.settle((claim, RETRY))
    assert (await desk.cancel(job)).state == "cancelled"


@pytest.mark.parametrize(("retries", "rows"), [(0, 0), (1, 4)])
async def test_what_follows_from_a_jobs_row_is_told_without_being_written_down(
    desk: Desk, retries: int, rows: int
) -> None:
    job = await desk.submit()
    told = [1]
    for outcome in [RETRY] * retries + [Succeeded(result=ANSWER)]:
        await desk.execute("UPDATE task SET state = 'ready'")
        (claim,) = await desk.claim(await desk.register())
        told.append(told[-1] + 1)
        assert [event.seq for event in await desk.events(job)] == told
        while_running = (await desk.events(job))[-1]
        assert (while_running.data["state"], (await desk.find(job)).state) == ("running", "running")
        await desk.settle((claim, outcome))
        told.append(told[-1] + 1)
        events = await desk.events(job)
        assert ([event.seq for event in events], events[-2]) == (told, while_running)
    assert await desk.states(job) == ["queued", "running"] * (retries + 1) + ["succeeded"]
    assert await desk.count("SELECT count(*) FROM job_event") == rows


async def test_a_job_may_be_cancelled_twice(desk: Desk) -> None:
    job = await desk.submit()
    assert await desk.cancel(job) == await desk.cancel(job)


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
async def test_a_running_job_that_was_cancelled_ends_so_whatever_comes_of_it(desk: Desk, outcome: Outcome) -> None:
    job = await desk.submit()
    (claim,) = await desk.claim(await desk.register())
    assert (await desk.cancel(job)).state == "running"
    settled = await desk.settle((claim, outcome))
    assert settled[claim.fence].state == "cancelled"
    found = await desk.find(job)
    assert (found.state, found.error) == ("cancelled", None)
    assert await desk.count("SELECT count(*) FROM job WHERE result IS NOT NULL") == 0


async def test_a_finished_job_can_be_neither_cancelled_nor_moved(desk: Desk) -> None:
    job = await desk.submit()
    (claim,) = await desk.claim(await desk.register())
    await desk.settle(succeed(claim))
    with pytest.raises(JobFinished):
        await desk.cancel(job)
    async with desk.pool.acquire() as conn:
        with pytest.raises(JobFinished):
            await prioritise_job(conn, desk.org_id, job.id, "high")
    assert (await desk.find(job)).priority == "normal"


async def test_nobody_else_can_cancel_or_move_a_job(desk: Desk) -> None:
    job = await desk.submit()
    stranger = await desk.add_organisation()
    async with desk.pool.acquire() as conn:
        with pytest.raises(JobUnknown):
            await cancel_job(conn, stranger, job.id)
        with pytest.raises(JobUnknown):
            await prioritise_job(conn, stranger, job.id, "high")
    assert await desk.find(job) == job


async def test_a_settle_waits_for_a_cancel_that_was_first_and_obeys_it(desk: Desk) -> None:
    job = await desk.submit()
    (claim,) = await desk.claim(await desk.register())
    async with desk.pool.acquire() as conn, conn.transaction():
        await cancel_job(conn, desk.org_id, job.id)
        settling = asyncio.create_task(desk.settle(succeed(claim)))
        await asyncio.sleep(0.1)
        assert not settling.done()
    assert (await settling)[claim.fence].state == "cancelled"
    assert await desk.states(job) == ["queued", "running", "cancelled"]


async def test_a_release_waits_for_a_cancel_that_was_first_and_obeys_it(desk: Desk) -> None:
    job = await desk.submit()
    (claim,) = await desk.claim(await desk.register())
    async with desk.pool.acquire() as conn, conn.transaction():
        await cancel_job(conn, desk.org_id, job.id)
        settling = asyncio.create_task(desk.settle((claim, HandedBack())))
        await asyncio.sleep(0.1)
        assert not settling.done()
    assert (await settling)[claim.fence].state == "cancelled"
    assert await desk.states(job) == ["queued", "running", "cancelled"]


async def try_to_cancel(desk: Desk, job_id: UUID | None) -> str:
    assert job_id is not None
    async with desk.pool.acquire() as conn, conn.transaction():
        try:
            return (await cancel_job(conn, desk.org_id, job_id)).state
        except JobFinished as error:
            return error.job.state


async def test_cancel_and_finish_at_the_same_moment_leave_one_final_state(desk: Desk) -> None:
    worker_id = await desk.register()
    jobs = [await desk.submit() for _ in range(20)]
    claims = await desk.claim(worker_id, 20)
    answers = await asyncio.gather(
        *(desk.settle(succeed(claim)) for claim in claims), *(try_to_cancel(desk, claim.job_id) for claim in claims)
    )
    assert len(answers) == 40
    for job in jobs:
        states = await desk.states(job)
        assert states[:2] == ["queued", "running"]
        assert len(states) == 3
        assert (await desk.find(job)).state == states[2]


async def test_cancel_and_claim_at_the_same_moment_lose_nothing(desk: Desk) -> None:
    worker_id = await desk.register()
    jobs = [await desk.submit() for _ in range(20)]
    answers = await asyncio.gather(
        *(try_to_cancel(desk, job.id) for job in jobs), *(desk.claim(worker_id, 2) for _ in range(10))
    )
    claims = [claim for each in answers if isinstance(each, list) for claim in each]
    await desk.settle(*[succeed(claim) for claim in claims])
    assert {(await desk.find(job)).state for job in jobs} == {"cancelled"}
    assert await desk.count("SELECT count(*) FROM task") == 0


async def test_a_result_that_cannot_be_stored_fails_its_own_job_only(desk: Desk) -> None:
    good, bad = await desk.submit(), await desk.submit()
    claims = await desk.claim(await desk.register(), 2)
    done = [succeed(claims[0]), (claims[1], Succeeded(result=ANSWER | {"objective": float("nan")}))]
    settled = await settle_surely(desk.pool, done, remember=True)
    assert len(settled) == 2
    assert (await desk.find(good)).state == "succeeded"
    found = await desk.find(bad)
    assert (found.state, found.error) == ("failed", {"kind": "error", "message": "its result could not be stored"})


async def test_an_answer_is_remembered_only_by_the_settle_that_counts(desk: Desk) -> None:
    answer = ANSWER | {"status": "feasible", "solution": {}, "objective": 5}
    await desk.submit()
    zombie = await desk.register()
    (lost,) = await desk.claim(zombie)
    await desk.kill(zombie)
    await desk.tick()
    (held,) = await desk.claim(await desk.register())
    await desk.settle((lost, Succeeded(result=answer | {"objective": 1})))
    await desk.settle((held, Succeeded(result=answer)))
    assert await desk.count("SELECT objective::integer FROM solution") == 5


async def test_a_recalled_answer_is_not_remembered_again(desk: Desk) -> None:
    job = await desk.submit()
    (claim,) = await desk.claim(await desk.register())
    answer = ANSWER | {"status": "feasible", "solution": {}, "objective": 5}
    await desk.settle((claim, Succeeded(result=answer, cached=True)))
    assert (await desk.find(job)).cached
    assert await desk.count("SELECT count(*) FROM solution") == 0
