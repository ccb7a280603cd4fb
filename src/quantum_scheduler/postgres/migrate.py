"""Bring the database to the shape that this program expects, one numbered file at a time."""

import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable

from asyncpg import exceptions

from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.postgres.model import AppliedMigration, Migration, MigrationRefused, MigrationStatus
from quantum_scheduler.postgres.separate import separate_rows

FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
TIMEOUT_S = 3600.0
LOCK = 0x7173_6D69  # any number that nobody else locks

CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
TAKE_LOCK = "SELECT pg_advisory_xact_lock($1)"
HAS_TABLE = "SELECT to_regclass('schema_migration') IS NOT NULL"
SELECT_APPLIED = "SELECT number, name, checksum, applied_at FROM schema_migration ORDER BY number"
INSERT_APPLIED = "INSERT INTO schema_migration (number, name, checksum) VALUES ($1, $2, $3)"


async def migrate(conn: Connection, *, folder: Traversable | None = None) -> list[str]:
    """Apply what is pending, in order and each file in a transaction of its own, and return the names applied.

    Any number of processes may do so at once: each file is applied once. `folder` holds files `NNNN_name.sql`; it is
    the program's own by default. Raises MigrationRefused; the files before the refused one stay applied.
    """
    migrations = read_migrations(folder)
    names: list[str] = []
    while (name := await _apply_next(conn, migrations)) is not None:
        names.append(name)
    return names


async def migration_status(conn: Connection, *, folder: Traversable | None = None) -> list[MigrationStatus]:
    """Say of each migration, of the program's and of the database's, where it stands. Raises MigrationRefused."""
    return _compare(read_migrations(folder), await _list_applied(conn))


async def require_migrated(conn: Connection) -> None:
    """Raise MigrationRefused where the database is not in the shape that this program expects."""
    statuses = await migration_status(conn)
    _refuse_misfits(statuses)
    if any(status.state == "pending" for status in statuses):
        raise MigrationRefused("the database is not up to date: run `quantum-scheduler db migrate`")


def read_migrations(folder: Traversable | None = None) -> list[Migration]:
    """Read the migrations in `folder`, in order. Raises MigrationRefused where numbers are missing or taken twice."""
    folder = folder or files("quantum_scheduler.postgres") / "migrations"
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    migrations = [_read_migration(folder, name) for name in names]
    for expected, migration in enumerate(migrations, start=1):
        if migration.number < expected:
            raise MigrationRefused(f"two migrations have the number {migration.number}: rename {migration.name}")
        if migration.number > expected:
            raise MigrationRefused(f"there is no migration {expected:04} before {migration.name}")
    return migrations


def _read_migration(folder: Traversable, name: str) -> Migration:
    match = FILE_NAME.fullmatch(name)
    if match is None:
        raise MigrationRefused(f"a migration is named like 0001_accounts.sql, not {name}")
    statements = (folder / name).read_text(encoding="utf-8").replace("\r\n", "\n")
    checksum = hashlib.sha256(statements.encode()).hexdigest()
    return Migration(number=int(match[1]), name=name.removesuffix(".sql"), checksum=checksum, statements=statements)


async def _apply_next(conn: Connection, migrations: Sequence[Migration]) -> str | None:
    async with conn.transaction():
        # The lock ends with the transaction, so that it also holds behind a pooler that shares sessions.
        await conn.execute(TAKE_LOCK, LOCK, timeout=TIMEOUT_S)
        await conn.execute(CREATE_TABLE)
        statuses = _compare(migrations, await _list_applied(conn))
        _refuse_misfits(statuses)
        pending = [status.number for status in statuses if status.state == "pending"]
        if not pending:
            await separate_rows(conn)
            return None
        migration = migrations[pending[0] - 1]
        await _apply(conn, migration)
        return migration.name


async def _apply(conn: Connection, migration: Migration) -> None:
    try:
        await conn.execute(migration.statements, timeout=TIMEOUT_S)
    except exceptions.PostgresError as error:
        if isinstance(error, exceptions.PostgresConnectionError | exceptions.OperatorInterventionError):
            raise
        raise MigrationRefused(f"{migration.name} fails: {error}") from error
    if not conn.is_in_transaction():
        raise MigrationRefused(f"{migration.name} must not begin, commit or roll back: it runs in a transaction")
    await conn.execute(INSERT_APPLIED, migration.number, migration.name, migration.checksum)


async def _list_applied(conn: Connection) -> list[AppliedMigration]:
    if not await conn.fetchval(HAS_TABLE):
        return []
    return [AppliedMigration(**row) for row in await conn.fetch(SELECT_APPLIED)]


def _compare(migrations: Sequence[Migration], applied: Sequence[AppliedMigration]) -> list[MigrationStatus]:
    remembered = {one.number: one for one in applied}
    ours = [_judge(migration, remembered.pop(migration.number, None)) for migration in migrations]
    newer = [
        MigrationStatus(number=one.number, name=one.name, state="unknown", applied_at=one.applied_at)
        for one in remembered.values()
    ]
    return ours + newer


def _judge(migration: Migration, applied: AppliedMigration | None) -> MigrationStatus:
    if applied is None:
        return MigrationStatus(number=migration.number, name=migration.name, state="pending", applied_at=None)
    same = (applied.name, applied.checksum) == (migration.name, migration.checksum)
    return MigrationStatus(
        number=migration.number,
        name=migration.name,
        state="applied" if same else "changed",
        applied_at=applied.applied_at,
    )


def _refuse_misfits(statuses: Sequence[MigrationStatus]) -> None:
    for status in statuses:
        if status.state == "unknown":
            raise MigrationRefused(
                f"the database is newer than this program: it has {status.name}; upgrade the program"
            )
        if status.state == "changed":
            raise MigrationRefused(
                f"{status.name} was changed after it was applied: put it back, and add a new migration"
            )
