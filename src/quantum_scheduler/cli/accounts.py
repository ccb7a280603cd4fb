"""What the commands on accounts share: they work on the database itself, also when the API is down."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from cyclopts import Parameter

from quantum_scheduler.accounts.actions import Doing
from quantum_scheduler.accounts.login.desk import LoginDesk
from quantum_scheduler.accounts.login.password import PasswordPool
from quantum_scheduler.accounts.mail.post import Postbox
from quantum_scheduler.accounts.pepper import register_peppers
from quantum_scheduler.app import build_login, open_database
from quantum_scheduler.cli.keep_peppers import keep_peppers
from quantum_scheduler.cli.write import open_consoles, write_json
from quantum_scheduler.postgres.connect import Connection, open_pool
from quantum_scheduler.settings import Settings, read_settings

T = TypeVar("T")
Question = Callable[[Connection, LoginDesk], Awaitable[T]]
Incident = Annotated[str | None, Parameter(help="Incident that this is done for; it goes into the audit log.")]


def ask(question: Question[T]) -> T:
    """Ask the database one thing, or change one, in a transaction."""
    settings = read_settings(os.environ)
    with open_database(settings, may_start=False) as database:
        return asyncio.run(_ask(database.dsn, settings, question))


def answer(document: Any, text: str, *, json: bool) -> int:
    """Print what came of it."""
    if json:
        write_json(document)
    else:
        open_consoles()[0].print(text, soft_wrap=True)
    return 0


def doing(incident: str | None) -> Doing:
    """Somebody at the command line does something now."""
    return Doing(incident_id=incident, now=datetime.now(UTC))


@asynccontextmanager
async def lend_desk(dsn: str, settings: Settings) -> AsyncIterator[LoginDesk]:
    """Lend what verbs of the accounts work with, for one thing at a time."""
    peppers = keep_peppers(settings)
    parts = build_login(settings, peppers, served_at=settings.api_url)
    pool = await open_pool(dsn, size_max=2, statement_cache=False)
    passwords = PasswordPool(cost=parts.cost)
    try:
        async with pool.acquire() as conn, conn.transaction():
            await register_peppers(conn, peppers)
        yield LoginDesk(
            pool=pool, peppers=peppers, passwords=passwords, postbox=Postbox(parts.mailer), options=parts.options
        )
    finally:
        passwords.close()
        await pool.close()


async def _ask(dsn: str, settings: Settings, question: Question[T]) -> T:
    async with lend_desk(dsn, settings) as desk, desk.pool.acquire() as conn, conn.transaction():
        return await question(conn, desk)
