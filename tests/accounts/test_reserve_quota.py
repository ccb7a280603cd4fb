"""A hard quota is never given out twice, a soft one warns, and each notice is given once."""

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from tests.accounts.plans import Customer

from quantum_scheduler.accounts.quota.actions import raise_quota
from quantum_scheduler.accounts.quota.forecast import end_of, forecast_exhaustion
from quantum_scheduler.accounts.quota.look_up import list_notices, list_upstream, list_usage, record_upstream
from quantum_scheduler.accounts.quota.metrics import quota_exceeded, quota_stats, quota_usage
from quantum_scheduler.accounts.quota.model import (
    Allowance,
    Meter,
    MeterUncounted,
    Need,
    QuotaExceeded,
    Spent,
    UpstreamQuota,
    Usage,
)
from quantum_scheduler.accounts.quota.reserve import note_refusal, reserve_quota, settle_quota
from quantum_scheduler.postgres.connect import Connection, Pool, connect

THREADS = 8
ADD_JOBS = """
INSERT INTO job (org_id, name, priority, backend, lane, problem, summary, fingerprint, time_limit_s, seed, use_cache)
SELECT $1, '', 1, 'auto', 'solve.classical', '', '{}', 'f', 1, 0, true FROM generate_series(1, $2) RETURNING id
"""


async def add_jobs(conn: Connection, org_id: UUID, count: int) -> list[UUID]:
    return [row["id"] for row in await conn.fetch(ADD_JOBS, org_id, count)]


async def reserve(conn: Connection, org_id: UUID, *amounts: int, meter: Meter = "solve_ms") -> list[UUID] | None:
    """Reserve for a job each, all or none; None where the quota is too small."""
    try:
        async with conn.transaction():
            jobs = await add_jobs(conn, org_id, len(amounts))
            needs = [Need(job_id=job, meter=meter, amount=n) for job, n in zip(jobs, amounts, strict=True)]
            await reserve_quota(conn, org_id, needs)
    except QuotaExceeded as refused:
        await note_refusal(conn, refused)
        return None
    return jobs


async def look(conn: Connection, org_id: UUID) -> Usage:
    (usage,) = await list_usage(conn, org_id)
    return usage


def percents(notices: Iterable[object]) -> list[int]:
    return sorted(notice.percent for notice in notices)  # type: ignore[attr-defined]  # they are notices


