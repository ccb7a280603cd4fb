"""Elect one leader among processes: whoever holds a lock in the database, for as long as its connection lives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from quantum_scheduler.postgres.connect import DRIVER_ERRORS, DirectConnection, connect, transient
from quantum_scheduler.postgres.model import DatabaseUnavailable

# Asking again and again rather than waiting in the database: a statement that waits holds on to a snapshot, and no row
# that dies meanwhile could be cleaned away.
ASK_EVERY_S = 0.25
ANSWER_TIMEOUT_S = 5.0
PROVE_EVERY_S = 1.0

TAKE = "SELECT pg_try_advisory_lock(hashtextextended('leader ' || $1, 0))"

log = structlog.get_logger(__name__)


@asynccontextmanager
async def lead(dsn: str, office: str, *, name: str) -> AsyncIterator[asyncio.Event]:
    """Wait until this process is the leader of `office`; lend the event that is set when it no longer is.

    `name` is how its session is called in the database, for as long as it leads or waits to. The office is free the
    moment that session ends. `dsn` must reach the server itself, not a pooler.
    """
    candidate = _Candidate(dsn, office, name)
    try:
        is_leader = await candidate.ask()
        while not is_leader:
            await asyncio.sleep(ASK_EVERY_S)
            is_leader = await candidate.ask()
        proving = asyncio.create_task(candidate.prove_always())
        try:
            yield candidate.lost
        finally:
            proving.cancel()
            await asyncio.gather(proving, return_exceptions=True)
    finally:
        candidate.leave()


class _Candidate:
    """A connection that holds the lock of an office, or asks for it."""

    def __init__(self, dsn: str, office: str, name: str) -> None:
        self.lost = asyncio.Event()
        self._dsn = dsn
        self._office = office
        self._name = name
        self._connection: DirectConnection | None = None

    async def ask(self) -> bool:
        """Ask for the office once, and say whether it is ours."""
        try:
            if self._connection is None:
                self._connection = await connect(
                    self._dsn, application_name=self._name, command_timeout_s=ANSWER_TIMEOUT_S
                )
            is_ours: bool = await self._connection.fetchval(TAKE, self._office)
        except (DatabaseUnavailable, *DRIVER_ERRORS) as error:
            if not transient(error):
                raise
            log.warning("election.database_away", office=self._office, reason=str(error) or type(error).__name__)
            self.leave()
            return False
        if is_ours:
            self._connection.add_termination_listener(lambda _: self.lost.set())
        return is_ours

    async def prove_always(self) -> None:
        """Ask for an answer now and then, because a connection may be cut without a word."""
        assert self._connection is not None
        while not self.lost.is_set():
            await asyncio.sleep(PROVE_EVERY_S)
            try:
                await self._connection.execute("SELECT 1")
            except DRIVER_ERRORS as error:
                log.warning("election.lost", office=self._office, reason=str(error) or type(error).__name__)
                self.lost.set()

    def leave(self) -> None:
        """Give the office up. May be called twice."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
