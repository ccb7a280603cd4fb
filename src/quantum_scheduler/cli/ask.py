"""Ask the database itself one thing, or change one; works also when the API is down."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

from quantum_scheduler.app import open_database
from quantum_scheduler.jobs.model import JOB_CHANGED, TASK_READY
from quantum_scheduler.jobs.queue_model import Changed
from quantum_scheduler.postgres.connect import Connection, connect
from quantum_scheduler.postgres.listen import Notifier
from quantum_scheduler.postgres.migrate import require_migrated
from quantum_scheduler.settings import read_settings

T = TypeVar("T")


def ask_database(question: Callable[[Connection], Awaitable[T]]) -> T:
    """Ask one thing, or change one, in a transaction. Raises DatabaseUnavailable, MigrationRefused."""
    with open_database(read_settings(os.environ), may_start=False) as database:
        return asyncio.run(_run(database.dsn, question))


def ask_freely(question: Callable[[Connection], Awaitable[T]]) -> T:
    """Ask one thing that takes its time, and opens a transaction by itself where it needs one.

    Raises DatabaseUnavailable, MigrationRefused.
    """
    with open_database(read_settings(os.environ), may_start=False) as database:
        return asyncio.run(_run_freely(database.dsn, question))


def change_queue(action: Callable[[Connection], Awaitable[Changed]]) -> Changed:
    """Do something to the queue, and tell workers and customers once it is committed."""
    with open_database(read_settings(os.environ), may_start=False) as database:
        return asyncio.run(_change_and_tell(database.dsn, action))


async def _change_and_tell(dsn: str, action: Callable[[Connection], Awaitable[Changed]]) -> Changed:
    changed = await _run(dsn, action)
    async with Notifier(dsn) as notifier:
        for job_id in changed.job_ids:
            notifier.notify(JOB_CHANGED, str(job_id))
        for lane in changed.ready_lanes:
            notifier.notify(TASK_READY, lane)
    return changed


async def _run(dsn: str, question: Callable[[Connection], Awaitable[T]]) -> T:
    async def ask(conn: Connection) -> T:
        async with conn.transaction():
            return await question(conn)

    return await _run_freely(dsn, ask)


async def _run_freely(dsn: str, question: Callable[[Connection], Awaitable[T]]) -> T:
    conn = await connect(dsn, statement_cache=False)
    try:
        await require_migrated(conn)
        return await question(conn)
    finally:
        await conn.close()
