import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.conftest import PATIENCE_S, Desk
from tests.jobs.errands import ROOT
from tests.jobs.racing import VENDORS, Track, is_right, open_track

from quantum_scheduler.jobs.model import Job
from quantum_scheduler.jobs.review import list_reviews
from quantum_scheduler.solving.pool import ProcessPool

LEASE_S = 2.0

Hire = Callable[..., Awaitable[Process]]


@pytest.fixture
def track(desk: Desk, tmp_path: Path) -> Track:
    """The vendors' folder, and what is known of the jobs; the work is done by the processes that are hired."""
    return open_track(desk, ProcessPool(1), tmp_path)


@pytest.fixture
async def hire(dsn: str, tmp_path: Path) -> AsyncIterator[Hire]:
    hired: list[Process] = []
    environ = {**os.environ, "PYTHONPATH": f"{VENDORS}:{ROOT}", "FARAWAY": str(tmp_path)}

    async def start(falls_back: str = "yes") -> Process:
        command = (sys.executable, "-m", "tests.jobs.racing_process", dsn, str(LEASE_S), falls_back)
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environ)
        hired.append(process)
        return process

    yield start
    for process in [process for process in hired if process.returncode is None]:
        process.kill()
        await process.wait()


async def wait_for(found: Callable[[], Any]) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while not (what := found()):  # noqa: ASYNC110  a file tells nobody
            await asyncio.sleep(0.02)
    return what


async def end(track: Track, job: Job) -> dict[str, Any]:
    (job,) = await track.desk.wait_final(job)
    assert job.state == "succeeded"
    return await track.read_result(job)


async def test_another_worker_goes_on_from_the_handle_of_one_that_was_killed(track: Track, hire: Hire) -> None:
    track.break_vendor("searching", "stuck")
    job = await track.submit(backend="searching")
    first = await hire()
    await wait_for(track.submissions)
    async with asyncio.timeout(PATIENCE_S):
        while not await track.desk.count("SELECT count(*) FROM task WHERE handle IS NOT NULL"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    first.kill()
    await hire()
    track.mend_vendor("searching")
    result = await end(track, job)
    assert is_right(result)
    assert result["race"]["quantum"]["objective"] == -9
    assert len(track.submissions()) == 1


async def test_what_was_submitted_and_never_noted_is_found_again_and_not_submitted_twice(
    track: Track, hire: Hire
) -> None:
    """The vendor has taken it, and the worker dies before it hears so."""
    track.break_vendor("searching", "late")
    job = await track.submit(backend="searching")
    first = await hire()
    await wait_for(track.submissions)
    first.kill()
    assert await track.desk.count("SELECT count(*) FROM task WHERE submitting_at IS NOT NULL AND handle IS NULL") == 1
    track.mend_vendor("searching")
    await hire()
    result = await end(track, job)
    assert is_right(result)
    assert result["race"]["quantum"]["objective"] == -9
    assert len(track.submissions()) == 1


async def test_where_the_vendor_cannot_tell_it_is_doubtful_and_the_job_is_answered(track: Track, hire: Hire) -> None:
    track.break_vendor("forgetful", "late")
    job = await track.submit(backend="forgetful")
    first = await hire()
    await wait_for(track.submissions)
    first.kill()
    track.mend_vendor("forgetful")
    await hire()
    result = await end(track, job)
    assert is_right(result)
    assert "cannot tell whether it arrived" in result["race"]["error"]["message"]
    assert [attempt.state for attempt in await track.attempts(job)] == ["doubtful"]
    assert len(track.submissions()) == 1


async def test_where_the_vendor_cannot_tell_and_nothing_may_answer_instead_a_person_is_asked(
    track: Track, hire: Hire
) -> None:
    track.break_vendor("forgetful", "late")
    job = await track.submit(backend="forgetful")
    first = await hire("no")
    await wait_for(track.submissions)
    first.kill()
    track.mend_vendor("forgetful")
    await hire("no")
    await track.desk.wait_until(lambda found: found.error is not None, job)
    async with track.desk.pool.acquire() as conn:
        (review,) = await list_reviews(conn)
    assert (review.job_id, "look there for its key" in review.reason) == (job.id, True)
    assert len(track.submissions()) == 1
