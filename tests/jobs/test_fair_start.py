"""Nobody waits behind another's backlog."""

import asyncio
from pathlib import Path
from uuid import UUID

from tests.jobs.conftest import LANE, PATIENCE_S, Desk, new_job
from tests.jobs.errands import ErrandPool

from quantum_scheduler.jobs.model import SUBMIT_BATCH_MAX, TASK_READY
from quantum_scheduler.jobs.submit import submit_jobs
from quantum_scheduler.postgres.listen import Notifier
from quantum_scheduler.worker import Pace, run_worker

BACKLOG = 10_000
SLOTS = 2
STARTED = "SELECT count(*) FROM task WHERE attempt > 0 AND org_id = $1"
ENDED = "SELECT count(*) FROM job WHERE finished_at IS NOT NULL AND org_id = $1"


async def count_starts(desk: Desk, org_id: UUID) -> int:
    """How many of the organisation's jobs have been started so far."""
    return await desk.count(f"SELECT ({STARTED}) + ({ENDED})", org_id)


async def test_a_single_job_starts_within_one_slots_time_however_long_anothers_backlog_is(
    desk: Desk, dsn: str, log: Path
) -> None:
    errand = {"do": "sleep", "s": 0.3, "log": str(log)}
    for _ in range(BACKLOG // SUBMIT_BATCH_MAX):
        async with desk.pool.acquire() as conn, conn.transaction():
            await submit_jobs(conn, desk.org_id, [new_job(errand) for _ in range(SUBMIT_BATCH_MAX)])
    other, stop = await desk.add_organisation(), asyncio.Event()
    async with ErrandPool(SLOTS) as executor, Notifier(dsn) as notifier:
        worker = asyncio.create_task(
            run_worker(dsn, executor, lanes=[LANE], slots=SLOTS, stop=stop, pace=Pace(grace_s=5.0))
        )
        async with asyncio.timeout(PATIENCE_S):
            while not await count_starts(desk, desk.org_id):  # noqa: ASYNC110  a row tells nobody
                await asyncio.sleep(0.01)
        before = await count_starts(desk, desk.org_id)
        single = await desk.submit(errand, org_id=other)
        notifier.notify(TASK_READY, LANE)
        await desk.wait_until(lambda job: job.state != "queued", single)
        ahead = await count_starts(desk, desk.org_id) - before
        stop.set()
        await asyncio.wait_for(worker, PATIENCE_S)
    # The slots may all have been given away once more just before it came, and again just after it was given one.
    assert ahead <= 2 * SLOTS
