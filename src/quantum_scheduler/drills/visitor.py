"""Somebody who logs in rightly while a drill goes on: shares of failed logins need logins that do not fail."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import httpx2
from altcha.v1 import solve_challenge

from quantum_scheduler.drills.beside import beside

EVERY_S = 3.0

# Invites an address; the token of the link.
Invite = Callable[[str], Awaitable[str]]


class Visitor:
    """A person with an account and a trusted device, through the real door.

    `http` is used by nobody else, for it keeps cookies, and may remove people.
    """

    def __init__(self, http: httpx2.AsyncClient, invite: Invite) -> None:
        self._http = http
        self._invite = invite
        self._email = f"visitor-{uuid4().hex}@drill.example"
        self._password = secrets.token_urlsafe(24)
        self._device: str | None = None
        self.entered = 0
        self.turned_away = 0

    @asynccontextmanager
    async def visiting(self) -> AsyncIterator[None]:
        """Log in every few seconds while the block runs; afterwards the account is closed."""
        token = await self._invite(self._email)
        joined = {"token": token, "name": "A visitor", "password": self._password}
        (await self._http.post("/v1/join", json=joined)).raise_for_status()
        try:
            async with beside(self._log_in_always()):
                yield
        finally:
            await asyncio.shield(self._leave())

    async def _log_in_always(self) -> None:
        while True:
            with suppress(httpx2.HTTPError):
                await self.log_in()
            await asyncio.sleep(EVERY_S)

    async def log_in(self) -> None:
        """Log in once, with a proof of work where one is asked for."""
        asked: dict[str, Any] = {"email": self._email, "password": self._password, "device": self._device}
        answer = await self._http.post("/v1/login", json=asked)
        if answer.is_error and self._device is None:
            proof = await self._work()
            answer = await self._http.post("/v1/login", json={**asked, "proof": proof})
        if answer.is_error:
            self.turned_away += 1
            return
        self.entered += 1
        self._device = answer.json()["device"] or self._device

    async def _work(self) -> dict[str, Any]:
        challenge = (await self._http.get("/v1/login/challenge")).raise_for_status().json()
        solution = await asyncio.to_thread(
            solve_challenge, challenge["challenge"], challenge["salt"], max_number=challenge["maxnumber"]
        )
        number = None if solution is None else solution.number
        kept = ("algorithm", "challenge", "salt", "signature")
        return {**{name: challenge[name] for name in kept}, "number": number}

    async def _leave(self) -> None:
        """Close the account: it is no member any more."""
        with suppress(httpx2.HTTPError):
            users = (await self._http.get("/v1/users")).raise_for_status().json()["items"]
            for each in users:
                if each["email"] == self._email:
                    await self._http.delete(f"/v1/users/{each['id']}")
