"""A job reserves when it is submitted and settles when it ends, in the same transactions, whatever is killed."""

import asyncio
import subprocess
import sys

import pytest
from tests.jobs.conftest import Desk, new_job, succeed
from tests.jobs.errands import ANSWER, ROOT

from quantum_scheduler.accounts.limits.model import Rate
from quantum_scheduler.accounts.limits.plan import Plan
from quantum_scheduler.accounts.limits.store.plan import put_plan
from quantum_scheduler.accounts.quota.look_up import list_usage
from quantum_scheduler.accounts.quota.model import Allowance, QuotaExceeded
from quantum_scheduler.jobs.model import Failed, Outcome, Retry, Succeeded
from quantum_scheduler.jobs.submit import submit_job, submit_jobs

FAILED = Failed(kind="error", message="no luck")
PLENTY = Rate(requests=1, window_s=1)
# Every reservation is of an unfinished job, every unfinished job has its own, and the sums are right.
LEAKS = """
SELECT (SELECT count(*) FROM quota_reservation JOIN job ON job.id = job_id WHERE job.finished_at IS NOT NULL)
    + (SELECT count(*) FROM job WHERE finished_at IS NULL AND 3 <> (
        SELECT count(*) FROM quota_reservation WHERE job_id = job.id))
    + (SELECT count(*) FROM quota LEFT JOIN (
        SELECT org_id, meter, period, sum(amount) AS amount FROM quota_reservation GROUP BY org_id, meter, period
    ) AS kept USING (org_id, meter, period) WHERE quota.reserved <> coalesce(kept.amount, 0))
"""


@pytest.fixture
async def metered(desk: Desk) -> Desk:
    """An organisation whose plan counts what its jobs use."""
    quotas = {
        "solve_ms": Allowance(amount=10_000),
        "stored_bytes": Allowance(amount=1_000_000),
        "jobs_at_once": Allowance(amount=5),
    }
    plan = Plan(name="metered", key=PLENTY, organisation=PLENTY, requests_at_once=1, quotas=quotas)  # type: ignore[arg-type]
    async with desk.pool.acquire() as conn, conn.transaction():
        await put_plan(conn, plan)
        await conn.execute("UPDATE organisation SET plan = 'metered' WHERE id = $1", desk.org_id)
    return desk


async def usage(desk: Desk) -> dict[str, tuple[int, int]]:
    """What is used and reserved of each meter."""
    async with desk.pool.acquire() as conn:
        return {each.meter: (each.used, each.reserved) for each in await list_usage(conn, desk.org_id)}


async def test_a_job_reserves_the_most_that_it_may_use(metered: Desk) -> None:
    await metered.submit(time_limit_s=1.5)
    await metered.submit(time_limit_s=2, backend="dwave")
    used = await usage(metered)
    assert (used["solve_ms"], used["jobs_at_once"]) == ((0, 3500), (0, 2))
    assert used["stored_bytes"][1] > 0


@pytest.mark.parametrize(
    ("outcome", "solve_ms"),
    [
        (Succeeded(result={**ANSWER, "seconds": 0.25}), 250),
        (Succeeded(result={**ANSWER, "seconds": 30.0}), 1500),
        (Succeeded(result={**ANSWER, "seconds": 0.25}, cached=True), 0),
        (FAILED, 0),
    ],
)
async def test_a_job_that_ends_pays_for_its_answer_alone(metered: Desk, outcome: Outcome, solve_ms: int) -> None:
    await metered.submit(time_limit_s=1.5)
    (claim,) = await metered.claim(await metered.register())
    await metered.settle((claim, outcome))
    used = await usage(metered)
    assert (used["solve_ms"], used["jobs_at_once"], used["stored_bytes"][1]) == ((solve_ms, 0), (0, 0), 0)
    assert used["stored_bytes"][0] > 0


async def test_a_job_that_is_tried_again_keeps_what_it_reserved(metered: Desk) -> None:
    await metered.submit(time_limit_s=1)
    (claim,) = await metered.claim(await metered.register())
    await metered.settle((claim, Retry(kind="crashed", message="once more", delay_s=60)))
    assert (await usage(metered))["solve_ms"] == (0, 1000)


async def test_a_job_that_is_cancelled_before_it_began_pays_nothing(metered: Desk) -> None:
    job = await metered.submit(time_limit_s=1)
    await metered.cancel(job)
    used = await usage(metered)
    assert (used["solve_ms"], used["jobs_at_once"]) == ((0, 0), (0, 0))


async def test_a_job_over_the_quota_is_not_made(metered: Desk) -> None:
    with pytest.raises(QuotaExceeded, match="solve_ms"):
        await metered.submit(time_limit_s=10.5)
    assert await metered.count("SELECT count(*) FROM job") == 0
    for _ in range(5):
        await metered.submit(time_limit_s=1)
    with pytest.raises(QuotaExceeded, match="jobs_at_once"):
        await metered.submit(time_limit_s=1)


async def test_a_request_that_is_repeated_reserves_once_and_is_answered_beyond_the_quota(metered: Desk) -> None:
    new = new_job(time_limit_s=10, idempotency_key="key", request_digest="one")
    for _ in range(3):
        async with metered.pool.acquire() as conn, conn.transaction():
            await submit_job(conn, metered.org_id, new)
    assert (await usage(metered))["solve_ms"] == (0, 10_000)


async def test_a_batch_reserves_and_settles_each_of_its_jobs(metered: Desk) -> None:
    async with metered.pool.acquire() as conn, conn.transaction():
        await submit_jobs(conn, metered.org_id, [new_job(time_limit_s=1)] * 4)
    claims = await metered.claim(await metered.register(), 4)
    await metered.settle(*((claim, Succeeded(result={**ANSWER, "seconds": 0.5})) for claim in claims[:3]))
    used = await usage(metered)
    assert (used["solve_ms"], used["jobs_at_once"]) == ((1500, 1000), (0, 1))
    assert await metered.count(LEAKS) == 0


async def test_an_organisation_that_is_not_metered_reserves_nothing(desk: Desk) -> None:
    await desk.submit(time_limit_s=3600)
    (claim,) = await desk.claim(await desk.register())
    await desk.settle(succeed(claim))
    assert await desk.count("SELECT count(*) FROM quota_reservation") == await desk.count("SELECT count(*) FROM quota")


@pytest.mark.parametrize("lines", [1, 6, 17])
async def test_a_process_that_is_killed_leaves_no_reservation_behind(metered: Desk, dsn: str, lines: int) -> None:
    def run_and_kill() -> None:
        command = [sys.executable, "-m", "tests.jobs.quota_process", dsn, str(metered.org_id)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
            assert process.stdout is not None
            for _ in range(lines):
                assert process.stdout.readline()
            process.kill()

    await metered.execute("UPDATE plan_quota SET amount = 10000000 WHERE meter = 'solve_ms'")
    await asyncio.gather(*(asyncio.to_thread(run_and_kill) for _ in range(2)))
    async with metered.pool.acquire() as conn, conn.transaction():
        # What was under way at the kill is over once this is had.
        await conn.execute("LOCK TABLE quota, quota_reservation, job IN ACCESS EXCLUSIVE MODE")
        assert await conn.fetchval("SELECT count(*) FROM job") >= lines // 2
        assert await conn.fetchval(LEAKS) == 0
