import pytest
from tests.jobs.conftest import LANE, Desk, succeed

from quantum_scheduler.jobs.model import TAKEOVERS_MAX, HandedBack
from quantum_scheduler.jobs.tick import tick


async def test_only_one_tick_runs_at_a_time(desk: Desk) -> None:
    async with desk.pool.acquire() as conn, conn.transaction():
        assert (await tick(conn)).ran
        assert not (await desk.tick()).ran
    assert (await desk.tick()).ran


async def test_what_a_dead_worker_had_is_taken_over(desk: Desk) -> None:
    job = await desk.submit()
    dead = await desk.register()
    await desk.claim(dead)
    await desk.kill(dead)
    report = await desk.tick()
    assert (report.dead_workers, report.changed_jobs, report.ready_lanes) == ((dead,), (job.id,), (LANE,))
    (claim,) = await desk.claim(await desk.register())
    assert (claim.job_id, claim.attempt, claim.failures) == (job.id, 2, 0)
    assert await desk.states(job) == ["queued", "running", "queued", "running"]


async def test_a_worker_that_beats_keeps_what_it_has(desk: Desk) -> None:
    await desk.submit()
    worker_id = await desk.register()
    (claim,) = await desk.claim(worker_id)
    assert (await desk.tick()).dead_workers == ()
    assert len(await desk.settle(succeed(claim))) == 1


async def test_what_a_worker_left_behind_is_taken_over(desk: Desk) -> None:
    await desk.submit()
    gone = await desk.register()
    await desk.claim(gone)
    await desk.execute("DELETE FROM worker WHERE id = $1", gone)
    await desk.tick()
    assert len(await desk.claim(await desk.register())) == 1


async def test_a_job_that_outlives_too_many_workers_fails(desk: Desk) -> None:
    job = await desk.submit()
    for _ in range(TAKEOVERS_MAX):
        worker_id = await desk.register()
        assert len(await desk.claim(worker_id)) == 1
        await desk.kill(worker_id)
        await desk.tick()
    found = await desk.find(job)
    assert (found.state, found.attempts) == ("failed", TAKEOVERS_MAX)
    assert found.error is not None
    assert found.error["kind"] == "crashed"
    assert await desk.count("SELECT count(*) FROM task") == 0


async def test_a_cancelled_job_whose_worker_died_is_cancelled(desk: Desk) -> None:
    job = await desk.submit()
    worker_id = await desk.register()
    await desk.claim(worker_id)
    await desk.cancel(job)
    await desk.kill(worker_id)
    await desk.tick()
    assert (await desk.find(job)).state == "cancelled"
    assert await desk.count("SELECT count(*) FROM task") == 0


@pytest.mark.parametrize("is_handed_back", [False, True])
async def test_a_job_that_waits_past_its_deadline_fails(desk: Desk, is_handed_back: bool) -> None:
    job, other = await desk.submit(deadline_s=3600), await desk.submit(deadline_s=7200)
    worker_id = await desk.register()
    for claim in await desk.claim(worker_id, 2 * is_handed_back):
        await desk.settle((claim, HandedBack()))
    await desk.execute("UPDATE task SET deadline_at = deadline_at - interval '1 hour'")
    await desk.tick()
    found = await desk.find(job)
    assert found.state == "failed"
    assert found.error is not None
    assert found.error["kind"] == "deadline"
    assert (await desk.find(other)).state == "queued"
    assert [claim.job_id for claim in await desk.claim(worker_id, 2)] == [other.id]


async def test_a_running_job_past_its_deadline_is_left_to_its_worker(desk: Desk) -> None:
    job = await desk.submit(deadline_s=3600)
    (claim,) = await desk.claim(await desk.register())
    await desk.execute("UPDATE task SET deadline_at = now()")
    assert (await desk.tick()).changed_jobs == ()
    await desk.settle(succeed(claim))
    assert (await desk.find(job)).state == "succeeded"
