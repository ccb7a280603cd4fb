"""Measure the queue against others, on one embedded Postgres with production's settings: `python -m benchmarks.queue`.

Writes docs/benchmarks/queue.md. The others are in the extra `[bench]`, or in the environment of `--peer-python`. With
`--keep FILE` it may be run part by part: what was measured before is in the file, and joins the report.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.queue_report import NAMES, Figures, Measured, write_report

from quantum_scheduler.postgres.connect import connect
from quantum_scheduler.postgres.embed import EmbeddedPostgres, start_postgres

ROOT = Path(__file__).parents[1]
SIDE = Path(__file__).with_name("queue_side.py")
REPORT = ROOT / "docs" / "benchmarks" / "queue.md"
PEERS = ("pgqueuer", "dbos", "procrastinate", "procrastinate-alone")
SLOW = ("dbos", "procrastinate", "procrastinate-alone")
PARTS = ("drain", "pickup", "backlog")
BACKLOGGED = ("raw-kept", "ours")
# What is not finished and committed yet; the end of a drain is when none is left.
LEFT = {
    "raw": "FROM raw",
    "raw-kept": "FROM raw",
    "pgqueuer": "FROM pgqueuer",
    "dbos": "FROM dbos.workflow_status WHERE status IN ('ENQUEUED', 'PENDING')",
    "procrastinate": "FROM procrastinate_jobs WHERE status IN ('todo', 'doing')",
    "procrastinate-alone": "FROM procrastinate_jobs WHERE status IN ('todo', 'doing')",
}
LEFT_OF_OURS = "FROM task"
POLL_S = 0.01
WARM_UP_S = 5.0
SIDE_TIMEOUT_S = 600.0
UNLIMITED = 10**9
BATCH = 500
BACKLOG_JOBS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """How much is measured: jobs of a quick and of a slow system, single enqueues, pings, rounds, backlogs."""

    jobs: int
    jobs_slow: int
    single: int
    pings: int
    rounds: int
    backlogs: tuple[int, ...]


FULL = Amounts(jobs=20_000, jobs_slow=500, single=300, pings=100, rounds=3, backlogs=(1_000, 10_000, 100_000))
QUICK = Amounts(jobs=5_000, jobs_slow=200, single=100, pings=40, rounds=1, backlogs=(1_000, 10_000))


class Sides:
    """Starts the processes of the systems, on a database of its own for each."""

    def __init__(self, server: EmbeddedPostgres, peer_python: str) -> None:
        self.server = server
        self.log = server.data_dir / "sides.log"
        self._peer_python = peer_python

    def start(self, system: str, role: str, dsn: str, *numbers: int) -> subprocess.Popen[str]:
        python = self._peer_python if system in PEERS else sys.executable
        command = [python, "-P", str(SIDE), system, role, dsn, *map(str, numbers)]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)

    def run(self, system: str, role: str, dsn: str, *numbers: int) -> dict[str, Any]:
        return self.finish(self.start(system, role, dsn, *numbers))

    def finish(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        output, _ = process.communicate(timeout=SIDE_TIMEOUT_S)
        if process.returncode:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}:\n{self.log.read_text()[-2000:]}")
        said: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
        return said

    def make_database(self, system: str) -> str:
        name = f"{system.replace('-', '_')}_{time.monotonic_ns()}"
        self.ask(self.server.database_url("postgres"), f"CREATE DATABASE {name}")
        dsn = self.server.database_url(name)
        self.run(system, "install", dsn)
        return dsn

    def ask(self, dsn: str, statement: str) -> Any:
        async def fetch() -> Any:
            conn = await connect(dsn)
            try:
                return await conn.fetchval(statement)
            finally:
                await conn.close()

        return asyncio.run(fetch())

    def wait_for_none(self, dsn: str, left: str) -> None:
        """Look on one connection until nothing is left: a new one each time would take a core from what is measured."""

        async def look() -> None:
            conn = await connect(dsn)
            try:
                while await conn.fetchval(f"SELECT EXISTS (SELECT {left})"):  # noqa: ASYNC110  others end it
                    await asyncio.sleep(POLL_S)
            finally:
                await conn.close()

        asyncio.run(look())

    def wal_bytes(self, dsn: str) -> int:
        return int(self.ask(dsn, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"))


def drain(sides: Sides, system: str, dsn: str, *, workers: int) -> float:
    """Jobs a second from the start of the first job until all are finished and committed."""
    left = LEFT.get(system, LEFT_OF_OURS)
    jobs = sides.ask(dsn, f"SELECT count(*) {left}")
    running = [sides.start(system, "work", dsn, UNLIMITED) for _ in range(workers)]
    sides.wait_for_none(dsn, left)
    ended = time.monotonic()
    began = [each for worker in running for each in sides.finish(worker)["began"]]
    if len(began) < jobs:
        raise RuntimeError(f"{len(began)} jobs were done instead of {jobs}")
    return float(jobs / (ended - min(began)))


def rate(began: Sequence[float]) -> float:
    """Jobs a second from the start of the first to that of the last; for a worker that stops amid a backlog."""
    return (len(began) - 1) / (began[-1] - began[0])


def measure(sides: Sides, system: str, amounts: Amounts, figures: Figures) -> None:
    """Take one round of figures of one system, in a fresh database."""
    dsn = sides.make_database(system)
    count = amounts.jobs_slow if system in SLOW else amounts.jobs
    batch = min(BATCH, count)
    sides.ask(dsn, "CHECKPOINT")
    wal_before = sides.wal_bytes(dsn)
    enqueued = sides.run(system, "enqueue", dsn, count, batch)
    figures.batched_per_s.append(enqueued["per_s"])
    figures.drain_per_s.append(drain(sides, system, dsn, workers=1))
    figures.wal_bytes.append((sides.wal_bytes(dsn) - wal_before) / enqueued["jobs"])

    single = sides.run(system, "enqueue", dsn, amounts.single, 1)
    figures.enqueue_per_s.append(single["per_s"])
    sides.run(system, "enqueue", dsn, count, batch)
    figures.drain_of_two_per_s.append(drain(sides, system, dsn, workers=2))


def measure_pickup(sides: Sides, system: str, amounts: Amounts, figures: Figures) -> None:
    """From the commit of a job to its start, on a queue that is otherwise empty."""
    dsn = sides.make_database(system)
    worker = sides.start(system, "work", dsn, UNLIMITED)
    time.sleep(WARM_UP_S)
    sent = sides.run(system, "ping", dsn, amounts.pings)["sent"]
    began = sides.finish(worker)["began"]
    figures.pickup_s = [max(0.0, start - commit) for commit, start in zip(sent, began, strict=True)]


def measure_backlogs(sides: Sides, system: str, amounts: Amounts) -> dict[int, float]:
    """Milliseconds a job, claimed and settled, with so many waiting; the median of a few times."""
    dsn = sides.make_database(system)
    waiting, costs = 0, {}
    for backlog in amounts.backlogs:
        taken = []
        for _ in range(amounts.rounds):
            sides.run(system, "enqueue", dsn, backlog - waiting - BATCH, BATCH)
            sides.ask(dsn, "CHECKPOINT")
            began = sides.run(system, "work", dsn, BACKLOG_JOBS)["began"]
            taken.append(1e3 / rate(began))
            waiting = backlog - len(began)
        costs[backlog] = statistics.median(taken)
    return costs


def tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of fewer jobs, and no backlog of 100,000")
    parser.add_argument("--peer-python", default=sys.executable, help="the Python that has the other queues")
    parser.add_argument("--only", nargs="*", default=list(NAMES), choices=list(NAMES), help="measure only these")
    parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=PARTS, help="measure only this of them")
    parser.add_argument("--rounds", type=int, help="take so many rounds this time")
    parser.add_argument("--keep", type=Path, help="add to what this file holds of earlier runs")
    parser.add_argument("--report", type=Path, default=REPORT, help="where to write")
    options = parser.parse_args()
    amounts = QUICK if options.quick else FULL
    amounts = replace(amounts, rounds=options.rounds or amounts.rounds)
    load = os.getloadavg()[0]
    measured = Measured.read(options.keep)
    with tempfile.TemporaryDirectory(prefix="qs-") as folder, start_postgres(Path(folder)) as server:
        sides = Sides(server, options.peer_python)
        measure_parts(sides, [each for each in NAMES if each in options.only], options.parts, amounts, measured)
        version = sides.ask(server.dsn, "SHOW server_version")
        libraries = find_versions(options.peer_python)
    system = f"{platform.system()} {platform.release()} on {os.cpu_count()} cores ({platform.machine()})"
    amount = f"{amounts.jobs:,} jobs a drain ({amounts.jobs_slow:,} of DBOS and of Procrastinate)"
    measured.facts = [
        f"{system}, load {load:.1f} before and {os.getloadavg()[0]:.1f} after, its own included",
        f"Python {platform.python_version()}, Postgres {version} (fsync and synchronous_commit on), {libraries}",
        f"{datetime.now(UTC):%Y-%m-%d}; {measured.rounds} rounds, the median of each; {amount}",
    ]
    if options.keep:
        measured.write(options.keep)
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(write_report(measured), encoding="utf-8")


def measure_parts(
    sides: Sides, systems: Sequence[str], parts: Sequence[str], amounts: Amounts, measured: Measured
) -> None:
    """Take what is asked for: all systems in each round, so that a change of the machine's mood meets them all."""
    if "drain" in parts:
        for number in range(amounts.rounds):
            for system in systems:
                taken = measured.figures.setdefault(system, Figures())
                measure(sides, system, amounts, taken)
                tell(f"round {number + 1}: {system}: {taken.drain_per_s[-1]:.0f} jobs/s")
    if "pickup" in parts:
        for system in systems:
            if system in {"ours", *PEERS} - {"procrastinate-alone"}:
                taken = measured.figures.setdefault(system, Figures())
                measure_pickup(sides, system, amounts, taken)
                tell(f"pickup: {system}: {statistics.median(taken.pickup_s) * 1e3:.1f} ms")
    if "backlog" in parts:
        for system in systems:
            if system in BACKLOGGED:
                measured.backlogs[system] = measure_backlogs(sides, system, amounts)
                tell(f"backlog: {system}: {measured.backlogs[system]}")


def find_versions(python: str) -> str:
    script = (
        "from importlib.metadata import version\n"
        "print(', '.join(f'{name} {version(name)}' for name in ('pgqueuer', 'procrastinate', 'dbos')))"
    )
    return subprocess.run([python, "-c", script], capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()
