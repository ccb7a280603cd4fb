import pytest
from tests.jobs.conftest import Desk, succeed

from quantum_scheduler.jobs.look_up import find_job, list_jobs, read_events, read_result
from quantum_scheduler.jobs.model import EVENTS_PER_JOB_MAX, JobUnknown, ResultMissing
from quantum_scheduler.jobs.progress import report_progress


async def test_nobody_else_sees_a_job(desk: Desk) -> None:
    job = await desk.submit()
    stranger = await desk.add_organisation()
    async with desk.pool.acquire() as conn:
        for look in (find_job, read_result, read_events):
            with pytest.raises(JobUnknown):
                await look(conn, stranger, job.id)
        assert (await list_jobs(conn, stranger, limit=10)).jobs == ()


async def test_pages_show_every_job_once_the_newest_first(desk: Desk) -> None:
    jobs = [await desk.submit() for _ in range(7)]
    async with desk.pool.acquire() as conn:
        first = await list_jobs(conn, desk.org_id, limit=3)
        second = await list_jobs(conn, desk.org_id, limit=3, before=first.before)
        last = await list_jobs(conn, desk.org_id, limit=3, before=second.before)
    assert [*first.jobs, *second.jobs, *last.jobs] == list(reversed(jobs))
    assert last.before is None


async def test_a_last_page_that_is_full_has_no_next(desk: Desk) -> None:
    for _ in range(3):
        await desk.submit()
    async with desk.pool.acquire() as conn:
        assert (await list_jobs(conn, desk.org_id, limit=3)).before is None


async def test_jobs_are_listed_by_state(desk: Desk) -> None:
    jobs = [await desk.submit() for _ in range(3)]
    await desk.settle(succeed((await desk.claim(await desk.register()))[0]))
    async with desk.pool.acquire() as conn:
        queued = await list_jobs(conn, desk.org_id, state="queued", limit=1)
        rest = await list_jobs(conn, desk.org_id, state="queued", limit=1, before=queued.before)
        succeeded = await list_jobs(conn, desk.org_id, state="succeeded", limit=10)
    assert [job.id for job in (*queued.jobs, *rest.jobs)] == [jobs[2].id, jobs[1].id]
    assert [job.id for job in succeeded.jobs] == [jobs[0].id]
    assert rest.before is None


async def test_a_job_that_has_not_ended_has_no_result(desk: Desk) -> None:
    job = await desk.submit()
    async with desk.pool.acquire() as conn:
        with pytest.raises(ResultMissing, match="queued") as missing:
            await read_result(conn, desk.org_id, job.id)
    assert missing.value.job == job


async def test_events_count_from_one_and_go_on_from_where_a_reader_was(desk: Desk) -> None:
    job = await desk.submit()
    (claim,) = await desk.claim(await desk.register())
    async with desk.pool.acquire() as conn:
        assert await report_progress(conn, [(claim, {"elapsed_s": 1.5, "objective": 7, "bound": None})]) == [job.id]
    await desk.settle(succeed(claim))
    events = await desk.events(job)
    assert [(event.seq, event.kind) for event in events] == [(1, "state"), (2, "state"), (3, "progress"), (4, "state")]
    assert events[2].data == {"elapsed_s": 1.5, "objective": 7, "bound": None} == (await desk.find(job)).progress
    assert events[3].data == {"state": "succeeded", "error": None}
    assert await desk.events(job, after=2) == events[2:]


async def test_of_progress_only_the_latest_is_kept(desk: Desk) -> None:
    job = await desk.submit()
    (claim,) = await desk.claim(await desk.register())
    async with desk.pool.acquire() as conn:
        for step in range(30):
            await report_progress(conn, [(claim, {"elapsed_s": step})])
        await conn.execute("UPDATE job SET events = $1", EVENTS_PER_JOB_MAX + 20)
        await report_progress(conn, [(claim, {"elapsed_s": 99})])
    await desk.settle(succeed(claim))
    events = await desk.events(job)
    assert await desk.states(job) == ["queued", "running", "succeeded"]
    assert [event.data["elapsed_s"] for event in events if event.kind == "progress"] == [*range(19, 30), 99]
