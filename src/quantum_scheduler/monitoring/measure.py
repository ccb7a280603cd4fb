"""Measure from any shell: open the database that the environment names, ask, and close it again."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quantum_scheduler.monitoring.model import QueueStats

# ruff: noqa: PLC0415  whoever imports this module for its name alone should not wait for a database driver


def queue_stats(environ: Mapping[str, str] | None = None) -> "QueueStats":
    """Measure the queue now: its depth, oldest wait, average processing time, running and stuck jobs, lane by lane.

    Printed, it is a table. The database is that of DATABASE_URL, or the one running in the data folder; `environ` is
    the process's own unless given. Raises DatabaseUnavailable, PostgresUnavailable,
    MigrationRefused.
    """
    with _lend_database(os.environ if environ is None else environ) as dsn, ThreadPoolExecutor(1) as thread:
        # In a thread of its own, because a notebook already runs an event loop in this one.
        return thread.submit(lambda: asyncio.run(_measure(dsn))).result()


def find_data_dir(environ: Mapping[str, str]) -> Path:
    """Find the data folder as the settings do, which are above this room."""
    import platformdirs

    chosen = environ.get("QUANTUM_SCHEDULER_DATA_DIR") or platformdirs.user_data_path("quantum-scheduler")
    return Path(chosen).expanduser().resolve()


@contextmanager
def _lend_database(environ: Mapping[str, str]) -> Iterator[str]:
    if dsn := environ.get("DATABASE_URL"):
        yield dsn
        return
    from quantum_scheduler.postgres.embed import start_postgres
    from quantum_scheduler.postgres.model import DatabaseUnavailable

    data_dir = find_data_dir(environ)
    if not (data_dir / "postgres" / "postmaster.pid").exists():
        raise DatabaseUnavailable(
            f"no database is running in {data_dir}: run `quantum-scheduler up`, or set DATABASE_URL"
        )
    with start_postgres(data_dir) as server:
        yield server.dsn


async def _measure(dsn: str) -> "QueueStats":
    from quantum_scheduler.jobs import metrics
    from quantum_scheduler.jobs.pause import find_paused
    from quantum_scheduler.monitoring.model import QueueStats
    from quantum_scheduler.postgres.connect import connect
    from quantum_scheduler.postgres.migrate import require_migrated

    conn = await connect(dsn, application_name="quantum-scheduler queue_stats", statement_cache=False)
    try:
        await require_migrated(conn)
        stats, paused = await metrics.queue_stats(conn), await find_paused(conn)
    finally:
        await conn.close()
    return QueueStats(
        depth=metrics.queue_depth(stats),
        oldest_wait_s=metrics.oldest_wait_s(stats),
        avg_processing_time_s=metrics.avg_processing_time_s(stats),
        running=metrics.running(stats),
        sleeping=metrics.sleeping(stats),
        stuck=metrics.stuck_jobs(stats),
        takeovers=metrics.takeovers(stats),
        throughput_per_s=metrics.throughput_per_s(stats),
        lanes=tuple(stats),
        paused=tuple(paused),
    )
