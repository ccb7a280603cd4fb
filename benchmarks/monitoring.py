"""Measure what watching costs: `python -m benchmarks.monitoring`.

On an embedded Postgres with a million finished jobs, everything is collected and every signal of every runbook looked
at, as the leader of the watch does it. Writes docs/benchmarks/monitoring.md: CPU of this process and of Postgres, as a
share of one core at the default interval. CPU is counted and not time, so load beside it makes it dearer, not wrong.
"""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from quantum_scheduler.accounts.model import LOCAL_ORG_ID
from quantum_scheduler.incidents.detection.raise_signals import Detector
from quantum_scheduler.incidents.paging.announce import NOBODY
from quantum_scheduler.jobs.metrics import AVERAGED_OVER_S
from quantum_scheduler.monitoring.collect import INTERVAL_S, collect
from quantum_scheduler.monitoring.history import History
from quantum_scheduler.monitoring.table import build_table
from quantum_scheduler.postgres.connect import DirectConnection, Pool, connect, open_pool
from quantum_scheduler.postgres.embed import start_postgres
from quantum_scheduler.postgres.migrate import migrate
from quantum_scheduler.runbooks.shelf import read_shelf
from quantum_scheduler.runbooks.signals import list_signals

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks" / "monitoring.md"
JOBS = 1_000_000
QUEUED = 100_000
SLOW_PER_S, FAST_PER_S = 5, 1_000
MONTH_S = 30 * 86_400.0
SHARE_MAX = 0.03
WARM_UP = 4
# Two minutes of samples, in which minutes are added up twice.
PASSES = 24
# Plans are not parallel, so that all their CPU is in processes that stay; what is measured is not written meanwhile.
SETTINGS = {"max_parallel_workers_per_gather": "0", "autovacuum": "off"}

# Jobs that took a second and ended within $3 seconds up to $4 seconds ago; of every hundred one failed.
ADD_FINISHED = """
INSERT INTO job (org_id, name, state, priority, backend, lane, problem, summary, fingerprint, time_limit_s, seed,
    use_cache, created_at, started_at, finished_at)
SELECT $1, '', CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'succeeded' END, n % 4, 'auto', 'solve.classical', '', '{}',
    md5(n::text), 1, 0, true, at - interval '2 seconds', at - interval '1 second', at
FROM generate_series(1, $2) AS n
CROSS JOIN LATERAL (SELECT now() - ($4 + $3 * n::float8 / $2) * interval '1 second' AS at) AS ended
"""

ADD_QUEUED = """
WITH added AS (
    INSERT INTO job
        (org_id, name, priority, backend, lane, problem, summary, fingerprint, time_limit_s, seed, use_cache)
    SELECT $1, '', n % 4, 'auto', 'solve.classical', '', '{}', md5(n::text), 1, 0, true FROM generate_series(1, $2) AS n
    RETURNING id, org_id, priority, lane
)
INSERT INTO task (lane, org_id, kind, priority, job_id, state)
SELECT lane, org_id, 'solve', priority, id, 'ready' FROM added
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """CPU in seconds that passes took on average, here and in Postgres."""

    what: str
    own_s: float
    postgres_s: float

    @property
    def share(self) -> float:
        """Of one core, at the default interval."""
        return (self.own_s + self.postgres_s) / INTERVAL_S


class Watch:
    """Collects and looks at signals as the leader of the watch does."""

    def __init__(self, pool: Pool, postmaster: psutil.Process, filler: DirectConnection) -> None:
        self._pool = pool
        self._postmaster = postmaster
        self._filler = filler
        self._table = build_table()
        self._history = History(self._table)
        backends = {each.name: each.labels["backend"] for each in self._table.values() if "backend" in each.labels}
        signals = list_signals(book.runbook for book in read_shelf(None).books.values())
        self._detector = Detector(signals, NOBODY, backends=backends)
        self._now = datetime.now(UTC)
        self.facts = f"{len(self._table.sampled)} metrics and {len(signals)} signals"

    async def measure(self, what: str, *, per_s: int) -> Cost:
        """Take passes while so many jobs finish a second, which is done between them."""
        await self._filler.execute("VACUUM ANALYZE")
        costs = [await self._pass(per_s) for _ in range(WARM_UP + PASSES)][WARM_UP:]
        own_s, postgres_s = (sum(column) / PASSES for column in zip(*costs, strict=True))
        cost = Cost(what=what, own_s=own_s, postgres_s=postgres_s)
        sys.stderr.write(f"{what}: {cost.share:.2%} of a core\n")
        return cost

    async def _pass(self, per_s: int) -> tuple[float, float]:
        await self._filler.execute(ADD_FINISHED, LOCAL_ORG_ID, int(per_s * INTERVAL_S), INTERVAL_S, 0.0)
        self._now += timedelta(seconds=INTERVAL_S)
        own_s, postgres_s = time.process_time(), self._postgres_s()
        await collect(self._pool, self._table, self._history, self._detector, now=self._now)
        return time.process_time() - own_s, self._postgres_s() - postgres_s

    def _postgres_s(self) -> float:
        return sum(_cpu_s(each.pid) for each in (self._postmaster, *self._postmaster.children()))


def _cpu_s(pid: int) -> float:
    """How long a process of one thread has run so far; the usual counters know only hundredths of a second."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    except FileNotFoundError:  # it has ended meanwhile
        return 0.0


