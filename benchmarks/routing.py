"""Measure what dead vendors cost a customer: `python -m benchmarks.routing`. Writes docs/benchmarks/routing.md.

Two hundred quick jobs go through a real worker, one after another: in classical-only mode, and then with every vendor
preferred and every vendor's stand-in failing, all at once, from the first job on. That is done for each kind of failure
that `--faults` names, `--rounds` times; with `gone` nobody listened from the beginning. Each round's p95 is compared
with that of the classical-only jobs just before it. Wants: at most 1.5 times as much, in the median round.
"""

import argparse
import asyncio
import json
import logging
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

import structlog

from quantum_scheduler.app import build_callers, build_quantum, build_solvers
from quantum_scheduler.jobs.model import JOB_CHANGED, TASK_READY, NewJob, solve_lane
from quantum_scheduler.jobs.quantum_bench import QuantumBench
from quantum_scheduler.jobs.submit import submit_job
from quantum_scheduler.postgres.connect import Pool, open_pool
from quantum_scheduler.postgres.embed import start_postgres
from quantum_scheduler.postgres.listen import Listener, Notifier
from quantum_scheduler.postgres.migrate import migrate
from quantum_scheduler.settings import read_settings
from quantum_scheduler.solving.actions import classical_only
from quantum_scheduler.solving.probe import write_canary
from quantum_scheduler.testing.faults import Fault
from quantum_scheduler.testing.vendors import VENDORS, Vendors
from quantum_scheduler.worker import run_worker

REPORT = Path(__file__).parents[1] / "docs" / "benchmarks" / "routing.md"
JOBS = 200
WARM_UP_JOBS = 20
ROUNDS = 3
SLOTS = 2
RATIO_MAX = 1.5
PATIENCE_S = 120.0

