import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.jobs.conftest import LANE, PATIENCE_S, Desk, is_alive, wait_for_starts
from tests.jobs.errands import ANSWER, ErrandPool

from quantum_scheduler.jobs.look_up import read_result
from quantum_scheduler.jobs.model import FAILURES_MAX, JOB_CHANGED, TASK_READY
from quantum_scheduler.postgres.listen import Notifier
from quantum_scheduler.solving.pool import ProcessPool
from quantum_scheduler.solving.recall import remember_results
from quantum_scheduler.worker import Pace, run_worker

REAL_PROBLEM = {"kind": "binary", "linear": [["a", -1], ["b", 2]]}
REAL_ANSWER = ANSWER | {
    "status": "optimal",
    "solution": {"kind": "binary", "values": [["a", 1], ["b", 0]]},
    "objective": -1,
}

Start = Callable[..., AbstractAsyncContextManager[asyncio.Event]]


@pytest.fixture
def start(dsn: str) -> Start:
    """Run a worker in this process; what it lends is the event that stops it."""

    @asynccontextmanager
    async def run(*, slots: int = 2, lease_s: float = 5.0, grace_s: float = 5.0) -> AsyncIterator[asyncio.Event]:
        stop = asyncio.Event()
        pace = Pace(lease_s=lease_s, grace_s=grace_s, chance=lambda: 0.0)
        async with ErrandPool(slots) as executor:
            working = asyncio.create_task(run_worker(dsn, executor, lanes=[LANE], slots=slots, stop=stop, pace=pace))
            try:
                yield stop
            finally:
                stop.set()
                await asyncio.wait_for(working, PATIENCE_S)

    return run


async def test_a_worker_solves_what_is_queued_and_what_comes(desk: Desk, start: Start) -> None:
    before = await desk.submit(time_limit_s=3, seed=7, backend="classical", method="tabu")
    async with start():
        after = await desk.submit()
        jobs = await desk.wait_final(before, after)
    assert [job.state for job in jobs] == ["succeeded", "succeeded"]
    async with desk.pool.acquire() as conn:
        result = await read_result(conn, desk.org_id, before.id)
    assert result["info"] == {
        "backend": "classical",
        "time_limit_s": 3.0,
        "seed": 7,
        "threads": 1,
        "method": "tabu",
        "target": None,
        "flips_max": None,
    }
    assert await desk.count("SELECT count(*) FROM worker") == 0


async def test_a_notice_wakes_a_worker_sooner_than_its_poll(desk: Desk, start: Start, dsn: str) -> None:
    waits = []
    async with start(), Notifier(dsn) as notifier:
        await desk.wait_final(await desk.submit())
        for _ in range(5):
            job = await desk.submit({"do": "sleep", "s": 0})
            notifier.notify(TASK_READY, LANE)
            (job,) = await desk.wait_final(job)
            assert job.started_at is not None
            waits.append((job.started_at - job.created_at).total_seconds())
    assert min(waits) < 0.3


async def test_work_that_crashes_its_process_each_time_fails_with_the_reason(desk: Desk, start: Start) -> None:
    doomed, sound = await desk.submit({"do": "crash"}), await desk.submit()
    async with start(slots=1):
        jobs = await desk.wait_final(doomed, sound)
    assert [job.state for job in jobs] == ["failed", "succeeded"]
    assert jobs[0].attempts == FAILURES_MAX
    assert jobs[0].error is not None
    assert jobs[0].error["kind"] == "crashed"
    assert f"tried {FAILURES_MAX} times" in jobs[0].error["message"]


async def test_a_worker_that_cannot_start_processes_uses_up_no_try(desk: Desk, start: Start, dsn: str) -> None:
    job = await desk.submit()
    stop = asyncio.Event()
    async with ProcessPool(1, preload=["no_such_module"]) as broken:
        working = asyncio.create_task(run_worker(dsn, broken, lanes=[LANE], slots=1, stop=stop))
        await desk.wait_until(lambda job: job.started_at is not None and job.state == "queued", job)
        stop.set()
        await working
    async with start():
        (job,) = await desk.wait_final(job)
    assert (job.state, job.attempts) == ("succeeded", 1)


@pytest.mark.parametrize(("kind", "attempts"), [("invalid", 1), ("too_large", 1), ("rate_limit", FAILURES_MAX)])
async def test_only_what_may_pass_is_tried_again(desk: Desk, start: Start, kind: str, attempts: int) -> None:
    refused = await desk.submit({"do": "fail", "kind": kind})
    async with start():
        (job,) = await desk.wait_final(refused)
    assert (job.state, job.attempts) == ("failed", attempts)
    assert job.error is not None
    assert job.error["kind"] == kind


async def test_a_running_job_is_killed_at_its_deadline(desk: Desk, start: Start, log: Path) -> None:
    async with start():
        await desk.wait_final(await desk.submit())
        late = await desk.submit({"do": "sleep", "s": 60, "log": str(log)}, deadline_s=2.0)
        (job,) = await desk.wait_final(late)
        (pid,) = await wait_for_starts(log)
        assert not is_alive(pid)
    assert (job.state, job.attempts) == ("failed", 1)
    assert job.error is not None
    assert job.error["kind"] == "deadline"


async def test_a_solve_gets_no_more_time_than_is_left(desk: Desk, start: Start) -> None:
    async with start():
        (job,) = await desk.wait_final(await desk.submit(time_limit_s=3600, deadline_s=100))
    async with desk.pool.acquire() as conn:
        result = await read_result(conn, desk.org_id, job.id)
    assert 0 < result["info"]["time_limit_s"] <= 90


