import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from quantum_scheduler.postgres.connect import Connection, Pool, connect
from quantum_scheduler.postgres.migrate import migrate, migration_status
from quantum_scheduler.postgres.model import MigrationRefused

TWO_TABLES = {
    "0001_cats.sql": "CREATE TABLE cat (name text);\nINSERT INTO cat VALUES ('Tom');\n",
    "0002_dogs.sql": "CREATE TABLE dog (name text);\n",
}

MIGRATE = """
import asyncio, json, sys
from pathlib import Path
from quantum_scheduler.postgres.connect import connect
from quantum_scheduler.postgres.migrate import migrate

async def main():
    connection = await connect(sys.argv[1])
    sys.stdin.readline()
    print(json.dumps(await migrate(connection, folder=Path(sys.argv[2]))))
    await connection.close()

asyncio.run(main())
"""


@pytest_asyncio.fixture
async def conn(empty_dsn: str) -> AsyncIterator[Connection]:
    connection = await connect(empty_dsn)
    yield connection
    await connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, TWO_TABLES)
    return tmp_path


def write(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode())


async def states(conn: Connection, folder: Path) -> list[tuple[str, str]]:
    return [(one.name, one.state) for one in await migration_status(conn, folder=folder)]


async def test_migrations_are_applied_in_order_and_once(conn: Connection, folder: Path) -> None:
    assert await states(conn, folder) == [("0001_cats", "pending"), ("0002_dogs", "pending")]
    assert await migrate(conn, folder=folder) == ["0001_cats", "0002_dogs"]
    assert await migrate(conn, folder=folder) == []
    assert await states(conn, folder) == [("0001_cats", "applied"), ("0002_dogs", "applied")]
    assert await conn.fetchval("SELECT count(*) FROM cat") == 1


async def test_the_programs_own_migrations_are_complete(pool: Pool) -> None:
    async with pool.acquire() as conn:
        statuses = await migration_status(conn)
    assert statuses
    assert {one.state for one in statuses} == {"applied"}


async def test_processes_that_start_at_once_apply_each_migration_once(empty_dsn: str, folder: Path) -> None:
    write(folder, {"0003_slow.sql": "SELECT pg_sleep(0.2); CREATE TABLE slow ();"})
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            MIGRATE,
            empty_dsn,
            str(folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(3)
    ]
    printed = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    applied = [name for out, _ in printed for name in json.loads(out)]
    assert sorted(applied) == ["0001_cats", "0002_dogs", "0003_slow"]


async def test_a_migration_that_was_changed_after_it_was_applied_is_refused(conn: Connection, folder: Path) -> None:
    await migrate(conn, folder=folder)
    write(
        folder,
        {"0001_cats.sql": "CREATE TABLE cat (name text, lives integer);", "0003_cows.sql": "CREATE TABLE cow ();"},
    )
    with pytest.raises(MigrationRefused, match="0001_cats was changed after it was applied"):
        await migrate(conn, folder=folder)
    assert await states(conn, folder) == [("0001_cats", "changed"), ("0002_dogs", "applied"), ("0003_cows", "pending")]


async def test_line_ends_do_not_change_a_migration(conn: Connection, folder: Path) -> None:
    await migrate(conn, folder=folder)
    write(folder, {name: text.replace("\n", "\r\n") for name, text in TWO_TABLES.items()})
    assert await migrate(conn, folder=folder) == []


async def test_a_database_newer_than_the_program_is_refused(conn: Connection, folder: Path) -> None:
    await migrate(conn, folder=folder)
    (folder / "0002_dogs.sql").unlink()
    with pytest.raises(MigrationRefused, match="newer than this program: it has 0002_dogs"):
        await migrate(conn, folder=folder)
    assert await states(conn, folder) == [("0001_cats", "applied"), ("0002_dogs", "unknown")]


async def test_a_migration_that_fails_leaves_nothing_and_those_before_it_stay(conn: Connection, folder: Path) -> None:
    write(folder, {"0003_wrong.sql": "CREATE TABLE cow (); CREATE TABLE cat ();", "0004_later.sql": ""})
    with pytest.raises(MigrationRefused, match='0003_wrong fails: relation "cat" already exists'):
        await migrate(conn, folder=folder)
    assert await conn.fetchval("SELECT to_regclass('cow')") is None
    assert [state for _, state in await states(conn, folder)] == ["applied", "applied", "pending", "pending"]


async def test_a_migration_must_not_end_its_transaction(conn: Connection, folder: Path) -> None:
    write(folder, {"0003_eager.sql": "COMMIT;"})
    with pytest.raises(MigrationRefused, match="0003_eager must not begin, commit or roll back"):
        await migrate(conn, folder=folder)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("0004_cows.sql", "there is no migration 0003 before 0004_cows"),
        ("0002_cows.sql", "two migrations have the number 2: rename 0002_dogs"),
        ("cows.sql", "named like 0001_accounts.sql, not cows.sql"),
    ],
)
async def test_files_out_of_order_are_refused(conn: Connection, folder: Path, name: str, reason: str) -> None:
    write(folder, {name: ""})
    with pytest.raises(MigrationRefused, match=reason):
        await migrate(conn, folder=folder)