Failure = Fault | Literal["gone"]
FAILURES: Mapping[Failure, str] = {
    "gone": "nobody listens, from the beginning",
    "offline": "no machine takes jobs",
    "server_error": "every call ends in an internal error",
    "dropped": "connections are closed without an answer",
    "auth": "the key is refused",
    "rate_limit": "calls are refused for now, with a Retry-After",
    "quota": "submissions are refused: the account has used up what it may",
}
COUNT_KNOWN = "SELECT count(*) FROM backend_health WHERE status IS NOT NULL"
# Where nobody listens.
GONE = {
    "DWAVE_API_ENDPOINT": "http://127.0.0.1:9/sapi/v2/",
    "IAM_URL": "http://127.0.0.1:9",
    "IBM_API_URL": "http://127.0.0.1:9",
    "BRAKET_ENDPOINT": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "DYNEX_GRPC_ENDPOINT": "127.0.0.1:9",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The seconds that jobs took: classically only, and then while the vendors failed."""

    classical: Sequence[float]
    failing: Sequence[float]

    @property
    def ratio(self) -> float:
        return p95(self.failing) / p95(self.classical)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A worker that prefers every vendor, and a customer who hands it one job after another."""

    pool: Pool
    listener: Listener
    notifier: Notifier
    org_id: UUID
    quantum: QuantumBench

    async def solve(self, count: int) -> list[float]:
        """Have so many jobs solved, one after another; the seconds that each took."""
        return [await self._solve_one() for _ in range(count)]

    async def be_classical(self, is_on: bool) -> None:
        """Have everything solved classically, or not."""
        async with self.pool.acquire() as conn:
            await classical_only(conn, is_on, reason="benchmark")

    async def forget(self) -> None:
        """Forget whatever was learnt of the vendors, and wait until all are known to be well or not."""
        while self.quantum.strays:
            await asyncio.wait(self.quantum.strays)
        self.quantum.troubled.clear()
        async with self.pool.acquire() as conn:
            for table in ("breaker", "breaker_event", "backend_health", "quantum_attempt"):
                await conn.execute(f"DELETE FROM {table}")
        async with asyncio.timeout(PATIENCE_S), self.pool.acquire() as conn:
            while await conn.fetchval(COUNT_KNOWN) < len(VENDORS):  # noqa: ASYNC110  a row tells nobody
                await asyncio.sleep(0.1)

    async def _solve_one(self) -> float:
        new = NewJob(
            problem_document=json.dumps(write_canary("known-optimum-6")).encode(),
            fingerprint="f" * 64,
            summary={"kind": "binary"},
            use_cache=False,
        )
        with self.listener.subscribe(JOB_CHANGED) as notices:
            began_s = time.perf_counter()
            async with self.pool.acquire() as conn, conn.transaction():
                job, _ = await submit_job(conn, self.org_id, new)
            self.notifier.notify(TASK_READY, job.lane)
            async with asyncio.timeout(PATIENCE_S):
                async for job_id in notices:
                    if job_id in (None, str(job.id)) and await self._has_ended(job.id):
                        return time.perf_counter() - began_s
        raise RuntimeError("the notices ended")

    async def _has_ended(self, job_id: UUID) -> bool:
        async with self.pool.acquire() as conn:
            state = await conn.fetchval("SELECT state FROM job WHERE id = $1", job_id)
        if state in ("failed", "cancelled"):
            raise RuntimeError(f"the job has {state}")
        return bool(state == "succeeded")


@asynccontextmanager
async def open_service(dsn: str) -> AsyncIterator[Service]:
    """Run a worker in this process, with the vendors of the environment."""
    settings = replace(read_settings(os.environ), quantum_backend_priority=VENDORS)
    async with AsyncExitStack() as stack:
        pool = await open_pool(dsn)
        stack.callback(pool.terminate)
        async with pool.acquire() as conn:
            org_id = await conn.fetchval("INSERT INTO organisation (name) VALUES ('a customer') RETURNING id")
        listener = await stack.enter_async_context(Listener(dsn))
        notifier = await stack.enter_async_context(Notifier(dsn))
        solvers, callers, stop = build_solvers(SLOTS, ray_address=None), build_callers(SLOTS, VENDORS), asyncio.Event()
        stack.push_async_callback(solvers.close)
        stack.push_async_callback(callers.close)
        quantum = build_quantum(settings, callers)
        working = asyncio.create_task(
            run_worker(dsn, solvers, lanes=[solve_lane("auto")], slots=SLOTS, stop=stop, quantum=quantum)
        )
        service = Service(pool=pool, listener=listener, notifier=notifier, org_id=org_id, quantum=quantum)
        try:
            await service.solve(WARM_UP_JOBS)
            yield service
        finally:
            stop.set()
            await working


async def measure(service: Service, clouds: Vendors, failure: Failure, jobs: int) -> Round:
    """Have jobs solved classically, and then while every vendor fails."""
    clouds.set_all("none")
    await service.be_classical(True)
    await service.forget()
    classical = await service.solve(jobs)
    await service.be_classical(False)
    clouds.set_all("none" if failure == "gone" else failure)
    return Round(classical=classical, failing=await service.solve(jobs))


async def measure_all(dsn: str, failures: Sequence[Failure], *, rounds: int, jobs: int) -> dict[Failure, list[Round]]:
    measured: dict[Failure, list[Round]] = {failure: [] for failure in failures}
    with Vendors() as clouds:
        for elsewhere in (GONE, {}):
            os.environ.update(clouds.environment() | elsewhere)
            group = [failure for failure in failures if (failure == "gone") == bool(elsewhere)]
            async with open_service(dsn) as service:
                for failure in group * rounds:
                    measured[failure].append(await measure(service, clouds, failure, jobs))
                    print(describe(failure, measured[failure]), flush=True)
    return measured


def p95(taken: Sequence[float]) -> float:
    return statistics.quantiles(taken, n=20)[-1]


def ratio_of(rounds: Sequence[Round]) -> float:
    return statistics.median(each.ratio for each in rounds)


def describe(failure: Failure, rounds: Sequence[Round]) -> str:
    """One line of figures."""
    ratios = ", ".join(f"{each.ratio:.2f}" for each in rounds)
    return f"{failure:>14}  p95 {p95(rounds[-1].failing) * 1e3:6.1f} ms, of classical-only {ratios}"


def write_row(failure: Failure, rounds: Sequence[Round]) -> str:
    classical = [taken for each in rounds for taken in each.classical]
    failing = [taken for each in rounds for taken in each.failing]
    ratio = ratio_of(rounds)
    cells = [
        f"`{failure}`: {FAILURES[failure]}",
        " / ".join(f"{1e3 * figure:.1f}" for figure in (statistics.median(classical), p95(classical))),
        " / ".join(f"{1e3 * figure:.1f}" for figure in (statistics.median(failing), p95(failing), max(failing))),
        f"{ratio:.2f} of {', '.join(f'{each.ratio:.2f}' for each in rounds)}",
        f"≤ {RATIO_MAX}",
        "held" if ratio <= RATIO_MAX else "**missed**",
    ]
    return f"| {' | '.join(cells)} |"


def write_report(measured: Mapping[Failure, Sequence[Round]], facts: Sequence[str]) -> str:
    lines = ["# Quick jobs while every vendor fails, measured", "", *(f"- {fact}" for fact in facts)]
    lines += ["- Again: `python -m benchmarks.routing` in an environment with `quantum-scheduler[all,bench]`", ""]
    lines += ["| All four vendors | classical-only p50 / p95 ms | failing p50 / p95 / max ms | p95 ratio | wanted | |"]
    lines += ["|---|---|---|---|---|---|", *(write_row(failure, rounds) for failure, rounds in measured.items())]
    return "\n".join(lines) + "\n"


def list_facts(*, rounds: int, jobs: int, loads: tuple[float, float]) -> list[str]:
    """What was measured where; `loads` are the machine's before and after, of which this run makes about 1.5."""
    load = f"load {loads[0]:.1f} before and {loads[1]:.1f} after"
    system = f"{platform.system()} {platform.release()} on {os.cpu_count()} cores, {load}"
    what = f"{rounds} rounds of {jobs} jobs of six variables, one after another, in a worker with {SLOTS} slots"
    return [
        f"{system}; Python {platform.python_version()}; {datetime.now(UTC):%Y-%m-%d}",
        f"{what}; the vendors' real SDKs talk to their stand-ins",
        "The vendors fail from the first job on; the median round counts, beside the classical-only jobs before it",
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", nargs="*", choices=list(FAILURES), default=list(FAILURES))
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--report", type=Path, default=REPORT, help="where to write")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="qs-") as folder, start_postgres(Path(folder)) as server:
        measured = asyncio.run(prepare_and_measure(server.dsn, given.faults, rounds=given.rounds, jobs=given.jobs))
    loads = load_before, os.getloadavg()[0]
    facts = list_facts(rounds=given.rounds, jobs=given.jobs, loads=loads)
    given.report.write_text(write_report(measured, facts), encoding="utf-8")
    return 0 if all(ratio_of(rounds) <= RATIO_MAX for rounds in measured.values()) else 1


async def prepare_and_measure(
    dsn: str, failures: Sequence[Failure], *, rounds: int, jobs: int
) -> dict[Failure, list[Round]]:
    pool = await open_pool(dsn)
    async with pool.acquire() as conn:
        await migrate(conn)
    pool.terminate()
    return await measure_all(dsn, failures, rounds=rounds, jobs=jobs)


if __name__ == "__main__":
    sys.exit(main())
