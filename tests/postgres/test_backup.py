import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from quantum_scheduler.postgres.backup import backup, psql, restore
from quantum_scheduler.postgres.connect import Connection, connect
from quantum_scheduler.postgres.migrate import migration_status
from quantum_scheduler.postgres.model import BackupFailed, DatabaseUnavailable, RestoreFailed

NOBODY_THERE = "postgresql://me:s3cret@127.0.0.1:1/db"


@pytest_asyncio.fixture
async def conn(dsn: str) -> AsyncIterator[Connection]:
    connection = await connect(dsn)
    await connection.execute("CREATE TABLE cat (name text, picture bytea, tags jsonb)")
    await connection.execute(
        "INSERT INTO cat SELECT 'Tom ' || n, '\\x00ff', '[\"ü\"]' FROM generate_series(1, 20000) AS n"
    )
    yield connection
    await connection.close()


def names(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def cats(conn: Connection) -> Any:
    return await conn.fetchval("SELECT md5(string_agg(cat::text, ',' ORDER BY name)) FROM cat")


async def test_what_is_saved_comes_back_and_nothing_else_stays(dsn: str, conn: Connection, tmp_path: Path) -> None:
    before = await cats(conn)
    size = backup(dsn, tmp_path / "one.backup")
    await conn.execute("DELETE FROM cat WHERE name LIKE '%7'; ALTER TABLE cat ADD newer text; CREATE TABLE dog ()")
    for _ in range(2):
        restore(dsn, tmp_path / "one.backup")
        assert await cats(conn) == before
        assert await conn.fetchval("SELECT to_regclass('dog')") is None
    assert {one.state for one in await migration_status(conn)} == {"applied"}
    backup(dsn, tmp_path / "two.backup")
    restore(dsn, tmp_path / "two.backup")
    assert await cats(conn) == before
    assert size == (tmp_path / "one.backup").stat().st_size


async def test_only_its_owner_may_read_a_backup(dsn: str, conn: Connection, tmp_path: Path) -> None:
    backup(dsn, tmp_path / "one.backup")
    assert stat.S_IMODE((tmp_path / "one.backup").stat().st_mode) == 0o600
    assert names(tmp_path) == ["one.backup"]


@pytest.mark.parametrize("damage", ["garbage", "empty", "cut short", "bit flipped"])
async def test_a_damaged_backup_changes_nothing(dsn: str, conn: Connection, tmp_path: Path, damage: str) -> None:
    before = await cats(conn)
    file = tmp_path / "one.backup"
    backup(dsn, file)
    good = file.read_bytes()
    middle = len(good) // 2
    flipped = good[:middle] + bytes(byte ^ 0xFF for byte in good[middle : middle + 64]) + good[middle + 64 :]
    file.write_bytes(
        {"garbage": b"meow" * 1000, "empty": b"", "cut short": good[:middle], "bit flipped": flipped}[damage]
    )
    with pytest.raises(
        RestoreFailed, match=r"one\.backup (is not a backup|cannot be restored, nothing was changed): "
    ) as refused:
        restore(dsn, file)
    assert "\n" not in str(refused.value)
    assert await cats(conn) == before


async def test_a_backup_of_another_program_is_refused(dsn: str, conn: Connection, tmp_path: Path) -> None:
    before = await cats(conn)
    await conn.execute("ALTER TABLE schema_migration RENAME TO theirs")
    backup(dsn, tmp_path / "theirs.backup")
    with pytest.raises(RestoreFailed, match="another program's database"):
        restore(dsn, tmp_path / "theirs.backup")
    assert await cats(conn) == before


async def test_a_file_that_is_not_there_cannot_be_restored(dsn: str, tmp_path: Path) -> None:
    with pytest.raises(RestoreFailed, match="is not there"):
        restore(dsn, tmp_path / "no.backup")


async def test_a_backup_that_cannot_be_written_leaves_what_was_there(dsn: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(BackupFailed, match="cannot be written: Is a directory"):
        backup(dsn, tmp_path / "folder")
    with pytest.raises(BackupFailed, match="cannot be written: No such file or directory"):
        backup(dsn, tmp_path / "nowhere" / "one.backup")
    assert names(tmp_path) == ["folder"]


async def test_a_database_that_is_not_there_is_said_so(dsn: str, tmp_path: Path) -> None:
    backup(dsn, tmp_path / "good.backup")
    (tmp_path / "old.backup").write_text("old")
    with pytest.raises(DatabaseUnavailable, match="Connection refused"):
        backup(NOBODY_THERE, tmp_path / "old.backup")
    with pytest.raises(DatabaseUnavailable, match="Connection refused"):
        restore(NOBODY_THERE, tmp_path / "good.backup")
    assert (tmp_path / "old.backup").read_text() == "old"


async def test_psql_runs_what_it_is_told(dsn: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert psql(dsn, ["--no-psqlrc", "-Atc", "SELECT 40 + 2"]) == 0
    assert psql(dsn, ["--no-psqlrc", "-c", "SELECT nonsense"]) == 1
    assert capfd.readouterr().out == "42\n"


@pytest.mark.parametrize("secret", ["postgres:s3cr%2Ft@", "postgres@"])
async def test_a_password_is_not_shown_in_the_list_of_processes(
    dsn: str, secret: str, capfd: pytest.CaptureFixture[str]
) -> None:
    url = dsn.replace("postgres@", secret) + "&password=s3cr%2Ft"
    assert psql(url, ["--no-psqlrc", "-c", r"\! echo $PGPASSWORD; tr '\0' ' ' < /proc/$PPID/cmdline"]) == 0
    password, arguments = capfd.readouterr().out.splitlines()
    assert password == "s3cr/t"
    assert "postgres@" in arguments
    assert "s3cr" not in arguments