@pytest.mark.parametrize("is_notified", [True, False])
async def test_a_running_job_that_is_cancelled_is_killed(
    desk: Desk, start: Start, dsn: str, log: Path, is_notified: bool
) -> None:
    job = await desk.submit({"do": "sleep", "s": 60, "log": str(log)})
    async with start(lease_s=5.0), Notifier(dsn) as notifier:
        (pid,) = await wait_for_starts(log)
        assert (await desk.cancel(job)).state == "running"
        notifier.notify(JOB_CHANGED if is_notified else "nobody", str(job.id))
        (job,) = await desk.wait_final(job)
        assert not is_alive(pid)
    assert job.state == "cancelled"
    assert await desk.states(job) == ["queued", "running", "cancelled"]


async def test_progress_is_told_no_faster_than_it_is_written(desk: Desk, start: Start) -> None:
    reporting = await desk.submit({"do": "report", "steps": 20})
    async with start():
        (job,) = await desk.wait_final(reporting)
    told = [event for event in await desk.events(job) if event.kind == "progress"]
    assert 1 <= len(told) <= 8
    objectives = [event.data["objective"] for event in told]
    assert objectives == sorted(set(objectives))
    gaps = [(late.at - early.at).total_seconds() for early, late in pairwise(told)]
    assert all(gap >= 0.45 for gap in gaps)


async def test_a_worker_that_is_told_to_stop_finishes_what_it_has(desk: Desk, start: Start, log: Path) -> None:
    job = await desk.submit({"do": "sleep", "s": 1.0, "log": str(log)})
    async with start(slots=1) as stop:
        await wait_for_starts(log)
        stop.set()
        later = await desk.submit()
    assert (await desk.find(job)).state == "succeeded"
    assert (await desk.find(later)).state == "queued"
    assert await desk.count("SELECT count(*) FROM worker") == 0


async def test_work_that_outlasts_the_grace_is_handed_back(desk: Desk, start: Start, log: Path) -> None:
    job = await desk.submit({"do": "sleep", "s": 60, "log": str(log)})
    async with start(grace_s=0.2):
        (pid,) = await wait_for_starts(log)
    assert not is_alive(pid)
    assert (await desk.find(job)).state == "queued"
    (claim,) = await desk.claim(await desk.register())
    assert (claim.attempt, claim.failures) == (2, 0)
    assert (await desk.find(job)).attempts == 1


async def test_a_worker_that_loses_its_lease_kills_its_work_and_begins_anew(
    desk: Desk, start: Start, log: Path
) -> None:
    job = await desk.submit({"do": "sleep", "s": 3.0, "log": str(log)})
    with capture_logs() as logs:
        async with start(lease_s=1.0):
            (first,) = await wait_for_starts(log)
            await desk.execute("DELETE FROM worker")
            _, second = await wait_for_starts(log, 2)
            assert not is_alive(first)
            assert second != first
            (job,) = await desk.wait_final(job)
    assert job.state == "succeeded"
    assert "worker.lost_lease" in {entry["event"] for entry in logs}


async def test_work_that_was_taken_away_changes_nothing_and_says_so(desk: Desk, start: Start, log: Path) -> None:
    job = await desk.submit({"do": "sleep", "s": 1.0, "log": str(log)})
    with capture_logs() as logs:
        async with start():
            await wait_for_starts(log)
            thief = await desk.register()
            await desk.execute("UPDATE task SET owner = $1, attempt = attempt + 1", thief)
            await asyncio.sleep(2.0)
            assert (await desk.find(job)).state == "running"
    assert "job.claim_lost" in {entry["event"] for entry in logs}
    assert await desk.states(job) == ["queued", "running"]


async def store_answer(desk: Desk, **parts: Any) -> None:
    async with desk.pool.acquire() as conn:
        await remember_results(conn, [(desk.org_id, REAL_ANSWER | parts)])


async def test_an_answer_that_is_stored_is_given_again_unless_it_is_not_wanted(desk: Desk, start: Start) -> None:
    await store_answer(desk)
    jobs = [await desk.submit(REAL_PROBLEM), await desk.submit(REAL_PROBLEM, use_cache=False)]
    async with start():
        cached, solved = await desk.wait_final(*jobs)
    assert [(cached.state, cached.cached), (solved.state, solved.cached)] == [("succeeded", True), ("succeeded", False)]
    async with desk.pool.acquire() as conn:
        result = await read_result(conn, desk.org_id, cached.id)
    assert (result["cached"], result["verified"], result["objective"]) == (True, True, -1)


async def test_a_stored_answer_that_does_not_hold_is_forgotten_and_the_job_is_solved(desk: Desk, start: Start) -> None:
    await store_answer(desk, objective=-7)
    jobs = [await desk.submit(REAL_PROBLEM)]
    async with start():
        (job,) = await desk.wait_final(*jobs)
    assert (job.state, job.cached) == ("succeeded", False)
    assert await desk.count("SELECT count(*) FROM solution") == 0


async def test_a_claim_that_a_crash_of_the_database_forgot_is_not_worked_on_twice(
    desk: Desk, start: Start, log: Path
) -> None:
    job = await desk.submit({"do": "sleep", "s": 3.0, "log": str(log)})
    async with start(slots=2):
        await wait_for_starts(log)
        # After a crash the worker's session that hears of work comes back, which makes it look at once.
        await desk.execute(
            "WITH forgotten AS (UPDATE task SET state = 'ready', owner = NULL, attempt = attempt - 1 RETURNING lane)"
            " SELECT pg_notify('task_ready', lane) FROM forgotten"
        )
        (job,) = await desk.wait_final(job)
        (last,) = await desk.wait_final(await desk.submit())
    assert (job.state, last.state) == ("succeeded", "succeeded")
    assert len(await wait_for_starts(log)) == 1
