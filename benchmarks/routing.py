"""Measure what dead vendors cost a customer: `python -m benchmarks.routing`.

Two hundred quick jobs go through a real worker, one after another, first with everything solved classically and then
with every vendor preferred and every vendor's stand-in failing, all at once, while the service runs. Each round is run
for each kind of failure that `--faults` names; with `gone` nobody listened from the beginning. Wants: p95 at most 1.5
times that of classical only.
"""

import argparse
import asyncio
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal
from uuid import UUID

import structlog

from quantum_scheduler.app import build_callers, build_quantum, build_solvers
from quantum_scheduler.jobs.model import JOB_CHANGED, TASK_READY, NewJob, solve_lane
from quantum_scheduler.jobs.submit import submit_job
from quantum_scheduler.postgres.connect import Pool, open_pool
from quantum_scheduler.postgres.embed import start_postgres
from quantum_scheduler.postgres.listen import Listener, Notifier
from quantum_scheduler.postgres.migrate import migrate
from quantum_scheduler.settings import read_settings
from quantum_scheduler.solving.probe import write_canary
from quantum_scheduler.testing.faults import Fault
from quantum_scheduler.testing.vendors import VENDORS, Vendors
from quantum_scheduler.worker import run_worker

JOBS = 200
WARM_UP_JOBS = 20
SLOTS = 2
RATIO_MAX = 1.5
PATIENCE_S = 120.0
FAULTS: tuple[Fault | Literal["gone"], ...] = (
    "gone",
    "offline",
    "server_error",
    "dropped",
    "auth",
    "rate_limit",
    "quota",
)
# Where nobody listens.
GONE = {
    "DWAVE_API_ENDPOINT": "http://127.0.0.1:9/sapi/v2/",
    "IAM_URL": "http://127.0.0.1:9",
    "IBM_API_URL": "http://127.0.0.1:9",
    "BRAKET_ENDPOINT": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "DYNEX_GRPC_ENDPOINT": "127.0.0.1:9",
}


async def solve_one(pool: Pool, listener: Listener, notifier: Notifier, org_id: UUID) -> float:
    """Submit a job, wait for its end and return the seconds between."""
    new = NewJob(
        problem_document=json.dumps(write_canary("known-optimum-6")).encode(),
        fingerprint="f" * 64,
        summary={"kind": "binary"},
        use_cache=False,
    )
    with listener.subscribe(JOB_CHANGED) as notices:
        began_s = time.perf_counter()
        async with pool.acquire() as conn, conn.transaction():
            job, _ = await submit_job(conn, org_id, new)
        notifier.notify(TASK_READY, job.lane)
        async with asyncio.timeout(PATIENCE_S):
            async for job_id in notices:
                if job_id in (None, str(job.id)) and await _has_ended(pool, job.id):
                    return time.perf_counter() - began_s
    raise RuntimeError("the notices ended")


async def _has_ended(pool: Pool, job_id: UUID) -> bool:
    async with pool.acquire() as conn:
        state = await conn.fetchval("SELECT state FROM job WHERE id = $1", job_id)
    if state in ("failed", "cancelled"):
        raise RuntimeError(f"the job has {state}")
    return bool(state == "succeeded")


async def measure(
    dsn: str, priority: tuple[str, ...], environ: Mapping[str, str], *, jobs: int, fail: Callable[[], None]
) -> list[float]:
    """The seconds that each of many quick jobs takes, from when the vendors `fail`, on a database without a past."""
    settings = replace(read_settings(environ), quantum_backend_priority=priority)
    async with AsyncExitStack() as stack:
        pool = await open_pool(dsn)
        stack.callback(pool.terminate)
        async with pool.acquire() as conn:
            for table in ("breaker", "breaker_event", "backend_health", "quantum_attempt"):
                await conn.execute(f"DELETE FROM {table}")
            org_id = await conn.fetchval("INSERT INTO organisation (name) VALUES ('a customer') RETURNING id")
        listener = await stack.enter_async_context(Listener(dsn))
        notifier = await stack.enter_async_context(Notifier(dsn))
        solvers, callers, stop = build_solvers(SLOTS, ray_address=None), build_callers(SLOTS, priority), asyncio.Event()
        quantum = build_quantum(settings, callers)
        working = asyncio.create_task(
            run_worker(dsn, solvers, lanes=[solve_lane("auto")], slots=SLOTS, stop=stop, quantum=quantum)
        )
        for _ in range(WARM_UP_JOBS):
            await solve_one(pool, listener, notifier, org_id)
        await _wait_for_health(pool, len(priority))
        fail()
        taken = [await solve_one(pool, listener, notifier, org_id) for _ in range(jobs)]
        stop.set()
        await working
        await solvers.close()
        await callers.close()
    return taken


async def _wait_for_health(pool: Pool, count: int) -> None:
    """Wait until every backend was asked how it is, and so every SDK is imported."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with pool.acquire() as conn:
                if await conn.fetchval("SELECT count(*) FROM backend_health WHERE status IS NOT NULL") >= count:
                    return
            await asyncio.sleep(0.1)


def describe(name: str, taken: list[float], base_s: float | None) -> str:
    """One line of figures, in milliseconds."""
    p50, p95 = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
    ratio = "" if base_s is None else f"{p95 / base_s:8.2f} {'held' if p95 <= RATIO_MAX * base_s else 'MISSED'}"
    return f"{name:>16} {p50 * 1e3:8.1f} {p95 * 1e3:8.1f} {max(taken) * 1e3:9.1f} {ratio}"


async def main(faults: list[Fault | Literal["gone"]], jobs: int) -> int:
    """Measure and print; exit code 1 where the bar is missed."""
    missed = 0
    with tempfile.TemporaryDirectory(prefix="qs-") as folder, start_postgres(Path(folder)) as server:
        pool = await open_pool(server.dsn)
        async with pool.acquire() as conn:
            await migrate(conn)
        pool.terminate()
        print(f"{'':>16} {'p50 ms':>8} {'p95 ms':>8} {'max ms':>9} {'of base':>8}", flush=True)
        base = await measure(server.dsn, (), os.environ, jobs=jobs, fail=lambda: None)
        base_s = statistics.quantiles(base, n=20)[-1]
        print(describe("classical only", base, None), flush=True)
        with Vendors() as clouds:
            for fault in faults:
                told = clouds.environment() | (GONE if fault == "gone" else {})
                os.environ.update(told)
                clouds.set_all("none")
                fail = partial(clouds.set_all, "none" if fault == "gone" else fault)
                taken = await measure(server.dsn, VENDORS, os.environ, jobs=jobs, fail=fail)
                missed += statistics.quantiles(taken, n=20)[-1] > RATIO_MAX * base_s
                print(describe(fault, taken, base_s), flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", nargs="*", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--jobs", type=int, default=JOBS)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    sys.exit(asyncio.run(main(given.faults, given.jobs)))
