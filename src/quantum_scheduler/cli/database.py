"""Ask the database itself, as commands do that must work when the API is down."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from quantum_scheduler.app import open_database
from quantum_scheduler.cli.write import open_consoles, write_json
from quantum_scheduler.postgres.connect import Connection, connect
from quantum_scheduler.settings import read_settings

T = TypeVar("T")


def ask_database(question: Callable[[Connection], Awaitable[T]]) -> T:
    """Ask one thing of the database in a transaction, or change one. Raises DatabaseUnavailable."""
    with open_database(read_settings(os.environ), may_start=False) as database:
        return asyncio.run(_ask(database.dsn, question))


def answer(document: Any, lines: list[str], *, as_json: bool) -> int:
    """Print an answer, for a program or for a person."""
    if as_json:
        write_json(document)
    else:
        open_consoles()[0].print("\n".join(lines), soft_wrap=True)
    return 0


async def _ask(dsn: str, question: Callable[[Connection], Awaitable[T]]) -> T:
    conn = await connect(dsn, statement_cache=False)
    try:
        async with conn.transaction():
            return await question(conn)
    finally:
        await conn.close()
