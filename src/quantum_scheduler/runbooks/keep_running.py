"""See to it that runs are started when they are due, and that none stands still."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from quantum_scheduler.expressions.registry import Registry
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.jobs.repeat import repeat
from quantum_scheduler.monitoring.table import describe_metrics
from quantum_scheduler.postgres.connect import Pool, open_pool
from quantum_scheduler.postgres.listen import notify_once
from quantum_scheduler.runbooks.actions.table import build_registry
from quantum_scheduler.runbooks.shelf import read_shelf
from quantum_scheduler.runbooks.start import revive_runs, start_due

LOOK_EVERY_S = 1.0
REVIVE_EVERY_S = 10.0
CONNECTIONS_MAX = 2


async def keep_running(
    dsn: str, audience: Audience, own: Path | None, *, stop: asyncio.Event, statement_cache: bool = True
) -> None:
    """Start and revive runs until `stop` is set; any number of processes may do so at once.

    Raises DatabaseUnavailable where the database cannot be reached at first.
    """
    pool = await open_pool(
        dsn, size_max=CONNECTIONS_MAX, application_name="quantum-scheduler runbooks", statement_cache=statement_cache
    )
    registry = build_registry(describe_metrics())
    work = [
        asyncio.create_task(repeat(partial(_start, pool, registry, audience, own), pause_s=LOOK_EVERY_S)),
        asyncio.create_task(repeat(partial(_revive, pool), pause_s=REVIVE_EVERY_S)),
    ]
    try:
        await stop.wait()
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        pool.terminate()


async def _start(pool: Pool, registry: Registry, audience: Audience, own: Path | None) -> None:
    """Start what is due, by the runbooks as they stand now."""
    shelf = await asyncio.to_thread(read_shelf, own)
    async with pool.acquire() as conn:
        notices = await start_due(conn, shelf, registry, audience, now=datetime.now(UTC))
        await notify_once(conn, notices)


async def _revive(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await revive_runs(conn, now=datetime.now(UTC))
