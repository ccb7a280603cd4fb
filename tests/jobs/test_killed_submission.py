"""A worker that is killed after a provider took its work in and before it could write that down."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.jobs.conftest import PATIENCE_S, Desk
from tests.jobs.errands import ROOT, ErrandPool
from tests.jobs.remote_worker import FileProvider

from quantum_scheduler.jobs.look_up import read_result
from quantum_scheduler.jobs.model import Job
from quantum_scheduler.jobs.review import list_reviews
from quantum_scheduler.worker import Pace, run_worker


@pytest.fixture
async def left(desk: Desk, dsn: str, log: Path) -> Job:
    """A job that was submitted by a worker of which nothing is left but its lease, and that has just run out."""
    job = await desk.submit()
    command = (sys.executable, "-m", "tests.jobs.remote_worker", dsn, str(log))
    victim = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    assert await asyncio.wait_for(victim.wait(), PATIENCE_S) == -signal.SIGKILL
    assert await desk.count("SELECT count(*) FROM task WHERE submitting_at IS NOT NULL AND handle IS NULL") == 1
    await desk.execute("UPDATE worker SET beat_at = beat_at - interval '1 hour'")
    return job


def submitted(log: Path) -> list[str]:
    """The keys that the provider has seen."""
    return log.read_text().splitlines()


@asynccontextmanager
async def working(dsn: str, job: Job, provider: FileProvider) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with ErrandPool(1) as executor:
        worker = asyncio.create_task(
            run_worker(
                dsn,
                executor,
                lanes=[job.lane],
                slots=1,
                stop=stop,
                pace=Pace(grace_s=1.0),
                handlers={"solve": provider.handle},
            )
        )
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(worker, PATIENCE_S)


async def test_what_was_submitted_is_found_again_and_submitted_once(desk: Desk, dsn: str, left: Job, log: Path) -> None:
    async with working(dsn, left, FileProvider(log, recovers=True)):
        (job,) = await desk.wait_final(left)
    async with desk.pool.acquire() as conn:
        result = await read_result(conn, desk.org_id, job.id)
    assert (job.state, submitted(log)) == ("succeeded", [result["key"]])


async def test_where_the_provider_cannot_tell_a_person_is_asked(desk: Desk, dsn: str, left: Job, log: Path) -> None:
    async with working(dsn, left, FileProvider(log, recovers=False)):
        await desk.wait_until(lambda job: job.error is not None, left)
    async with desk.pool.acquire() as conn:
        (review,) = await list_reviews(conn)
    assert (review.job_id, [review.key]) == (left.id, submitted(log))
