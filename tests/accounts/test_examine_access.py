"""An investigation tells attack from outage, abuse from use, and names where requests fail."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from tests.accounts.plans import Customer

from quantum_scheduler.accounts.limits.examine import (
    examine_abuse,
    examine_consumers,
    examine_errors,
    find_abuse,
    find_error_patterns,
)
from quantum_scheduler.accounts.limits.request_model import Consumer, RouteStats
from quantum_scheduler.accounts.login.examine import examine_logins, judge_logins
from quantum_scheduler.accounts.login.store.throttle import LoginCounts
from quantum_scheduler.accounts.quota.examine import examine_quotas
from quantum_scheduler.accounts.quota.model import Allowance
from quantum_scheduler.postgres.connect import Pool

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
INSERT_ATTEMPT = "INSERT INTO login_attempt (at, network, name_digest, outcome) VALUES ($1, $2, $3, $4)"


def asked(route: str, status: int, requests: int) -> RouteStats:
    return RouteStats(route=route, status=status, requests=requests, shadowed=0, latencies=(requests,))


def consumer(name: str, requests: int, refused: int = 0) -> Consumer:
    return Consumer(org_id=UUID(int=len(name)), name=name, plan="free", requests=requests, refused=refused, seconds=1)


def count(*, attempts: int, failures: int, names: int, networks: int, top: int = 0) -> LoginCounts:
    return LoginCounts(
        attempts=attempts, failures=failures, networks=networks, names=names, top_network="x", top_failures=top
    )


def test_the_route_that_fails_most_comes_first() -> None:
    stats = [asked("/v1/jobs", 200, 80), asked("/v1/jobs", 503, 15), asked("/v1/health", 500, 5)]
    patterns = find_error_patterns(stats)
    assert (patterns.requests, patterns.errors, patterns.share, patterns.routes) == (100, 20, 0.2, 2)
    assert (patterns.top_route, patterns.top_status, patterns.top_share) == ("/v1/jobs", 503, 0.75)


def test_who_asks_on_although_refused_is_suspect_and_who_asks_for_most_is_dominant() -> None:
    found = find_abuse([consumer("flood", 1000, 900), consumer("heavy", 300), consumer("x", 20, 19)])
    assert (found.suspects, found.suspect_name, found.dominant_name) == (1, "flood", "flood")
    assert find_abuse([consumer("only", 1000)]).dominant_name == ""
    assert find_abuse([]).suspects == 0


@pytest.mark.parametrize(
    ("counts", "pattern"),
    [
        (count(attempts=50, failures=19, names=19, networks=19), "none"),
        (count(attempts=300, failures=200, names=2, networks=1, top=200), "brute_force"),
        (count(attempts=300, failures=200, names=180, networks=3, top=100), "credential_stuffing"),
        (count(attempts=300, failures=200, names=190, networks=180, top=2), "everybody_fails"),
        (count(attempts=300, failures=40, names=38, networks=38, top=2), "scattered"),
    ],
)
def test_failed_logins_are_told_apart(counts: LoginCounts, pattern: str) -> None:
    assert judge_logins(counts) == pattern


async def test_logins_of_the_window_are_counted(pool: Pool) -> None:
    async with pool.acquire() as conn:
        for number in range(30):
            await conn.execute(INSERT_ATTEMPT, NOW, "198.51.100.0/24", b"name", "bad" if number else "ok")
        seen = await examine_logins(conn, now=NOW)
        with pytest.raises(ValueError, match="a window of logins"):
            await examine_logins(conn, now=NOW, window_s=-1)
    assert (seen.attempts, seen.failures, seen.networks, seen.names) == (30, 29, 1, 1)
    assert (seen.pattern, seen.is_attack, seen.top_network, seen.top_share) == (
        "brute_force",
        True,
        "198.51.100.0/24",
        1.0,
    )


async def test_what_was_asked_of_the_api_is_examined_where_it_is_written_down(pool: Pool) -> None:
    async with pool.acquire() as conn:
        org_id = await conn.fetchval("INSERT INTO organisation (name) VALUES ('busy') RETURNING id")
        await conn.execute("INSERT INTO request_consumer VALUES (now(), $1, 200, 150, 10)", org_id)
        await conn.execute("INSERT INTO request_slot VALUES (now(), '/v1/jobs', 500, 7, 0, '{7}')")
        consumers, abuse, errors = await examine_consumers(conn), await examine_abuse(conn), await examine_errors(conn)
        with pytest.raises(ValueError, match="a window of requests"):
            await examine_errors(conn, window_s=1e9)
    assert (consumers.top_name, consumers.refused_share, consumers.top_org_id) == ("busy", 0.75, str(org_id))
    assert (abuse.suspects, abuse.suspect_org_id) == (1, str(org_id))
    assert (errors.errors, errors.top_route) == (7, "/v1/jobs")


async def test_the_quota_that_is_spent_the_most_comes_first(pool: Pool, customer: Customer) -> None:
    org_id = await customer(solve_ms=Allowance(amount=1000))
    async with pool.acquire() as conn:
        await conn.execute("INSERT INTO quota VALUES ($1, 'solve_ms', quota_period_of('solve_ms'), 950, 0, 3)", org_id)
        await conn.execute("INSERT INTO upstream_quota VALUES ('ibm', 'seconds', 30, 600)")
        report = await examine_quotas(conn)
    assert (report.top_org_id, report.top_meter, report.top_share, report.top_amount) == (
        str(org_id),
        "solve_ms",
        0.95,
        1000,
    )
    assert (report.upstream_backend, report.upstream_share) == ("ibm", 0.05)
    assert (report.nearly_spent, report.refusals) == (1, 3)
