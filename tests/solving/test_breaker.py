import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import pytest

from quantum_scheduler.backends.model import ErrorKind
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.solving.actions import close_breaker, open_breaker, reset_breakers
from quantum_scheduler.solving.breaker import (
    BLAMELESS_KINDS,
    COUNT_MIN,
    IN_A_ROW_MAX,
    PROBE_MAX_S,
    PROBE_MIN_S,
    SWEEPING_KINDS,
    enter,
    explain_refusal,
    is_in_share,
    judge,
    record_outcome,
    record_outrun,
)
from quantum_scheduler.solving.routing_model import BackendState, Breaker, Tally
from quantum_scheduler.solving.store.breaker import find_backends

NOW = datetime(2026, 11, 22, tzinfo=UTC)
CLOSED = Breaker(backend="simulator", since=NOW)
FAILING = sorted(set(get_args(ErrorKind)) - BLAMELESS_KINDS)


def fail(breaker: Breaker, *, count: int = COUNT_MIN, failures: int = COUNT_MIN, now: datetime = NOW) -> Breaker:
    tally = Tally(count=count, failures=failures, in_a_row=1)
    return judge(breaker, tally, kind="offline", message="no", now=now, chance=0.5)


async def record(pool: Pool, kinds: Sequence[str | None]) -> Breaker:
    async with pool.acquire() as conn:
        for kind in kinds:
            breaker = await record_outcome(conn, "simulator", chance=0.5, kind=kind, message="no")
    return breaker


async def find(pool: Pool) -> BackendState:
    async with pool.acquire() as conn:
        return (await find_backends(conn, ["simulator"], fresh_s=60))[0]


def test_it_opens_at_the_ratio_and_not_before_the_count() -> None:
    assert fail(CLOSED, count=COUNT_MIN - 1, failures=COUNT_MIN - 1).state == "closed"
    assert fail(CLOSED, count=10, failures=4).state == "closed"
    opened = fail(CLOSED, count=10, failures=5)
    assert opened.state == "open"
    assert opened.reason == "5 of 10 failed, the last of kind offline: no"


def test_the_wait_for_a_probe_doubles_up_to_its_limit() -> None:
    breaker, waits = CLOSED, []
    for _ in range(9):
        breaker = fail(Breaker(backend="simulator", state="half_open", since=NOW, trips=breaker.trips))
        assert breaker.probe_at is not None
        waits.append((breaker.probe_at - NOW).total_seconds())
    assert waits[:3] == [PROBE_MIN_S, 2 * PROBE_MIN_S, 4 * PROBE_MIN_S]
    assert waits[-1] == PROBE_MAX_S


def test_what_was_opened_by_hand_stays_so_until_its_time() -> None:
    until = NOW + timedelta(minutes=5)
    manual = Breaker(backend="x", state="open", since=NOW, is_manual=True, reason="drill", expires_at=until)
    well = Tally(count=1, failures=0, in_a_row=0)
    assert judge(manual, well, kind=None, message="", now=NOW, chance=0.5) is manual
    assert explain_refusal(manual, NOW) == "opened by hand: drill"
    assert explain_refusal(manual, until) == ""


def test_a_share_is_kept_by_the_same_jobs_as_it_grows() -> None:
    jobs = [UUID(int=n) for n in range(1_000)]
    taken = [{job for job in jobs if is_in_share("dynex", percent, job)} for percent in (0, 10, 50, 100)]
    assert taken[0] == set()
    assert taken[1] < taken[2] < taken[3] == set(jobs)
    assert 60 < len(taken[1]) < 140
    assert taken[1] != {job for job in jobs if is_in_share("ibm", 10, job)}


@pytest.mark.parametrize("kind", FAILING)
async def test_every_failing_kind_opens_it_within_its_window(pool: Pool, kind: str) -> None:
    enough = IN_A_ROW_MAX if kind in SWEEPING_KINDS else COUNT_MIN
    assert (await record(pool, [kind] * (enough - 1))).state == "closed"
    assert (await record(pool, [kind])).state == "open"
    refusal = explain_refusal((await find(pool)).breaker, datetime.now(UTC))
    assert refusal.startswith(f"open: {enough} of {enough} failed")


