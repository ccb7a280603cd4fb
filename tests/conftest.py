"""What every test may ask for: a real Postgres, and a database of its own that the migrations have run on."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from quantum_scheduler.postgres.connect import Pool, connect, open_pool
from quantum_scheduler.postgres.embed import EmbeddedPostgres, start_postgres
from quantum_scheduler.postgres.migrate import migrate

TEMPLATE = "migrated"
# A test database need not survive a power cut.
QUICK_AND_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the tests that take minutes."""
    parser.addoption("--long", action="store_true", help="also what takes minutes; chaos: 300 kills instead of a dozen")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless it is asked for."""
    if not config.getoption("--long", default=False):
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """One embedded server for the whole run; a test that restarts or kills a server starts its own."""
    data_dir = Path(tempfile.mkdtemp(prefix="qs-"))
    try:
        with start_postgres(data_dir, settings=QUICK_AND_UNSAFE) as server:
            yield server
    finally:
        shutil.rmtree(data_dir)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated_template(postgres_server: EmbeddedPostgres) -> str:
    """The name of a database with all migrations applied, to clone."""
    await _execute(postgres_server, f"CREATE DATABASE {TEMPLATE}")
    connection = await connect(postgres_server.database_url(TEMPLATE))
    try:
        await migrate(connection)
    finally:
        await connection.close()
    return TEMPLATE


@pytest_asyncio.fixture
async def dsn(postgres_server: EmbeddedPostgres, migrated_template: str) -> AsyncIterator[str]:
    """The URL of a fresh migrated database, dropped after the test whoever is still connected."""
    async with _fresh_database(postgres_server, template=migrated_template) as url:
        yield url


@pytest_asyncio.fixture
async def empty_dsn(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    """The URL of a fresh database that no migration has run on."""
    async with _fresh_database(postgres_server, template="template1") as url:
        yield url


@pytest_asyncio.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    """A pool on `dsn`."""
    opened = await open_pool(dsn)
    yield opened
    opened.terminate()


@asynccontextmanager
async def _fresh_database(server: EmbeddedPostgres, *, template: str) -> AsyncIterator[str]:
    name = f"test_{uuid4().hex[:12]}"
    await _execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield server.database_url(name)
    finally:
        await _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(server: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(server.database_url("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
