"""Somebody who guesses passwords."""

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from itertools import cycle
from uuid import uuid4

import httpx2

from quantum_scheduler.accounts.actions import Doing, Target, require_proof_of_work, unblock
from quantum_scheduler.postgres.connect import Pool

# Where they come from: addresses of this machine that nobody else uses, so that blocking them hits nobody.
SOURCES = tuple(f"127.66.{number}.1" for number in range(8))
NETWORKS = tuple(f"127.66.{number}.0/24" for number in range(8))
# They begin all at once, because the door asks for work once many passwords were wrong; from each network with fewer
# names than make it shut that network out.
AT_ONCE = 7
EVERY_S = 0.25
TIMEOUT_S = 30.0


class LoginFault:
    """A stream of wrong logins at the real door, which stops when its time is over."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._until_s = 0.0
        self._guessing: asyncio.Task[None] | None = None

    async def inject(self, for_s: float) -> None:
        """Guess for so long from now on."""
        self._until_s = time.monotonic() + for_s
        if self._guessing is None or self._guessing.done():
            self._guessing = asyncio.create_task(self._guess())

    async def lift(self) -> None:
        """Guess no more."""
        if self._guessing is not None:
            self._guessing.cancel()
            with suppress(asyncio.CancelledError):
                await self._guessing
            self._guessing = None

    async def _guess(self) -> None:
        async with AsyncExitStack() as stack:
            doors = [await stack.enter_async_context(self._open(source)) for source in SOURCES]
            await asyncio.gather(*(_try_one(door) for door in doors for _ in range(AT_ONCE)))
            for door in cycle(doors):
                if time.monotonic() >= self._until_s:
                    return
                await _try_one(door)
                await asyncio.sleep(EVERY_S)

    def _open(self, source: str) -> httpx2.AsyncClient:
        from_there = httpx2.AsyncHTTPTransport(local_address=source)
        return httpx2.AsyncClient(base_url=self._url, transport=from_there, timeout=TIMEOUT_S)


async def let_in(pool: Pool) -> None:
    """Unblock where they came from, and ask nobody for work any more. Opens a transaction."""
    doing = Doing(now=datetime.now(UTC))
    async with pool.acquire() as conn, conn.transaction():
        for network in NETWORKS:
            await unblock(conn, Target(network=network), doing)
        await require_proof_of_work(conn, doing, for_s=0.0)


async def _try_one(door: httpx2.AsyncClient) -> None:
    whose = uuid4().hex
    with suppress(httpx2.HTTPError):
        await door.post("/v1/login", json={"email": f"{whose}@drill.example", "password": f"guessed {whose}"})
