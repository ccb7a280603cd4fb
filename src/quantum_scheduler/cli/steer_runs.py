"""What the command line does to runs, on the database itself."""

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from quantum_scheduler.app import build_audience, build_callers, build_parts, open_database
from quantum_scheduler.cli.ask import ask_database, ask_freely
from quantum_scheduler.cli.keep_peppers import find_peppers
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.monitoring.table import build_table
from quantum_scheduler.postgres.connect import Connection, open_pool
from quantum_scheduler.postgres.listen import notify_once
from quantum_scheduler.postgres.migrate import require_migrated
from quantum_scheduler.runbooks.answer import Speaker, abort_run, answer_run
from quantum_scheduler.runbooks.carry import Notices
from quantum_scheduler.runbooks.look_up import WholeRun, list_runs, read_run
from quantum_scheduler.runbooks.rehearse import Said, rehearse
from quantum_scheduler.runbooks.run_model import Run
from quantum_scheduler.runbooks.shelf import Book
from quantum_scheduler.runbooks.start import start_run
from quantum_scheduler.settings import read_settings

CONNECTIONS_MAX = 4
Move = Callable[[Connection, Audience, datetime], Awaitable[tuple[Run, Notices]]]


def start(book: Book, which: str | None) -> Run:
    """Start a run for an incident, or for none."""

    async def act(conn: Connection, audience: Audience, now: datetime) -> tuple[Run, Notices]:
        incident = None if which is None else await find_incident(conn, which)
        return await start_run(conn, book, incident, audience, by=getpass.getuser(), now=now)

    return _move(act)


def rehearse_run(book: Book, which: str | None) -> list[Said]:
    """Say what a run would do now."""
    settings = read_settings(os.environ)

    async def act(dsn: str) -> list[Said]:
        pool = await open_pool(dsn, size_max=CONNECTIONS_MAX, statement_cache=False)
        callers = build_callers(1)
        try:
            async with pool.acquire() as conn:
                await require_migrated(conn)
                incident = None if which is None else await find_incident(conn, which)
            parts = build_parts(settings, callers, find_peppers(settings))
            table = build_table(data_dir=settings.data_dir)
            return await rehearse(pool, book, incident, parts, table, now=datetime.now(UTC))
        finally:
            await callers.close()
            pool.terminate()

    with open_database(settings, may_start=False) as database:
        return asyncio.run(act(database.dsn))


def answer(run_id: int, step: str | None, said: str, *, role: str | None) -> Run:
    """Answer what a run asks, or will ask."""
    speaker = _speak(role)
    return _move(lambda conn, audience, now: answer_run(conn, run_id, step, said, speaker, audience, now=now))


def abort(run_id: int, why: str) -> Run:
    """Stop a run and have what it did taken back."""
    by = getpass.getuser()
    return _move(lambda conn, audience, now: abort_run(conn, run_id, audience, by=by, why=why, now=now))


def look(run_id: int) -> WholeRun:
    """Read all of a run."""
    return ask_database(lambda conn: read_run(conn, run_id))


def list_all(*, unfinished: bool) -> list[Run]:
    """List runs, newest first."""
    return ask_database(lambda conn: list_runs(conn, unfinished=unfinished))


def _speak(role: str | None) -> Speaker:
    name = getpass.getuser()
    return Speaker(by=name, names=frozenset({name}), role=role)


def _move(move: Move) -> Run:
    """Move a run in a transaction, and tell at once whoever must go on with it."""
    audience = build_audience(read_settings(os.environ))

    async def act(conn: Connection) -> Run:
        async with conn.transaction():
            run, notices = await move(conn, audience, datetime.now(UTC))
        await notify_once(conn, notices)
        return run

    return ask_freely(act)
