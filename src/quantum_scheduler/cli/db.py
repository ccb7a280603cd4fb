"""`db`: look after the database, whether it is the embedded one or the one that DATABASE_URL names.

Commands return their exit code. What they raise means: DatabaseUnavailable and PostgresUnavailable, exit code 4;
DatabaseUrlInvalid, MigrationRefused, BackupFailed, RestoreFailed, RestoreUnconfirmed, DataDirInUse,
DataDirUnusable and SettingInvalid, exit code 2.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.program import name_program
from quantum_scheduler.cli.write import open_consoles, write_json
from quantum_scheduler.postgres.backup import backup as save_database
from quantum_scheduler.postgres.backup import psql as run_psql
from quantum_scheduler.postgres.backup import restore as restore_database
from quantum_scheduler.postgres.connect import connect, name_database
from quantum_scheduler.postgres.embed import start_postgres
from quantum_scheduler.postgres.lock import hold_data_dir
from quantum_scheduler.postgres.migrate import migrate as apply_migrations
from quantum_scheduler.postgres.migrate import migration_status
from quantum_scheduler.postgres.model import MigrationStatus, PostgresUnavailable
from quantum_scheduler.postgres.separate import separate_rows
from quantum_scheduler.settings import Settings, read_settings

app = App(name="db", help="Look after the database.")


class RestoreUnconfirmed(Exception):  # noqa: N818
    """Nobody said that the database may be replaced."""


@app.command
def migrate(*, json: Json = False) -> int:
    """Bring the database to the shape that this release expects."""
    with _open_database(may_make=True) as dsn:
        names = asyncio.run(_migrate(dsn))
    answers, _ = open_consoles()
    if json:
        write_json({"applied": names})
    else:
        answers.print("\n".join(f"applied {name}" for name in names) or "nothing to do: the database is up to date")
    return 0


@app.command
def status(*, json: Json = False) -> int:
    """Say where the database is and which migrations it has had; exit code 1 when it needs `db migrate`."""
    with _open_database() as dsn:
        found = asyncio.run(_look(dsn))
        place = name_database(dsn)
    migrations: list[MigrationStatus] = found["migrations"]
    current = all(one.state == "applied" for one in migrations)
    if json:
        write_json(
            {"database": place, **found, "migrations": [_describe(one) for one in migrations], "current": current}
        )
    else:
        answers, _ = open_consoles()
        answers.print(f"{place}: Postgres {found['version']}, {found['bytes'] / 2**20:.1f} MiB")
        for one in migrations:
            when = f"{one.applied_at:%Y-%m-%d %H:%M:%S} UTC" if one.applied_at else ""
            answers.print(f"{one.state:8} {one.name:30} {when}".rstrip())
        answers.print("up to date" if current else f"not up to date: run `{name_program()} db migrate`")
    return 0 if current else 1


@app.command
def backup(file: Path, *, json: Json = False) -> int:
    """Save the database to FILE, readable by its owner only; jobs may go on meanwhile."""
    with _open_database() as dsn:
        size = save_database(dsn, file)
    answers, narration = open_consoles()
    if json:
        write_json({"file": str(file), "bytes": size})
    else:
        answers.print(f"saved {size} bytes to {file}")
        narration.print(f"to put it back: {name_program()} db restore {file}")
    return 0


@app.command
def restore(
    file: Path,
    *,
    yes: Annotated[bool, Parameter(negative=(), help="Replace the database without asking.")] = False,
    json: Json = False,
) -> int:
    """Replace all that the database holds by what FILE holds, whole or not at all."""
    with hold_data_dir(_settings().data_dir), _open_database(may_make=True) as dsn:
        if not (yes or _confirm(dsn, file)):
            return 1
        restore_database(dsn, file)
        asyncio.run(_separate(dsn))
    answers, narration = open_consoles()
    if json:
        write_json({"file": str(file), "restored": True})
    else:
        answers.print(f"restored {file}")
        narration.print(f"a backup of an older release: run `{name_program()} db migrate` next")
    return 0


@app.command
def psql(*arguments: Annotated[str, Parameter(name="ARGS", allow_leading_hyphen=True)]) -> int:
    """Open psql on the database; ARGS are psql's own, as in `db psql -c "select 1"`."""
    with _open_database() as dsn:
        return run_psql(dsn, arguments)


def _settings() -> Settings:
    return read_settings(os.environ)


@contextmanager
def _open_database(*, may_make: bool = False) -> Iterator[str]:
    """Hand out the URL of the database; the embedded server runs as long as somebody uses it."""
    settings = _settings()
    if settings.database_url is not None:
        yield settings.database_url
        return
    if not may_make and not (settings.data_dir / "postgres").exists():
        raise PostgresUnavailable(
            f"there is no database in {settings.data_dir} yet: run `quantum-scheduler db migrate`"
        )
    with start_postgres(settings.data_dir) as server:
        yield server.dsn


async def _migrate(dsn: str) -> list[str]:
    connection = await connect(dsn, statement_cache=_settings().database_statement_cache)
    try:
        return await apply_migrations(connection)
    finally:
        await connection.close()


async def _separate(dsn: str) -> None:
    """Give the grants again that a backup does not hold, so that a service that runs goes on."""
    connection = await connect(dsn, statement_cache=False)
    try:
        async with connection.transaction():
            await separate_rows(connection)
    finally:
        await connection.close()


async def _look(dsn: str) -> dict[str, Any]:
    connection = await connect(dsn, statement_cache=_settings().database_statement_cache)
    try:
        return {
            "version": await connection.fetchval("SELECT split_part(current_setting('server_version'), ' ', 1)"),
            "bytes": await connection.fetchval("SELECT pg_database_size(current_database())"),
            "migrations": await migration_status(connection),
        }
    finally:
        await connection.close()


def _describe(one: MigrationStatus) -> dict[str, Any]:
    applied_at = one.applied_at.isoformat() if one.applied_at else None
    return {"number": one.number, "name": one.name, "state": one.state, "applied_at": applied_at}


def _confirm(dsn: str, file: Path) -> bool:
    if not sys.stdin.isatty():
        raise RestoreUnconfirmed("restoring replaces all that the database holds: say --yes where nobody can be asked")
    _, narration = open_consoles()
    narration.print(f"Replace all that the database {name_database(dsn)} holds by {file}? Type yes to go on:", end=" ")
    if sys.stdin.readline().strip().lower() == "yes":
        return True
    narration.print("nothing was changed")
    return False
