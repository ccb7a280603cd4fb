"""Runs on a real database: a worker of the control lane, runbooks of the tests' own, waits with generous deadlines."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from quantum_scheduler.app import build_handlers
from quantum_scheduler.incidents.model import Incident, NewIncident
from quantum_scheduler.incidents.paging.announce import NOBODY
from quantum_scheduler.incidents.respond import raise_incident
from quantum_scheduler.jobs.model import CONTROL_LANE
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.postgres.listen import notify_once
from quantum_scheduler.runbooks import store
from quantum_scheduler.runbooks.actions.desk import Parts
from quantum_scheduler.runbooks.answer import Speaker, answer_run
from quantum_scheduler.runbooks.read import read_document
from quantum_scheduler.runbooks.run_model import Run
from quantum_scheduler.runbooks.shelf import Book
from quantum_scheduler.runbooks.start import start_run
from quantum_scheduler.solving.pool import ProcessPool
from quantum_scheduler.worker import run_worker

T = TypeVar("T")
HEAD = (
    "---\nrunbook: {name}\nservice: s\nowner: o\nreview_by: 2099-01-01\non_call: quantum\n---\n# {name}\n## Detection\n"
)
PATIENCE_S = 60.0


def now() -> datetime:
    return datetime.now(UTC)


def write_book(body: str, *, name: str = "test") -> Book:
    text = HEAD.format(name=name) + body
    document = read_document(text)
    assert not document.findings, document.findings
    return Book(runbook=document.runbooks[0], text=text, path=Path(f"{name}.md"))


async def declare(pool: Pool, *, runbook: str = "test") -> Incident:
    new = NewIncident(title="Dynex is down", severity="P1", runbook=runbook)
    async with pool.acquire() as conn, conn.transaction():
        return (await raise_incident(conn, new, NOBODY, actor="watch", now=datetime.now(UTC)))[0]


async def start(pool: Pool, book: Book, incident: Incident | None = None) -> Run:
    async with pool.acquire() as conn:
        async with conn.transaction():
            run, notices = await start_run(conn, book, incident, NOBODY, by="ann", now=datetime.now(UTC))
        await notify_once(conn, notices)
    return run


async def answer(pool: Pool, run: Run, step: str | None, said: str, *, role: str | None = None) -> Run:
    async with pool.acquire() as conn:
        async with conn.transaction():
            speaker = Speaker(by="ann", role=role)
            moved, notices = await answer_run(conn, run.id, step, said, speaker, NOBODY, now=datetime.now(UTC))
        await notify_once(conn, notices)
    return moved


@asynccontextmanager
async def working(dsn: str) -> AsyncIterator[None]:
    """Have the control lane worked off while the block runs."""
    stop, executor = asyncio.Event(), ProcessPool(1)
    working = asyncio.create_task(
        run_worker(dsn, executor, lanes=[CONTROL_LANE], slots=4, stop=stop, handlers=build_handlers(Parts()))
    )
    try:
        yield
    finally:
        stop.set()
        await working
        await executor.close()


async def wait_for(look: Callable[[], Awaitable[T | None]]) -> T:
    """Look again until there is something, for as long as a slow machine may take."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await look()):  # noqa: ASYNC110  another process does it
            await asyncio.sleep(0.02)
    return found


async def wait_until(pool: Pool, run: Run, is_so: Callable[[Run], bool]) -> Run:
    async def look() -> Run | None:
        async with pool.acquire() as conn:
            found = await store.find(conn, run.id)
        assert found is not None
        return found if is_so(found) else None

    return await wait_for(look)


def is_over(run: Run) -> bool:
    return run.finished_at is not None


def is_asking(run: Run) -> bool:
    return bool(run.state.gates())
