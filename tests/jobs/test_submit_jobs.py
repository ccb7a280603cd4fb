import asyncio
import os
from collections.abc import Callable

import pytest
from tests.jobs.conftest import LANE, Desk, new_job

from quantum_scheduler.jobs.look_up import read_problems
from quantum_scheduler.jobs.model import SUBMIT_BATCH_MAX, IdempotencyConflict, Job, NewJob
from quantum_scheduler.jobs.pack import unpack_problem
from quantum_scheduler.jobs.submit import submit_job, submit_jobs


def keyed(*, digest: str = "one", key: str = "key") -> NewJob:
    return new_job(idempotency_key=key, request_digest=digest)


async def submit_new(desk: Desk, new: NewJob) -> tuple[Job, bool]:
    async with desk.pool.acquire() as conn, conn.transaction():
        return await submit_job(conn, desk.org_id, new)


async def test_a_submitted_job_is_queued_and_says_so(desk: Desk) -> None:
    job = await desk.submit(name="mine", priority="high", backend="simulator", time_limit_s=3, seed=7, deadline_s=60)
    assert (job.state, job.name, job.priority, job.lane, job.seed) == ("queued", "mine", "high", "solve.simulator", 7)
    assert job.deadline_at is not None
    assert (job.deadline_at - job.created_at).total_seconds() == 60
    assert await desk.states(job) == ["queued"]


async def test_a_job_and_its_task_are_written_together_or_not_at_all(desk: Desk) -> None:
    async with desk.pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        await submit_job(conn, desk.org_id, new_job())
        await transaction.rollback()
    assert await desk.count("SELECT count(*) FROM job") == await desk.count("SELECT count(*) FROM task") == 0
    await desk.submit()
    assert await desk.count("SELECT count(*) FROM job") == await desk.count("SELECT count(*) FROM task") == 1


async def test_the_same_key_with_the_same_request_is_the_same_job(desk: Desk) -> None:
    first, was_created = await submit_new(desk, keyed())
    again, was_created_again = await submit_new(desk, keyed())
    assert (was_created, was_created_again) == (True, False)
    assert again == first
    assert await desk.count("SELECT count(*) FROM task") == 1


async def test_the_same_key_with_another_request_is_refused(desk: Desk) -> None:
    first, _ = await submit_new(desk, keyed(digest="one"))
    with pytest.raises(IdempotencyConflict) as refused:
        await submit_new(desk, keyed(digest="two"))
    assert refused.value.job_id == first.id


async def test_a_key_belongs_to_its_organisation(desk: Desk) -> None:
    other = Desk(desk.pool, await desk.add_organisation())
    first, _ = await submit_new(desk, keyed())
    second, was_created = await submit_new(other, keyed())
    assert was_created
    assert second.id != first.id


async def test_submits_at_the_same_moment_under_one_key_make_one_job(desk: Desk) -> None:
    answers = await asyncio.gather(*(submit_new(desk, keyed()) for _ in range(8)))
    assert len({job.id for job, _ in answers}) == 1
    assert sum(was_created for _, was_created in answers) == 1
    assert await desk.count("SELECT count(*) FROM task") == 1


async def test_a_submit_that_waits_for_one_that_fails_makes_the_job_itself(desk: Desk) -> None:
    async with desk.pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        await submit_job(conn, desk.org_id, keyed())
        waiting = asyncio.create_task(submit_new(desk, keyed()))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await transaction.rollback()
    _, was_created = await waiting
    assert was_created


async def test_a_batch_is_queued_in_its_order_and_finds_its_replays(desk: Desk) -> None:
    known, _ = await submit_new(desk, keyed(key="b"))
    batch = [
        new_job(name="first"),
        keyed(key="c"),
        keyed(key="b"),
        keyed(key="a"),
        keyed(key="c"),
        new_job(name="last"),
    ]
    async with desk.pool.acquire() as conn, conn.transaction():
        answers = await submit_jobs(conn, desk.org_id, batch)
    assert [was_created for _, was_created in answers] == [True, True, False, True, False, True]
    assert answers[2][0].id == known.id
    assert answers[4][0].id == answers[1][0].id
    claims = await desk.claim(await desk.register(), 10, lane=LANE)
    expected = [known.id, *(job.id for job, was_created in answers if was_created)]
    assert [claim.job_id for claim in claims] == expected


async def test_a_batch_over_the_limit_is_refused(desk: Desk) -> None:
    async with desk.pool.acquire() as conn:
        with pytest.raises(ValueError, match="more than"):
            await submit_jobs(conn, desk.org_id, [new_job()] * (SUBMIT_BATCH_MAX + 1))


@pytest.mark.parametrize("document", [lambda: b"{}", lambda: os.urandom(300_000).hex().encode()])
async def test_a_problem_is_kept_as_it_was_submitted(desk: Desk, document: Callable[[], bytes]) -> None:
    given = document()
    job, _ = await submit_new(desk, NewJob(problem_document=given, fingerprint="f", summary={}))
    async with desk.pool.acquire() as conn:
        packed = await read_problems(conn, [job.id])
    assert await unpack_problem(packed[job.id]) == given
