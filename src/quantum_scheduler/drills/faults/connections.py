"""Connections that are taken and not given back."""

import time
from contextlib import suppress

from quantum_scheduler.postgres.connect import DirectConnection, Pool, connect
from quantum_scheduler.postgres.metrics import connections_used_ratio, postgres_stats
from quantum_scheduler.postgres.model import DatabaseUnavailable

NAME = "quantum-scheduler drill"
# Above what the runbook raises, and below where nobody gets in any more.
USED_SHARE = 0.9
HELD_MAX = 400
# They are touched so rarely that they look as idle as they are; the server ends them a lease later.
TOUCHED_EVERY_S = 60.0


class ConnectionsFault:
    """So many idle connections that few are left. The server itself ends each that nobody has touched for a while.

    They are taken once: those that somebody closes stay closed.
    """

    def __init__(self, dsn: str, pool: Pool, *, used_share: float = USED_SHARE) -> None:
        self._dsn = dsn
        self._pool = pool
        self._used_share = used_share
        self._held: list[DirectConnection] = []
        self._touched_s: float | None = None

    async def inject(self, for_s: float) -> None:
        """Hold them for so long from now on, and at most `TOUCHED_EVERY_S` longer."""
        if self._touched_s is None:
            self._touched_s = time.monotonic()
            await self._take(for_s)
        elif time.monotonic() - self._touched_s >= TOUCHED_EVERY_S:
            self._touched_s = time.monotonic()
            for each in self._held:
                with suppress(Exception):  # it was closed just now
                    await each.execute("SELECT 1")

    async def lift(self) -> None:
        """Give them back."""
        for each in self._held:
            each.terminate()
        self._held.clear()

    async def _take(self, for_s: float) -> None:
        settings = {"idle_session_timeout": f"{TOUCHED_EVERY_S + for_s:.0f}s"}
        for _ in range(HELD_MAX):
            async with self._pool.acquire() as conn:
                if connections_used_ratio(await postgres_stats(conn)) >= self._used_share:
                    return
            with suppress(DatabaseUnavailable):
                held = await connect(self._dsn, application_name=NAME, statement_cache=False, settings=settings)
                self._held.append(held)
