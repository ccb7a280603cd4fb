"""A service without a socket: the real application on a real database, its clock in the test's hand."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import httpx2
from altcha.v1 import solve_challenge

from quantum_scheduler.accounts.issue import issue_key
from quantum_scheduler.accounts.login.desk import LoginDesk, LoginOptions, LoginParts, ProviderOptions
from quantum_scheduler.accounts.login.password import Argon2Cost
from quantum_scheduler.accounts.login.totp import STEP_S, write_code
from quantum_scheduler.accounts.mail.port import Mail
from quantum_scheduler.accounts.model import Role
from quantum_scheduler.accounts.pepper import Peppers
from quantum_scheduler.api import create_api
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.postgres.listen import Listener, Notifier
from quantum_scheduler.solving.pool import ProcessPool

# What a comparison costs is not what these tests are about.
CHEAP = Argon2Cost(memory_kib=8, passes=1)
PASSWORD = "marmalade orbit teacup violin"
OTHER_PASSWORD = "seventeen quiet lighthouses blink"
PEPPERS = Peppers(secrets={1: bytes(range(32))})
PROXY = "192.0.2.1"
BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROOF_NUMBER_MAX = 20


@dataclass
class Clock:
    """The time, as the test has it."""

    at: datetime = BEGIN

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Mailbox:
    """Mail that was sent."""

    mails: list[Mail] = field(default_factory=list)

    async def send(self, mail: Mail) -> None:
        self.mails.append(mail)

    def token_for(self, email: str, page: str) -> str:
        """The token of the latest link to a page that was sent to somebody."""
        found = [re.search(rf"/account/{page}\?token=(\S+)", mail.text) for mail in self.mails if mail.to == email]
        return [match[1] for match in found if match][-1]


@dataclass
class House:
    """The service, and what a test needs to look inside."""

    pool: Pool
    api: Any
    clock: Clock
    mailbox: Mailbox

    @property
    def desk(self) -> LoginDesk:
        desk: LoginDesk = self.api.state.desk
        return desk

    @asynccontextmanager
    async def visitor(self, address: str = "198.51.100.7", **options: Any) -> AsyncIterator["Visitor"]:
        """Somebody at an address, with a cookie jar of their own."""
        transport = httpx2.ASGITransport(app=self.api, client=(PROXY, 1234))
        headers = {"X-Forwarded-For": address}
        base_url = self.desk.options.public_url
        async with httpx2.AsyncClient(transport=transport, base_url=base_url, headers=headers, **options) as http:
            yield Visitor(self, http)

    async def add_organisation(self, name: str = "Acme") -> UUID:
        async with self.pool.acquire() as conn:
            org_id: UUID = await conn.fetchval("INSERT INTO organisation (name) VALUES ($1) RETURNING id", name)
        return org_id

    async def add_user(
        self, email: str, *, org_id: UUID | None = None, roles: Sequence[Role] = ("customer",), password: str = PASSWORD
    ) -> UUID:
        """Write somebody down who has accepted an invitation."""
        org_id = org_id or await self.add_organisation()
        hashed = await self.desk.passwords.hash(password)
        async with self.pool.acquire() as conn:
            user_id: UUID = await conn.fetchval(
                "INSERT INTO person (email, name, password_hash) VALUES ($1, 'Ada', $2) RETURNING id", email, hashed
            )
            await conn.execute(
                "INSERT INTO membership (org_id, user_id, roles) VALUES ($1, $2, $3)", org_id, user_id, list(roles)
            )
        return user_id

    async def add_key(self, org_id: UUID, *scopes: str) -> str:
        async with self.pool.acquire() as conn, conn.transaction():
            return await issue_key(conn, org_id, peppers=PEPPERS, scopes=scopes or ("jobs:read", "jobs:write"))

    async def count(self, statement: str, *arguments: object) -> int:
        async with self.pool.acquire() as conn:
            return int(await conn.fetchval(statement, *arguments))

    async def list_actions(self) -> list[str]:
        async with self.pool.acquire() as conn:
            rows = await conn.fetch("SELECT action FROM audit_entry ORDER BY seq")
        return [row["action"] for row in rows]


@dataclass
class Visitor:
    """A program or a browser of somebody."""

    house: House
    http: httpx2.AsyncClient

    async def log_in(self, email: str, password: str = PASSWORD, **said: Any) -> httpx2.Response:
        return await self.http.post("/v1/login", json={"email": email, "password": password, **said})

    async def enter(self, email: str, password: str = PASSWORD, **said: Any) -> dict[str, Any]:
        """Log in and use the token from now on, or the cookie and its CSRF token."""
        answer = await self.log_in(email, password, **said)
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        if tokens["refresh_token"] is not None:
            self.http.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        else:
            self.http.headers["X-CSRF-Token"] = tokens["csrf_token"]
        return tokens

    async def solve(self) -> dict[str, Any]:
        """Do a proof of work."""
        challenge = (await self.http.get("/v1/login/challenge")).json()
        return solve(challenge)

    async def code(self, secret: str) -> str:
        """The code of an authenticator at this time."""
        return write_code(base64.b32decode(secret), int(self.house.clock().timestamp()) // STEP_S)

    async def set_factor(self) -> str:
        """Set a second factor up, and return its secret."""
        secret: str = (await self.http.post("/v1/totp")).json()["secret"]
        confirmed = await self.http.post("/v1/totp/confirm", json={"code": await self.code(secret)})
        assert confirmed.status_code == 200, confirmed.text
        return secret


def solve(challenge: dict[str, Any]) -> dict[str, Any]:
    number_max = challenge.pop("maxnumber")
    solution = solve_challenge(challenge["challenge"], challenge["salt"], "SHA-256", number_max)
    assert solution is not None
    return {**challenge, "number": solution.number}


@asynccontextmanager
async def open_house(
    pool: Pool,
    dsn: str,
    *,
    provider: ProviderOptions | None = None,
    public_url: str = "http://console.example",
    cost: Argon2Cost = CHEAP,
) -> AsyncIterator[House]:
    """Open the service on a database."""
    clock, mailbox = Clock(), Mailbox()
    options = LoginOptions(
        public_url=public_url,
        proxies=(ip_network(f"{PROXY}/32"),),
        proof_number_max=PROOF_NUMBER_MAX,
        now=clock,
    )
    parts = LoginParts(peppers=PEPPERS, mailer=mailbox, cost=cost, provider=provider, options=options)
    async with ProcessPool(1) as executor, Listener(dsn) as listener, Notifier(dsn) as notifier:
        api = create_api(
            pool=pool,
            listener=listener,
            notifier=notifier,
            executor=executor,
            stop=asyncio.Event(),
            request_bytes_max=2**20,
            login_parts=parts,
        )
        async with api.router.lifespan_context(api):
            yield House(pool, api, clock, mailbox)
