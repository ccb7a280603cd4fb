"""Open the door: everything that letting people in needs, as long as the service lives."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from quantum_scheduler.accounts.authenticate import Admission
from quantum_scheduler.accounts.doorkeeper import Doorkeeper
from quantum_scheduler.accounts.login.desk import LoginDesk, LoginParts
from quantum_scheduler.accounts.login.oidc import Provider
from quantum_scheduler.accounts.login.password import PasswordPool
from quantum_scheduler.accounts.login.session import admit_session
from quantum_scheduler.accounts.login.token import admit_token
from quantum_scheduler.accounts.mail.post import Postbox
from quantum_scheduler.postgres.connect import Connection, Pool
from quantum_scheduler.postgres.listen import Listener


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """What stands at the door: who tells people apart, what logging in works with, and the provider if there is one."""

    doorkeeper: Doorkeeper
    desk: LoginDesk
    provider: Provider | None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keep it open for as long as the block lasts."""
        try:
            async with self.doorkeeper, self.desk.postbox:
                yield
        finally:
            self.desk.passwords.close()
            if self.provider is not None:
                await self.provider.close()


def build_entrance(pool: Pool, listener: Listener, parts: LoginParts) -> Entrance:
    """Put the parts together; nothing is opened yet."""
    desk = LoginDesk(
        pool=pool,
        peppers=parts.peppers,
        passwords=PasswordPool(cost=parts.cost, breached=parts.breached),
        postbox=Postbox(parts.mailer),
        options=parts.options,
    )

    async def by_token(conn: Connection, token: str) -> Admission:
        return await admit_token(conn, token, issuer=desk.issuer, now=desk.now())

    async def by_cookie(conn: Connection, text: str) -> Admission:
        return await admit_session(conn, text, peppers=desk.peppers, now=desk.now())

    doorkeeper = Doorkeeper(
        pool, listener, peppers=parts.peppers, admit_token=by_token, admit_cookie=by_cookie, now=desk.now
    )
    provider = None
    if parts.provider is not None:
        provider = Provider(parts.provider, redirect_uri=parts.options.provider_callback)
    return Entrance(doorkeeper=doorkeeper, desk=desk, provider=provider)
