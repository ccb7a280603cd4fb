"""Connections that are taken and not given back."""

from contextlib import suppress

from quantum_scheduler.postgres.connect import DirectConnection, Pool, connect
from quantum_scheduler.postgres.metrics import connections_used_ratio, postgres_stats
from quantum_scheduler.postgres.model import DatabaseUnavailable

NAME = "quantum-scheduler drill"
# Above what the runbook raises, and below where nobody gets in any more.
USED_SHARE = 0.9
HELD_MAX = 400


class ConnectionsFault:
    """So many connections that few are left. Of each the server itself ends it once its time is over.

    They are taken once: those that somebody closes stay closed.
    """

    def __init__(self, dsn: str, pool: Pool) -> None:
        self._dsn = dsn
        self._pool = pool
        self._held: list[DirectConnection] = []
        self._is_taken = False

    async def inject(self, for_s: float) -> None:
        """Hold them for so long from now on."""
        if not self._is_taken:
            self._is_taken = True
            await self._take(for_s)
            return
        for each in self._held:
            if not each.is_closed():
                with suppress(Exception):  # it was closed just now
                    await each.execute(f"SET idle_session_timeout = '{for_s:.0f}s'")

    async def lift(self) -> None:
        """Give them back."""
        for each in self._held:
            each.terminate()
        self._held.clear()

    async def tidy(self) -> None:
        """Nothing is left."""

    async def _take(self, for_s: float) -> None:
        settings = {"idle_session_timeout": f"{for_s:.0f}s"}
        for _ in range(HELD_MAX):
            async with self._pool.acquire() as conn:
                if connections_used_ratio(await postgres_stats(conn)) >= USED_SHARE:
                    return
            with suppress(DatabaseUnavailable):
                held = await connect(self._dsn, application_name=NAME, statement_cache=False, settings=settings)
                self._held.append(held)