async def test_eight_threads_never_get_more_than_a_hard_quota(dsn: str, pool: Pool, customer: Customer) -> None:
    org_id = await customer(solve_ms=Allowance(amount=1000))

    async def draw(seed: int) -> tuple[int, int]:
        conn, taken, settled = await connect(dsn), 0, 0
        try:
            for step in range(40):
                amount = 5 + (seed * 7 + step) % 11
                jobs = await reserve(conn, org_id, amount)
                if jobs and step % 3 == 0:
                    async with conn.transaction():
                        await settle_quota(conn, [Spent(job_id=jobs[0], solve_ms=amount // 2)])
                    settled += amount // 2
                elif jobs:
                    taken += amount
        finally:
            await conn.close()
        return taken, settled

    with ThreadPoolExecutor(THREADS) as threads:
        drawn = list(threads.map(lambda seed: asyncio.run(draw(seed)), range(THREADS)))
    async with pool.acquire() as conn:
        usage = await look(conn, org_id)
        notices = await list_notices(conn, org_id)
    assert (usage.reserved, usage.used) == (sum(t for t, _ in drawn), sum(s for _, s in drawn))
    assert 990 <= usage.used + usage.reserved <= 1000
    assert usage.refusals > 0
    assert percents(notices) == [80, 90, 100]


async def test_a_batch_is_reserved_as_a_whole_or_not_at_all(pool: Pool, customer: Customer) -> None:
    org_id = await customer(solve_ms=Allowance(amount=100))
    async with pool.acquire() as conn:
        assert await reserve(conn, org_id, 60, 50) is None
        assert (await look(conn, org_id)).reserved == 0
        assert await conn.fetchval("SELECT count(*) FROM quota_reservation") == 0
        assert await reserve(conn, org_id, 60, 40) is not None
        assert await reserve(conn, org_id, 1) is None


async def test_whoever_is_refused_one_meter_gets_none(pool: Pool, customer: Customer) -> None:
    org_id = await customer(solve_ms=Allowance(amount=100), qpu_ms=Allowance(amount=0))
    async with pool.acquire() as conn:
        (job_id,) = await add_jobs(conn, org_id, 1)
        needs = [Need(job_id=job_id, meter="solve_ms", amount=5), Need(job_id=job_id, meter="qpu_ms", amount=5)]
        with pytest.raises(QuotaExceeded, match=r"qpu_ms \(asked 5, quota 0\)") as refused:
            async with conn.transaction():
                await reserve_quota(conn, org_id, needs)
        assert refused.value.retry_after_s > 0
        assert [each.reserved for each in await list_usage(conn, org_id)] == [0, 0]


async def test_what_a_plan_does_not_count_is_not_reserved(pool: Pool, customer: Customer) -> None:
    org_id = await customer()
    async with pool.acquire() as conn:
        assert await reserve(conn, org_id, 10**12) is not None
        assert await conn.fetchval("SELECT count(*) FROM quota_reservation") == 0
        assert await list_usage(conn, org_id) == []


async def test_a_job_uses_at_most_what_it_reserved_and_settles_once(pool: Pool, customer: Customer) -> None:
    org_id = await customer(solve_ms=Allowance(amount=100))
    async with pool.acquire() as conn:
        jobs = await reserve(conn, org_id, 50, 30)
        assert jobs is not None
        for _ in range(2):
            async with conn.transaction():
                await settle_quota(conn, [Spent(job_id=jobs[0], solve_ms=90), Spent(job_id=jobs[1], solve_ms=10)])
            usage = await look(conn, org_id)
            assert (usage.used, usage.reserved) == (60, 0)


async def test_jobs_at_once_are_free_again_when_they_have_ended(pool: Pool, customer: Customer) -> None:
    org_id = await customer(jobs_at_once=Allowance(amount=2))
    async with pool.acquire() as conn:
        jobs = await reserve(conn, org_id, 1, 1, meter="jobs_at_once")
        assert jobs is not None
        assert await reserve(conn, org_id, 1, meter="jobs_at_once") is None
        async with conn.transaction():
            await settle_quota(conn, [Spent(job_id=jobs[0])])
        assert await reserve(conn, org_id, 1, meter="jobs_at_once") is not None
        assert await list_notices(conn, org_id) == []


async def test_beyond_a_soft_quota_work_goes_on_with_notices(pool: Pool, customer: Customer) -> None:
    org_id = await customer(solve_ms=Allowance(amount=100, is_soft=True))
    given: list[list[int]] = []
    async with pool.acquire() as conn:
        for amount in (79, 1, 15, 5, 19, 60):
            assert await reserve(conn, org_id, amount) is not None
            given.append(percents(await list_notices(conn, org_id)))
    assert given == [[], [80], [80, 90], [80, 90, 100], [80, 90, 100], [80, 90, 100, 120, 150]]


async def test_each_notice_is_given_once_however_many_reach_it_at_once(
    dsn: str, customer: Customer, pool: Pool
) -> None:
    org_id = await customer(solve_ms=Allowance(amount=100, is_soft=True))

    async def draw() -> None:
        conn = await connect(dsn)
        try:
            for _ in range(6):
                await reserve(conn, org_id, 5)
        finally:
            await conn.close()

    await asyncio.gather(*(draw() for _ in range(THREADS)))
    async with pool.acquire() as conn:
        assert percents(await list_notices(conn, org_id)) == [80, 90, 100, 120, 150]
        assert (await look(conn, org_id)).reserved == THREADS * 6 * 5


async def test_a_refusal_gives_the_notice_that_all_is_used_up(pool: Pool, customer: Customer) -> None:
    org_id = await customer(solve_ms=Allowance(amount=100))
    async with pool.acquire() as conn:
        for _ in range(3):
            assert await reserve(conn, org_id, 200) is None
        assert percents(await list_notices(conn, org_id)) == [100]
        assert (await look(conn, org_id)).refusals == 3
        assert quota_exceeded(await quota_stats(conn)) == 3


async def test_a_raised_quota_gives_more_and_raising_it_twice_gives_no_more(pool: Pool, customer: Customer) -> None:
    org_id = await customer(solve_ms=Allowance(amount=10))
    async with pool.acquire() as conn:
        assert await reserve(conn, org_id, 11) is None
        for to in (20, 20, 15):
            async with conn.transaction():
                raised = await raise_quota(conn, org_id, "solve_ms", to, reason="a test", incident_id="INC-1")
        assert raised.amount == 20
        assert await reserve(conn, org_id, 20) is not None
        assert await reserve(conn, org_id, 1) is None
        entries = await conn.fetch("SELECT action, incident_id FROM audit_entry")
        assert [tuple(entry) for entry in entries] == [("quota.raise", "INC-1")] * 3
        with pytest.raises(MeterUncounted):
            await raise_quota(conn, org_id, "qpu_ms", 5, reason="a test")


async def test_a_settlement_counts_in_the_period_that_it_was_reserved_in(pool: Pool, customer: Customer) -> None:
    org_id = await customer(solve_ms=Allowance(amount=100))
    async with pool.acquire() as conn:
        jobs = await reserve(conn, org_id, 40)
        assert jobs is not None
        for table in ("quota", "quota_reservation"):
            await conn.execute(f"UPDATE {table} SET period = DATE '2020-01-01'")
        assert await reserve(conn, org_id, 100) is not None
        async with conn.transaction():
            await settle_quota(conn, [Spent(job_id=jobs[0], solve_ms=40)])
        assert await conn.fetchval("SELECT used FROM quota WHERE period = DATE '2020-01-01'") == 40
        assert (await look(conn, org_id)).used == 0


async def test_the_usage_of_customers_and_of_ours_with_the_vendors_is_told_apart(
    pool: Pool, customer: Customer
) -> None:
    org_id = await customer(solve_ms=Allowance(amount=100), jobs_at_once=Allowance(amount=1))
    async with pool.acquire() as conn:
        assert quota_usage(await quota_stats(conn)) == {"customer": 0, "upstream": 0}
        await reserve(conn, org_id, 25)
        await reserve(conn, org_id, 1, meter="jobs_at_once")
        for used in (50, 95):
            await record_upstream(conn, UpstreamQuota(backend="ibm", meter="seconds", used=used, amount=100))
        past = datetime.now(UTC) - timedelta(days=1)
        await record_upstream(conn, UpstreamQuota(backend="dwave", meter="s", used=9, amount=9, resets_at=past))
        await record_upstream(conn, UpstreamQuota(backend="dynex", meter="s", used=9, amount=9))
        await conn.execute("UPDATE upstream_quota SET reported_at = now() - interval '61 min' WHERE backend = 'dynex'")
        assert quota_usage(await quota_stats(conn)) == {"customer": 0.25, "upstream": 0.95}
        assert [each.backend for each in await list_upstream(conn)] == ["ibm"]


def usage_of(used: int, reserved: int = 0, meter: Meter = "solve_ms") -> Usage:
    return Usage(
        org_id=UUID(int=1),
        meter=meter,
        period=date(2026, 2, 1),
        amount=1000,
        is_soft=False,
        used=used,
        reserved=reserved,
        refusals=0,
    )


@pytest.mark.parametrize(
    ("usage", "day", "expected"),
    [
        (usage_of(500), 11, datetime(2026, 2, 21, tzinfo=UTC)),
        (usage_of(500, 250), 11, datetime(2026, 2, 16, tzinfo=UTC)),
        (usage_of(100), 11, None),
        (usage_of(0, 100), 11, None),
        (usage_of(900, 100), 11, datetime(2026, 2, 11, tzinfo=UTC)),
        (usage_of(900, meter="stored_bytes"), 11, None),
    ],
)
def test_exhaustion_is_forecast_from_the_pace_of_the_period(usage: Usage, day: int, expected: datetime | None) -> None:
    assert forecast_exhaustion(usage, datetime(2026, 2, day, tzinfo=UTC)) == expected


@pytest.mark.parametrize(("period", "end"), [(date(2026, 2, 1), (2026, 3)), (date(2026, 12, 1), (2027, 1))])
def test_a_period_ends_with_its_month(period: date, end: Sequence[int]) -> None:
    assert end_of(period) == datetime(end[0], end[1], 1, tzinfo=UTC)
