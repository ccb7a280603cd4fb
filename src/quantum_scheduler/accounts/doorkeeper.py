"""Tell who is asking, many thousand times a second: who has just been let in is known again without the database."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from quantum_scheduler.accounts.authenticate import Admission, admit_key
from quantum_scheduler.accounts.key import read_key_id
from quantum_scheduler.accounts.model import ACCESS_CHANGED, KeyMissing, KeyUnknown, Principal
from quantum_scheduler.accounts.pepper import Peppers
from quantum_scheduler.postgres.connect import Connection, Pool
from quantum_scheduler.postgres.listen import Listener

# A notice makes every process forget within milliseconds. Should one be lost, nothing is known for longer than this,
# so that a revoked key is worthless everywhere in less than a second.
FRESH_S = 0.9
KNOWN_MAX = 50_000
BEARER_LENGTH_MAX = 4_096

Ask = Callable[[Connection, str], Awaitable[Admission]]


class Doorkeeper:
    """Lets in who shows a live key, token or cookie. Use it as `async with Doorkeeper(...) as doorkeeper`.

    `admit_token` and `admit_cookie` ask the database for those; without them only keys are known.
    """

    def __init__(
        self,
        pool: Pool,
        listener: Listener,
        *,
        peppers: Peppers | None = None,
        admit_token: Ask | None = None,
        admit_cookie: Ask | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._listener = listener
        self._peppers = peppers
        self._admit_token = admit_token
        self._admit_cookie = admit_cookie
        self._monotonic = monotonic
        self._now = now
        self._known: dict[bytes, tuple[float, Principal]] = {}
        self._forgotten = 0
        self._task: asyncio.Task[None] | None = None

    async def admit(self, bearer: str | None) -> Principal:
        """Tell who holds a key or a token. Raises KeyMissing, KeyUnknown, AccessBlocked."""
        if not bearer:
            raise KeyMissing
        name = hashlib.sha256(bearer.encode(errors="surrogateescape")).digest()
        known = self._known.get(name)
        if known is not None and self._monotonic() < known[0]:
            return known[1]
        if len(bearer) > BEARER_LENGTH_MAX:
            raise KeyUnknown("this is neither a key nor a token of this service")
        if self._admit_token is not None and bearer.count(".") == 2:
            return await self._look(name, bearer, self._admit_token)
        read_key_id(bearer)  # garbage does not cost a connection
        return await self._look(name, bearer, self._ask_for_key)

    async def admit_cookie(self, text: str) -> Principal:
        """Tell whose session a cookie carries. Raises KeyMissing, SessionUnknown, AccessBlocked."""
        if self._admit_cookie is None:
            raise KeyMissing
        name = hashlib.sha256(b"cookie " + text.encode(errors="surrogateescape")).digest()
        known = self._known.get(name)
        if known is not None and self._monotonic() < known[0]:
            return known[1]
        return await self._look(name, text, self._admit_cookie)

    def forget(self) -> None:
        """Know nobody any more."""
        self._forgotten += 1
        self._known.clear()

    async def __aenter__(self) -> Self:
        """Begin to hear of what changes."""
        self._task = asyncio.create_task(self._hear(), name="accounts.doorkeeper")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look(self, name: bytes, text: str, ask: Ask) -> Principal:
        began, forgotten = self._monotonic(), self._forgotten
        async with self._pool.acquire() as conn:
            admission = await ask(conn, text)
        left_s = FRESH_S
        if admission.until is not None:
            left_s = min(left_s, (admission.until - self._now()).total_seconds())
        if forgotten == self._forgotten:  # else what was read may be of before the change
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            self._known[name] = (began + left_s, admission.principal)
        return admission.principal

    async def _ask_for_key(self, conn: Connection, key: str) -> Admission:
        return await admit_key(conn, key, peppers=self._peppers)

    async def _hear(self) -> None:
        with self._listener.subscribe(ACCESS_CHANGED) as notices:
            async for _ in notices:
                self.forget()
