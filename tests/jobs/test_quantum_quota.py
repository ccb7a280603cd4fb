"""What an attempt takes of a quantum computer is reserved before it is submitted, and counted once its job ends."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.accounts.plans import add_customer
from tests.jobs.conftest import Desk
from tests.jobs.racing import BOTH, Track, install_vendors, is_right, open_pools, open_track

from quantum_scheduler.accounts.quota.look_up import list_notices, list_usage
from quantum_scheduler.accounts.quota.model import Allowance, Usage
from quantum_scheduler.jobs.model import Failed, HandedBack, Retry, Sleep, Succeeded
from quantum_scheduler.postgres.connect import open_pool
from quantum_scheduler.solving.attempt import end_attempt
from quantum_scheduler.solving.pool import ProcessPool
from quantum_scheduler.solving.routing_model import Ending, Rules

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What the vendors' adapters expect, and what they say was taken: see `vendors/faraway.py`.
EXPECTED_MS, TAKEN_MS = 500, 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def processes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[ProcessPool, Path]]:
    folder = tmp_path_factory.mktemp("faraway")
    async with open_pools(folder) as pool:
        yield pool, folder


@pytest_asyncio.fixture(loop_scope="module")
async def track(dsn: str, processes: tuple[ProcessPool, Path]) -> AsyncIterator[Track]:
    """A race of a customer whose plan has time for two attempts."""
    pool = await open_pool(dsn)
    org_id = await add_customer(pool)(qpu_ms=Allowance(amount=2 * EXPECTED_MS))
    with install_vendors():
        yield open_track(Desk(pool, org_id), *processes)
    pool.terminate()


async def usage(track: Track) -> Usage:
    async with track.desk.pool.acquire() as conn:
        (usage,) = await list_usage(conn, track.desk.org_id)
    return usage


async def taken(track: Track) -> tuple[int, int]:
    """What is used and reserved."""
    now = await usage(track)
    return now.used, now.reserved


async def set_amount(track: Track, amount: int, *, is_soft: bool = False) -> None:
    await track.desk.execute("UPDATE plan_quota SET amount = $1, is_soft = $2", amount, is_soft)


async def test_an_attempt_reserves_what_it_may_take_and_pays_what_it_took(track: Track) -> None:
    track.break_vendor("searching", "stuck")
    job = await track.submit(backend="searching")
    assert await taken(track) == (0, 0)
    assert isinstance(await track.step(job), Sleep)
    assert await taken(track) == (0, EXPECTED_MS)
    track.mend_vendor("searching")
    await track.wake()
    assert is_right(await track.finish(job))
    assert await taken(track) == (TAKEN_MS, 0)
    assert [attempt.qpu_ms for attempt in await track.attempts(job)] == [TAKEN_MS]


async def test_an_answer_is_paid_for_though_the_classical_one_wins(track: Track) -> None:
    track.break_vendor("searching", "worse")
    result = await track.finish(await track.submit(backend="searching"))
    assert result["backend"] == "classical"
    assert await taken(track) == (TAKEN_MS, 0)


async def test_what_a_vendor_does_not_say_counts_as_expected(track: Track) -> None:
    await track.finish(await track.submit(backend="forgetful"))
    assert await taken(track) == (EXPECTED_MS, 0)


@pytest.mark.parametrize("fault", ["offline", "job_failed", "wrong_energy", "dropped"])
async def test_an_attempt_that_fails_costs_nothing_and_frees_what_it_had_reserved(track: Track, fault: str) -> None:
    track.break_vendor("forgetful", fault)
    result = await track.finish(await track.submit(backend="forgetful"))
    assert result["backend"] == "classical"
    assert await taken(track) == (0, 0)


async def test_a_failed_attempt_leaves_what_it_had_reserved_to_the_next(track: Track) -> None:
    await set_amount(track, EXPECTED_MS)
    track.configure(environment=Rules(priority=BOTH))
    track.break_vendor("searching", "offline")
    result = await track.finish(await track.submit(backend="quantum"))
    assert result["backend"] == "forgetful"
    assert await taken(track) == (EXPECTED_MS, 0)


async def test_beyond_a_hard_quota_no_attempt_is_made_and_the_decision_says_why(track: Track) -> None:
    await set_amount(track, EXPECTED_MS - 1)
    job = await track.submit(backend="searching")
    result = await track.finish(job)
    assert is_right(result)
    assert (result["backend"], result["race"]["error"]["kind"]) == ("classical", "quota_exceeded")
    assert not result["race"]["is_fallback"]
    (skipped,) = await track.attempts(job)
    (reason,) = skipped.decision["reasons"]
    assert (skipped.state, reason["rule"]) == ("skipped", "quota")
    assert reason["why"] == "the plan has not enough left of qpu_ms (asked 500, quota 499)"
    assert track.submissions() == []
    now = await usage(track)
    assert (now.used, now.reserved, now.refusals) == (0, 0, 1)


async def test_without_fallback_a_job_over_the_quota_fails_and_says_so(track: Track) -> None:
    await set_amount(track, 0)
    track.configure(falls_back=False)
    outcome = await track.step(await track.submit(backend="searching"))
    assert isinstance(outcome, Failed)
    assert outcome.kind == "quota_exceeded"
    assert (await usage(track)).refusals == 0  # the plan has none that could be used up


async def test_beyond_a_soft_quota_attempts_go_on_and_notices_are_given(track: Track) -> None:
    await set_amount(track, EXPECTED_MS, is_soft=True)
    for _ in range(2):
        await track.finish(await track.submit(backend="forgetful"))
    assert await taken(track) == (2 * EXPECTED_MS, 0)
    async with track.desk.pool.acquire() as conn:
        assert {notice.percent for notice in await list_notices(conn, track.desk.org_id)} == {80, 90, 100, 120, 150}


async def test_whoever_takes_over_goes_on_with_the_reservation(track: Track) -> None:
    track.break_vendor("searching", "stuck")
    job = await track.submit(backend="searching")
    await track.step(job)
    await track.wake()
    lost = await track.claim(job)
    await track.desk.kill(lost.owner)
    await track.desk.tick()
    track.mend_vendor("searching")
    await track.finish(job)
    assert await taken(track) == (TAKEN_MS, 0)
    # The one that only seemed dead says what it knows.
    (attempt,) = await track.attempts(job)
    ending = Ending(state="answered", qpu_ms=EXPECTED_MS)
    async with track.desk.pool.acquire() as conn:
        await end_attempt(conn, "searching", attempt.id, ending, chance=0.5)
    assert await taken(track) == (TAKEN_MS, 0)


async def test_an_answer_that_is_fetched_twice_counts_once(track: Track) -> None:
    job = await track.submit(backend="searching")
    claim = await track.claim(job)
    outcome = await track.perform(job, claim)
    assert isinstance(outcome, Succeeded)
    assert await taken(track) == (0, TAKEN_MS)
    await track.desk.settle((claim, HandedBack()))  # as if it had died before it could settle
    await track.finish(job)
    assert await taken(track) == (TAKEN_MS, 0)


async def test_a_job_that_fails_in_the_end_pays_for_no_quantum_computer(track: Track) -> None:
    job = await track.submit(backend="searching")
    claim = await track.claim(job)
    await track.perform(job, claim)
    await track.desk.settle((claim, Failed(kind="crashed", message="the worker that had it died 3 times")))
    assert await taken(track) == (0, 0)


async def test_a_cancelled_job_pays_what_was_answered_and_no_more(track: Track) -> None:
    track.break_vendor("searching", "stuck")
    job = await track.submit(backend="searching")
    await track.step(job)
    await track.desk.cancel(job)
    await track.step(job)
    assert (await track.desk.find(job)).state == "cancelled"
    assert await taken(track) == (0, 0)


async def test_an_attempt_that_is_given_up_late_frees_what_it_had_reserved(track: Track) -> None:
    track.break_vendor("searching", "stuck")
    job = await track.submit(backend="searching")
    await track.step(job)
    track.configure(timeout_s=0.1)
    await track.wake()
    assert isinstance(await track.step(job), Retry)
    assert await taken(track) == (0, 0)


async def test_many_jobs_at_once_never_take_more_than_a_hard_quota_has(track: Track) -> None:
    await set_amount(track, EXPECTED_MS)
    track.break_vendor("searching", "stuck")
    jobs = [await track.submit(backend="searching") for _ in range(3)]
    claims = [await track.claim(job) for job in jobs]
    outcomes = await asyncio.gather(*(track.perform(job, claim) for job, claim in zip(jobs, claims, strict=True)))
    assert sum(isinstance(outcome, Sleep) for outcome in outcomes) == 1
    assert await taken(track) == (0, EXPECTED_MS)
    assert len(track.submissions()) == 1
