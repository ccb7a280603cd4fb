"""Measure limits and quotas on one embedded Postgres with production's settings: `python -m benchmarks.limits`.

Writes docs/benchmarks/limits.md. Each measurement is a function in `MEASUREMENTS` that returns rows for the page. The
library `limits`, to compare with, is in the extra `[bench]`.
"""

import argparse
import asyncio
import os
import platform
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from uuid import UUID, uuid4

from quantum_scheduler.accounts.limits.model import Rate
from quantum_scheduler.accounts.limits.plan import Plan
from quantum_scheduler.accounts.limits.store.bucket import take_of_caller, take_of_network
from quantum_scheduler.accounts.limits.store.plan import put_plan
from quantum_scheduler.accounts.quota.look_up import list_usage
from quantum_scheduler.accounts.quota.model import Allowance, Need, QuotaExceeded, Spent
from quantum_scheduler.accounts.quota.reserve import reserve_quota, settle_quota
from quantum_scheduler.jobs.model import NewJob
from quantum_scheduler.jobs.submit import submit_jobs
from quantum_scheduler.postgres.connect import DirectConnection, connect
from quantum_scheduler.postgres.embed import start_postgres
from quantum_scheduler.postgres.migrate import migrate

REPORT = Path(__file__).parents[1] / "docs" / "benchmarks" / "limits.md"
CLIENTS = 8
CHECKS = 2_000
PAIRS = 250
LOOPS_OF_LIBRARY = 50_000
SETTLED_AT_ONCE = 50
BATCHES = 200
NOON_US = 1_800_000_000_000_000
AMPLE = Rate(requests=10_000_000, window_s=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the page; `held` is None where nothing was promised."""

    what: str
    measured: str
    wanted: str = ""
    held: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where it is measured: connections to one database."""

    conns: Sequence[DirectConnection]


async def rate(place: Place, count: int, check: Callable[[DirectConnection], Awaitable[object]]) -> float:
    """Checks a second of all connections together, `count` each."""

    async def loop(conn: DirectConnection) -> None:
        for _ in range(count):
            await check(conn)

    await asyncio.gather(*(check(conn) for conn in place.conns))  # prepared once for all
    began = time.perf_counter()
    await asyncio.gather(*(loop(conn) for conn in place.conns))
    return count * len(place.conns) / (time.perf_counter() - began)


async def measure_buckets(place: Place) -> list[Row]:
    """Rate checks, beside a plain look-up and the library `limits` in the memory of one process."""
    org_id = await place.conns[0].fetchval("INSERT INTO organisation (name) VALUES ('a') RETURNING id")
    keys = {conn: uuid4() for conn in place.conns}
    await place.conns[0].execute("INSERT INTO rate_bucket (name, full_at_us) VALUES ('plain', 0)")
    plain = await rate(
        place, CHECKS, lambda conn: conn.fetchrow("SELECT full_at_us FROM rate_bucket WHERE name = $1", "plain")
    )
    hot = await rate(place, CHECKS, lambda conn: take_of_network(conn, "one", AMPLE))
    layers = await rate(place, CHECKS, lambda conn: take_of_caller(conn, "operator", keys[conn], org_id))
    exact = Rate(requests=400, window_s=60)
    given = sum(await asyncio.gather(*(_take(conn, exact, 100) for conn in place.conns)))
    library = _measure_library()
    return [
        Row(what="plain look-up by primary key", measured=f"{plain:,.0f}/s"),
        Row(what="rate check, 8 clients on one bucket", measured=f"{hot:,.0f}/s", wanted="≥ 10,000/s", held=hot >= 1e4),
        Row(what="let through of 800 at a ceiling of 400", measured=f"{given}", wanted="400", held=given == 400),
        Row(what="check of key and organisation in one statement", measured=f"{layers:,.0f}/s"),
        Row(what="rate check against the plain look-up", measured=f"{hot / plain:.2f}"),
        *(
            Row(
                what=f"`limits`, {name}, in memory",
                measured=f"{per_s:,.0f}/s, ours {hot / per_s:.2f} of it",
            )
            for name, per_s in library.items()
        ),
    ]


async def _take(conn: DirectConnection, allowed: Rate, times: int) -> int:
    taken = [await take_of_network(conn, "exact", allowed, at_us=NOON_US) for _ in range(times)]
    return sum(each.retry_after_s is None for each in taken)


def _measure_library() -> dict[str, float]:
    """Checks a second of the library, by strategy."""
    library = import_module("limits")
    measured = {}
    for name in ("FixedWindowRateLimiter", "MovingWindowRateLimiter", "SlidingWindowCounterRateLimiter"):
        limiter = getattr(library.strategies, name)(library.storage.MemoryStorage())
        allowed = library.parse("400/minute")
        began = time.perf_counter()
        for _ in range(LOOPS_OF_LIBRARY):
            limiter.hit(allowed, "one")
        measured[name] = LOOPS_OF_LIBRARY / (time.perf_counter() - began)
    return measured


async def measure_quota(place: Place) -> list[Row]:
    """Reservations and settlements on one organisation's row, and what they cost a batch of jobs."""
    first = place.conns[0]
    amount = PAIRS * len(place.conns) * 10 // 2
    org_id = await _add_metered(first, solve_ms=Allowance(amount=amount))
    jobs = await _add_jobs(first, org_id, PAIRS * len(place.conns))

    async def pair(conn: DirectConnection, ids: Sequence[UUID]) -> int:
        refused = 0
        for job_id in ids:
            try:
                async with conn.transaction():
                    await reserve_quota(conn, org_id, [Need(job_id=job_id, meter="solve_ms", amount=10)])
            except QuotaExceeded:
                refused += 1
                continue
            async with conn.transaction():
                await settle_quota(conn, [Spent(job_id=job_id, solve_ms=10)])
        return refused

    began = time.perf_counter()
    parts = [jobs[number :: len(place.conns)] for number in range(len(place.conns))]
    refused = sum(await asyncio.gather(*(pair(conn, part) for conn, part in zip(place.conns, parts, strict=True))))
    seconds = time.perf_counter() - began
    done = len(jobs) - refused
    (usage,) = await list_usage(first, org_id)
    given = f"{usage.used + usage.reserved:,} of {amount:,}, {refused:,} jobs refused"
    return [
        Row(
            what="reserve and settle, a commit each, 8 clients on one row",
            measured=f"{done / seconds:,.0f}/s beside {refused / seconds:,.0f} refusals/s",
            wanted="≥ 500/s",
            held=done / seconds >= 500,
        ),
        Row(what="given out of a hard quota", measured=given, wanted=f"{amount:,}", held=usage.used == amount),
        *await _measure_batches(first),
    ]


async def _measure_batches(conn: DirectConnection) -> list[Row]:
    """Microseconds a job that quotas add to submitting and settling in batches."""
    rows = []
    free = await conn.fetchval("INSERT INTO organisation (name) VALUES ('free') RETURNING id")
    counted = await _add_metered(
        conn, plan="all", solve_ms=Allowance(amount=10**15), jobs_at_once=Allowance(amount=10**9)
    )
    for name, org_id in (("not metered", free), ("metered", counted)):
        jobs = await _add_jobs(conn, org_id, SETTLED_AT_ONCE * BATCHES)
        reserving = settling = 0.0
        for start in range(0, len(jobs), SETTLED_AT_ONCE):
            batch = jobs[start : start + SETTLED_AT_ONCE]
            needs = [Need(job_id=job, meter=meter, amount=5) for job in batch for meter in ("solve_ms", "jobs_at_once")]
            async with conn.transaction():
                began = time.perf_counter()
                await reserve_quota(conn, org_id, needs)
                reserving += time.perf_counter() - began
                began = time.perf_counter()
                await settle_quota(conn, [Spent(job_id=job, solve_ms=2) for job in batch])
                settling += time.perf_counter() - began
        reserve_us, settle_us = (1e6 * each / len(jobs) for each in (reserving, settling))
        what = f"added to a job of a batch of {SETTLED_AT_ONCE}, {name}"
        rows.append(Row(what=what, measured=f"submit {reserve_us:.1f} µs, settle {settle_us:.1f} µs"))
    return rows


async def _add_metered(conn: DirectConnection, plan: str = "metered", **quotas: Allowance) -> UUID:
    terms = Plan(name=plan, key=AMPLE, organisation=AMPLE, requests_at_once=1, quotas=quotas)  # type: ignore[arg-type]
    await put_plan(conn, terms)
    org_id: UUID = await conn.fetchval("INSERT INTO organisation (name, plan) VALUES ('b', $1) RETURNING id", plan)
    return org_id


async def _add_jobs(conn: DirectConnection, org_id: UUID, count: int) -> list[UUID]:
    """Jobs that have reserved nothing, or nothing any more."""
    new = NewJob(problem_document=b"{}", fingerprint="f" * 64, summary={"kind": "binary"}, time_limit_s=0.001)
    jobs = []
    for start in range(0, count, 500):
        async with conn.transaction():
            jobs += [job.id for job, _ in await submit_jobs(conn, org_id, [new] * min(500, count - start))]
    async with conn.transaction():
        await settle_quota(conn, [Spent(job_id=job_id) for job_id in jobs])
    return jobs


MEASUREMENTS: tuple[Callable[[Place], Awaitable[list[Row]]], ...] = (measure_buckets, measure_quota)


async def measure_all(dsn: str) -> list[Row]:
    conns = [await connect(dsn) for _ in range(CLIENTS)]
    try:
        await migrate(conns[0])
        return [row for measure in MEASUREMENTS for row in await measure(Place(conns=conns))]
    finally:
        for conn in conns:
            await conn.close()


def write_report(rows: Sequence[Row], facts: Sequence[str]) -> str:
    verdicts = {None: "", True: "held", False: "**missed**"}
    lines = ["# Limits and quotas, measured", "", *(f"- {fact}" for fact in facts)]
    lines += ["- Again: `python -m benchmarks.limits` in an environment with `quantum-scheduler[bench]`", ""]
    lines += ["| | measured | wanted | |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.measured} | {row.wanted} | {verdicts[row.held]} |" for row in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, default=REPORT, help="where to write")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="qs-") as folder, start_postgres(Path(folder)) as server:
        rows = asyncio.run(measure_all(server.dsn))
    facts = [
        f"{platform.system()} {platform.release()} on {os.cpu_count()} cores, load {load:.1f} before",
        f"Python {platform.python_version()}, the embedded Postgres with fsync and synchronous_commit on",
        f"{datetime.now(UTC):%Y-%m-%d}; clients are connections of one process",
    ]
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(write_report(rows, facts), encoding="utf-8")


if __name__ == "__main__":
    main()
