"""A bucket gives out exactly what its rate allows, whoever takes from it at once."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.accounts.plans import Customer

from quantum_scheduler.accounts.limits.local import LocalBuckets
from quantum_scheduler.accounts.limits.model import Multiplier, Rate
from quantum_scheduler.accounts.limits.store.bucket import prune, take_of_caller, take_of_network
from quantum_scheduler.accounts.limits.store.plan import set_multiplier
from quantum_scheduler.postgres.connect import Connection, Pool, connect

NOON_US = 1_800_000_000_000_000
CLIENTS = 8
RATES = st.builds(Rate, requests=st.integers(1, 6), window_s=st.integers(1, 3))
GAPS_US = st.lists(st.integers(0, 1_500_000) | st.just(0), max_size=25)


class Tokens:
    """The model: a bucket that gains a part of a token for every microsecond."""

    def __init__(self, rate: Rate) -> None:
        self.interval_us = rate.interval_us
        self.most = rate.requests
        self.tokens = Fraction(rate.requests)

    def take(self, gap_us: int) -> tuple[bool, int]:
        self.tokens = min(Fraction(self.most), self.tokens + Fraction(gap_us, self.interval_us))
        is_given = self.tokens >= 1
        self.tokens -= is_given
        return is_given, int(self.tokens)


def expect(rate: Rate, gaps_us: Sequence[int]) -> list[tuple[bool, int]]:
    tokens = Tokens(rate)
    return [tokens.take(gap) for gap in gaps_us]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rate=RATES, gaps_us=GAPS_US)
@example(rate=Rate(requests=3, window_s=1), gaps_us=[0, 0, 0, 333_332, 1, 333_333])
def test_a_bucket_gives_what_the_model_gives(dsn: str, rate: Rate, gaps_us: list[int]) -> None:
    async def take_all() -> list[tuple[bool, int]]:
        conn, at_us, taken = await connect(dsn), NOON_US, []
        try:
            name = uuid4().hex
            for gap in gaps_us:
                at_us += gap
                standing = await take_of_network(conn, name, rate, at_us=at_us)
                taken.append((standing.retry_after_s is None, standing.remaining))
        finally:
            await conn.close()
        return taken

    assert asyncio.run(take_all()) == expect(rate, gaps_us)


@given(rate=RATES, gaps_us=GAPS_US)
def test_a_bucket_of_this_process_gives_what_the_model_gives(rate: Rate, gaps_us: list[int]) -> None:
    now_us = NOON_US
    buckets = LocalBuckets(lambda: Fraction(now_us, 1_000_000))  # type: ignore[arg-type, return-value]  # exact seconds
    taken = []
    for gap in gaps_us:
        now_us += gap
        standing = buckets.take("key", "a", rate)
        taken.append((standing.retry_after_s is None, standing.remaining))
    assert taken == expect(rate, gaps_us)


async def test_eight_clients_at_once_are_let_through_exactly_as_often_as_the_rate_says(dsn: str) -> None:
    rate = Rate(requests=400, window_s=60)

    async def hammer() -> int:
        conn = await connect(dsn)
        try:
            taken = [await take_of_network(conn, "one", rate, at_us=NOON_US) for _ in range(100)]
        finally:
            await conn.close()
        return sum(each.retry_after_s is None for each in taken)

    assert sum(await asyncio.gather(*(hammer() for _ in range(CLIENTS)))) == 400


async def test_on_the_databases_clock_no_more_is_let_through_than_comes_in(dsn: str, pool: Pool) -> None:
    rate = Rate(requests=50, window_s=1)
    async with pool.acquire() as conn:
        began: datetime = await conn.fetchval("SELECT clock_timestamp()")

        async def hammer() -> int:
            async with pool.acquire() as own:
                taken = [await take_of_network(own, "one", rate) for _ in range(60)]
            return sum(each.retry_after_s is None for each in taken)

        given = sum(await asyncio.gather(*(hammer() for _ in range(CLIENTS))))
        ended: datetime = await conn.fetchval("SELECT clock_timestamp()")
    assert 50 <= given <= 50 + (ended - began) / timedelta(milliseconds=20) + 1


async def test_who_is_refused_is_told_when_to_come_again(pool: Pool) -> None:
    rate = Rate(requests=2, window_s=10)
    async with pool.acquire() as conn:
        for _ in range(2):
            await take_of_network(conn, "one", rate, at_us=NOON_US)
        refused = await take_of_network(conn, "one", rate, at_us=NOON_US + 1_000_000)
        assert (refused.retry_after_s, refused.remaining, refused.full_after_s) == (4.0, 0, 9.0)
        again = await take_of_network(conn, "one", rate, at_us=NOON_US + 5_000_000)
    assert again.retry_after_s is None


async def take(conn: Connection, org_id: object, key: object, plan: str = "own") -> str:
    """The layer that refuses, or nothing."""
    standing = await take_of_caller(conn, plan, key, org_id, at_us=NOON_US)  # type: ignore[arg-type]  # any name will do
    assert standing is not None
    refused = [each.layer for each in (standing.key, standing.organisation) if each and each.retry_after_s is not None]
    return "".join(refused)


async def test_the_keys_of_an_organisation_share_its_rate(pool: Pool, customer: Customer) -> None:
    org_id = await customer(key=Rate(requests=3, window_s=60), organisation=Rate(requests=5, window_s=60))
    async with pool.acquire() as conn:
        assert [await take(conn, org_id, "a") for _ in range(5)] == ["", "", "", "key", "key"]
        assert [await take(conn, org_id, "b") for _ in range(3)] == ["", "", "organisation"]
        assert await take(conn, "another", "c") == ""


async def multiply(conn: Connection, class_name: str, multiplier: float, *, ends_in_s: float, ramp_s: float) -> None:
    ends_at = datetime.now(UTC) + timedelta(seconds=ends_in_s)
    given = Multiplier(class_name=class_name, multiplier=multiplier, ends_at=ends_at, ramp_s=ramp_s, reason="a test")
    await set_multiplier(conn, given)


async def test_a_multiplier_changes_the_rates_of_its_class(pool: Pool, customer: Customer) -> None:
    org_id = await customer(key=Rate(requests=8, window_s=60), organisation=Rate(requests=80, window_s=60))
    async with pool.acquire() as conn:
        for name in ("key", "own"):
            await multiply(conn, name, 0.5, ends_in_s=60, ramp_s=60)
        await multiply(conn, "network", 3, ends_in_s=60, ramp_s=60)
        standing = await take_of_caller(conn, "own", uuid4(), org_id)
        assert standing is not None
        assert standing.organisation is not None
        assert (standing.key.rate.requests, standing.organisation.rate.requests) == (2, 40)
        network = await take_of_network(conn, "one", Rate(requests=10, window_s=1))
        assert network.rate.requests == 30


@pytest.mark.parametrize(("ended_s", "low", "high"), [(-1000, 10, 10), (500, 45, 65), (2000, 100, 100)])
async def test_after_its_time_a_multiplier_goes_back_step_by_step(
    pool: Pool, ended_s: float, low: int, high: int
) -> None:
    async with pool.acquire() as conn:
        await multiply(conn, "network", 0.1, ends_in_s=-ended_s, ramp_s=1000)
        standing = await take_of_network(conn, "one", Rate(requests=100, window_s=1))
    assert low <= standing.rate.requests <= high


async def test_full_buckets_are_forgotten(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await take_of_network(conn, "past", Rate(requests=1, window_s=1), at_us=NOON_US // 2)
        await take_of_network(conn, "present", Rate(requests=1, window_s=1))
        await prune(conn)
        assert [row["name"] for row in await conn.fetch("SELECT name FROM rate_bucket")] == ["network:present"]