async def measure_all(dsn: str, postmaster: psutil.Process, jobs: int, *, backlog: bool) -> tuple[list[Cost], str]:
    """Measure every load, one after the other."""
    filler, pool = await connect(dsn), await open_pool(dsn)
    try:
        await migrate(filler)
        await filler.execute("INSERT INTO organisation (id, name) VALUES ($1, 'Local')", LOCAL_ORG_ID)
        await filler.execute(ADD_FINISHED, LOCAL_ORG_ID, jobs, MONTH_S, 2 * AVERAGED_OVER_S)
        watch = Watch(pool, postmaster, filler)
        costs = [await watch.measure("idle", per_s=0)]
        await _fill_window(filler, SLOW_PER_S)
        costs.append(await watch.measure(f"{SLOW_PER_S} jobs/s finish", per_s=SLOW_PER_S))
        if backlog:
            await filler.execute(ADD_QUEUED, LOCAL_ORG_ID, QUEUED)
            costs.append(await watch.measure(f"{QUEUED:,} queued, {SLOW_PER_S} jobs/s finish", per_s=SLOW_PER_S))
            await filler.execute("TRUNCATE task")
        await _fill_window(filler, FAST_PER_S)
        costs.append(await watch.measure(f"{FAST_PER_S:,} jobs/s finish", per_s=FAST_PER_S))
        return costs, watch.facts
    finally:
        await pool.close()
        await filler.close()


async def _fill_window(filler: DirectConnection, per_s: int) -> None:
    """Have jobs finished at this rate for as long as metrics look back."""
    await filler.execute(ADD_FINISHED, LOCAL_ORG_ID, int(per_s * AVERAGED_OVER_S), AVERAGED_OVER_S, INTERVAL_S)


def write_report(costs: Sequence[Cost], facts: Sequence[str]) -> str:
    """Write the page."""
    lines = ["# What watching costs, measured", "", *(f"- {fact}" for fact in facts)]
    lines += ["- Again: `python -m benchmarks.monitoring`", ""]
    lines += ["| | own CPU a sample | Postgres CPU a sample | of one core | wanted | |", "|---|---|---|---|---|---|"]
    for each in costs:
        verdict = "held" if each.share < SHARE_MAX else "**missed**"
        figures = f"{each.own_s * 1e3:.0f} ms | {each.postgres_s * 1e3:.0f} ms | {each.share:.1%}"
        lines.append(f"| {each.what} | {figures} | < {SHARE_MAX:.0%} | {verdict} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=JOBS, help="how many finished jobs there are from before")
    parser.add_argument("--no-backlog", dest="backlog", action="store_false", help="leave the queued jobs out")
    parser.add_argument("--report", type=Path, default=PAGE, help="where to write")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory(prefix="qs-") as folder,
        start_postgres(Path(folder), settings=SETTINGS) as server,
    ):
        pid = int((server.cluster / "postmaster.pid").read_text(encoding="ascii").split("\n")[0])
        measuring = measure_all(server.dsn, psutil.Process(pid), options.jobs, backlog=options.backlog)
        costs, watched = asyncio.run(measuring)
    system = f"{platform.system()} {platform.release()} on {os.cpu_count()} cores"
    facts = [
        f"{system}, load {load:.1f} before and {os.getloadavg()[0]:.1f} after, its own included",
        f"Python {platform.python_version()}, the embedded Postgres with {options.jobs:,} jobs that finished before",
        f"{datetime.now(UTC):%Y-%m-%d}; {watched}, every {INTERVAL_S:g} s, the mean of {PASSES} samples",
        "CPU of this process and of all of Postgres's, which plans nothing in parallel; not time spent waiting",
    ]
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(write_report(costs, facts), encoding="utf-8")


if __name__ == "__main__":
    main()