async def test_a_vendor_that_goes_away_is_left_alone_at_once_however_many_it_has_answered(pool: Pool) -> None:
    assert (await record(pool, [None] * 50 + ["unavailable"] * (IN_A_ROW_MAX - 1))).state == "closed"
    assert (await record(pool, [None] + ["unavailable"] * (IN_A_ROW_MAX - 1))).state == "closed"
    assert (await record(pool, ["unavailable"])).state == "open"


async def test_the_customers_fault_and_a_late_answer_open_nothing(pool: Pool) -> None:
    await record(pool, [*sorted(BLAMELESS_KINDS)] * COUNT_MIN)
    async with pool.acquire() as conn:
        for _ in range(COUNT_MIN):
            await record_outrun(conn, "simulator")
    breaker = (await find(pool)).breaker
    assert (breaker.state, breaker.outruns) == ("closed", COUNT_MIN)


async def test_what_is_older_than_the_window_does_not_count(pool: Pool) -> None:
    await record(pool, ["job_failed"] * (COUNT_MIN - 1))
    async with pool.acquire() as conn:
        await conn.execute("UPDATE breaker_event SET at = at - interval '1 hour'")
    assert (await record(pool, ["offline"])).state == "closed"
    async with pool.acquire() as conn:
        assert await conn.fetchval("SELECT count(*) FROM breaker_event") == 1


async def test_half_open_lets_one_job_through_of_many_that_ask_at_once(pool: Pool) -> None:
    await record(pool, ["offline"] * COUNT_MIN)
    async with pool.acquire() as conn:
        await conn.execute("UPDATE breaker SET probe_at = now()")
    breaker = (await find(pool)).breaker

    async def ask() -> bool:
        async with pool.acquire() as conn:
            return await enter(conn, breaker)

    assert sorted(await asyncio.gather(*(ask() for _ in range(8)))) == [False] * 7 + [True]
    assert (await find(pool)).breaker.state == "half_open"
    assert explain_refusal((await find(pool)).breaker, datetime.now(UTC))


async def test_a_good_probe_closes_it_and_a_bad_one_opens_it_for_longer(pool: Pool) -> None:
    first = await record(pool, ["offline"] * COUNT_MIN)
    async with pool.acquire() as conn:
        await conn.execute("UPDATE breaker SET state = 'half_open'")
    second = await record(pool, ["auth"])
    assert (second.state, second.trips) == ("open", 2)
    assert first.probe_at is not None
    assert second.probe_at is not None
    assert second.probe_at - second.since > 1.5 * (first.probe_at - first.since)
    async with pool.acquire() as conn:
        await conn.execute("UPDATE breaker SET state = 'half_open'")
    closed = await record(pool, [None])
    assert (closed.state, closed.trips) == ("closed", 0)
    assert (await record(pool, ["offline"] * (IN_A_ROW_MAX - 1))).state == "closed"


async def test_a_probe_that_shows_nothing_leaves_its_place_to_the_next(pool: Pool) -> None:
    await record(pool, ["offline"] * COUNT_MIN)
    async with pool.acquire() as conn:
        await conn.execute("UPDATE breaker SET state = 'half_open', probe_at = now() + interval '1 hour'")
    assert (await record(pool, ["invalid"])).state == "open"
    assert explain_refusal((await find(pool)).breaker, datetime.now(UTC)) == ""


async def test_retry_after_keeps_everybody_away_for_so_long(pool: Pool) -> None:
    async with pool.acquire() as conn:
        resting = await record_outcome(conn, "simulator", chance=0.5, kind="rate_limit", retry_after_s=30)
    assert resting.rest_until is not None
    assert explain_refusal(resting, resting.rest_until - timedelta(seconds=1)).startswith("it asked to be left alone")
    assert explain_refusal(resting, resting.rest_until) == ""


async def test_opening_and_closing_by_hand_may_be_done_twice(pool: Pool) -> None:
    async with pool.acquire() as conn:
        for _ in range(2):
            await open_breaker(conn, "simulator", reason="drill")
        assert (await find(pool)).breaker.reason == "drill"
        for _ in range(2):
            await close_breaker(conn, "simulator")
        assert (await find(pool)).breaker.state == "closed"
        await open_breaker(conn, "simulator", reason="drill")
        assert "simulator" in {breaker.backend for breaker in await reset_breakers(conn)}
    assert (await find(pool)).breaker.state == "closed"
