"""Statements that take long, because each waits for the same lock."""

import asyncio
from contextlib import suppress

from quantum_scheduler.postgres.connect import DirectConnection, connect

NAME = "quantum-scheduler drill"
# More at once than the runbook takes for normal.
WAITING = 5
# A lock of its own, so that nobody else waits for it.
TAKE = "SELECT pg_advisory_xact_lock(431348345964)"


class LockFault:
    """One session that keeps a lock, and others that wait for it.

    The server itself ends the first when its time is over, and then the others have it in turn.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._keeper: DirectConnection | None = None
        self._waiting: list[DirectConnection] = []
        self._statements: list[asyncio.Task[str]] = []

    async def inject(self, for_s: float) -> None:
        """Keep the lock for so long from now on; once the server, or somebody, has ended that, it is over."""
        if self._keeper is None:
            self._keeper = await self._open(for_s)
            await self._keeper.execute("BEGIN")
            await self._keeper.execute(TAKE)
            for _ in range(WAITING):
                conn = await self._open(for_s)
                self._waiting.append(conn)
                self._statements.append(asyncio.create_task(conn.execute(TAKE)))
        elif not self._keeper.is_closed():
            with suppress(Exception):  # it was closed just now
                await self._keeper.execute("SELECT 1")

    async def lift(self) -> None:
        """Wait for nothing any more."""
        for each in self._statements:
            each.cancel()
        await asyncio.gather(*self._statements, return_exceptions=True)
        for conn in (*self._waiting, *([] if self._keeper is None else [self._keeper])):
            conn.terminate()
        self._waiting.clear()
        self._statements.clear()

    async def _open(self, for_s: float) -> DirectConnection:
        settings = {"idle_in_transaction_session_timeout": f"{for_s:.0f}s"}
        return await connect(self._dsn, application_name=NAME, statement_cache=False, settings=settings)
