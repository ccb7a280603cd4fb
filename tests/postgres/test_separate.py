"""The wall between organisations stands for whoever owns the database, or says that it does not."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from structlog.testing import capture_logs

from quantum_scheduler.postgres.backup import backup
from quantum_scheduler.postgres.connect import Connection, connect, open_pool
from quantum_scheduler.postgres.migrate import migrate
from quantum_scheduler.postgres.separate import CUSTOMER_ROLE, MAKE_ROLE, RowWall

COUNT = "SELECT count(*) FROM organisation"


@asynccontextmanager
async def own(conn: Connection, dsn: str) -> AsyncIterator[str]:
    """An owner of the database who is no superuser."""
    name = f"owner_{uuid4().hex[:8]}"
    await conn.execute(f"CREATE ROLE {name} LOGIN")
    await conn.execute(f"ALTER SCHEMA public OWNER TO {name}")
    try:
        yield urlsplit(dsn)._replace(netloc=f"{name}@").geturl()
    finally:
        await conn.execute(f"DROP OWNED BY {name} CASCADE")
        await conn.execute(f"DROP ROLE {name}")


async def test_an_owner_who_was_given_the_role_gets_the_wall_and_passes_it(empty_dsn: str) -> None:
    conn = await connect(empty_dsn)
    await conn.execute(f"GRANT CREATE ON DATABASE {urlsplit(empty_dsn).path[1:]} TO PUBLIC")
    await conn.execute(MAKE_ROLE)
    async with own(conn, empty_dsn) as dsn:
        await conn.execute(f"GRANT {CUSTOMER_ROLE} TO {urlsplit(dsn).username}")
        owner = await connect(dsn)
        await migrate(owner)
        await migrate(owner)
        for name in ("a", "b"):
            await owner.execute("INSERT INTO organisation (name) VALUES ($1)", name)
        org_id = await owner.fetchval("SELECT id FROM organisation WHERE name = 'a'")
        assert await owner.fetchval(COUNT) == 2
        pool = await open_pool(dsn)
        async with RowWall(pool).enter(org_id) as behind:
            assert await behind.fetchval("SELECT current_user") == CUSTOMER_ROLE
            assert await behind.fetchval(COUNT) == 1
        pool.terminate()
        await owner.close()
    await conn.close()


async def test_an_owner_who_may_not_make_roles_is_told_and_works_on_without_it(empty_dsn: str) -> None:
    conn = await connect(empty_dsn)
    await conn.execute(f"GRANT CREATE ON DATABASE {urlsplit(empty_dsn).path[1:]} TO PUBLIC")
    async with own(conn, empty_dsn) as dsn:
        owner = await connect(dsn)
        with capture_logs() as logs:
            await migrate(owner)
        assert [line["missing_role"] for line in logs] == [CUSTOMER_ROLE]
        pool = await open_pool(dsn)
        async with RowWall(pool).enter(uuid4()) as unwalled:
            assert await unwalled.fetchval(COUNT) == 0
        pool.terminate()
        await owner.close()
    await conn.close()


async def test_a_view_shows_what_whoever_looks_may_see(dsn: str) -> None:
    conn = await connect(dsn)
    await conn.execute("CREATE VIEW names AS SELECT name FROM organisation")
    for name in ("a", "b"):
        await conn.execute("INSERT INTO organisation (name) VALUES ($1)", name)
    org_id = await conn.fetchval("SELECT id FROM organisation WHERE name = 'a'")
    await migrate(conn)
    pool = await open_pool(dsn)
    async with RowWall(pool).enter(org_id) as behind:
        assert [row["name"] for row in await behind.fetch("SELECT name FROM names")] == ["a"]
    assert await conn.fetchval("SELECT count(*) FROM names") == 2
    pool.terminate()
    await conn.close()


async def test_the_wall_stands_again_when_a_backup_was_restored(dsn: str, tmp_path: Path) -> None:
    file = tmp_path / "one.backup"
    backup(dsn, file)
    restoring = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "quantum_scheduler", "db", "restore", str(file), "--yes"),
        env={**os.environ, "DATABASE_URL": dsn, "QUANTUM_SCHEDULER_DATA_DIR": str(tmp_path / "data")},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaints = await restoring.communicate()
    assert restoring.returncode == 0, complaints
    pool = await open_pool(dsn)
    async with RowWall(pool).enter(uuid4()) as behind:
        assert await behind.fetchval("SELECT current_user") == CUSTOMER_ROLE
        assert await behind.fetchval(COUNT) == 0
        assert await behind.fetchval("SELECT count(*) FROM job") == 0
    pool.terminate()
