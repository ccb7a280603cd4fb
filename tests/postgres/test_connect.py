import asyncio

import pytest
from asyncpg import exceptions

from quantum_scheduler.postgres.connect import DRIVER_ERRORS, Pool, connect, name_database, open_pool, retry, transient
from quantum_scheduler.postgres.model import DatabaseUnavailable, DatabaseUrlInvalid

NOBODY_THERE = "postgresql://me:s3cret@127.0.0.1:1/db"


class Flaky:
    """Fails with each of `errors` in turn, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def __call__(self) -> str:
        for error in self.errors:
            self.errors.remove(error)
            raise error
        return "done"


@pytest.mark.parametrize("kind", ["json", "jsonb"])
async def test_objects_pass_as_json(pool: Pool, kind: str) -> None:
    value = {"a": [1, 2.5, None, "ü☃\U0001f600"], "b": {"c": True}}
    assert await pool.fetchval(f"SELECT $1::{kind}", value) == value


async def test_what_json_cannot_say_is_refused_before_it_is_sent(pool: Pool) -> None:
    with pytest.raises(exceptions.DataError, match="not JSON compliant"):
        await pool.fetchval("SELECT $1::jsonb", {"a": float("nan")})


async def test_sessions_say_who_they_are(dsn: str) -> None:
    connection = await connect(dsn, application_name="a worker", settings={"synchronous_commit": "off"})
    assert await connection.fetchval("SHOW application_name") == "a worker"
    assert await connection.fetchval("SHOW synchronous_commit") == "off"
    await connection.close()


@pytest.mark.parametrize(("statement_cache", "kept"), [(True, 1), (False, 0)])
async def test_the_statement_cache_can_be_switched_off(dsn: str, statement_cache: bool, kept: int) -> None:
    pool = await open_pool(dsn, statement_cache=statement_cache)
    async with pool.acquire() as conn:
        await conn.fetchval("SELECT 'kept' || $1::text", "?")
        statements = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT ''kept%'"
        assert await conn.fetchval(statements) == kept
    await pool.close()


async def test_a_statement_ends_at_its_time_limit(dsn: str) -> None:
    connection = await connect(dsn, command_timeout_s=0.05)
    with pytest.raises(TimeoutError):
        await connection.execute("SELECT pg_sleep(60)")
    await connection.close()


@pytest.mark.parametrize("door", [connect, open_pool])
async def test_a_database_that_is_not_there_is_one_line_without_the_password(door: type) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"cannot connect to the database db at 127.0.0.1:1: .*") as refused:
        await door(NOBODY_THERE)
    assert "s3cret" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert transient(refused.value)


async def test_a_database_that_does_not_exist_will_not_exist_later(dsn: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="does not exist") as refused:
        await connect(dsn.replace("/test_", "/no_test_"))
    assert not transient(refused.value)


@pytest.mark.parametrize("url", ["db", "mysql://me:s3cret@host/db", "postgresql://me:s3cret@host:port/db"])
async def test_a_url_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(DatabaseUrlInvalid, match="should look like postgresql://") as refused:
        await connect(url)
    assert "s3cret" not in str(refused.value)


def test_a_database_is_named_without_its_password() -> None:
    assert name_database("postgresql://me:s3cret@host:5432/db?password=s3cret") == "db at host:5432"
    assert name_database("postgresql://postgres@/db?host=/run/a&port=5432") == "db at /run/a"


async def test_a_lost_connection_is_worth_another_try(dsn: str, pool: Pool) -> None:
    connection = await connect(dsn)
    await pool.fetchval("SELECT pg_terminate_backend($1)", connection.get_server_pid())
    for _ in range(2):  # first it is lost, then it is known to be closed
        with pytest.raises(DRIVER_ERRORS) as lost:
            await connection.fetchval("SELECT pg_sleep(10)")
        assert transient(lost.value)


@pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError(), exceptions.DeadlockDetectedError()])
def test_what_passes_by_itself_is_transient(error: Exception) -> None:
    assert transient(error)


@pytest.mark.parametrize("error", [ValueError(), exceptions.UniqueViolationError(), exceptions.DiskFullError()])
def test_what_stays_is_not_transient(error: Exception) -> None:
    assert not transient(error)


async def test_an_action_is_tried_again_until_it_succeeds() -> None:
    assert await retry(Flaky(OSError("away"), OSError("still away")), pause_s=0.001) == "done"


async def test_an_action_is_not_tried_again_for_an_error_that_stays() -> None:
    action = Flaky(ValueError("wrong"), OSError("not reached"))
    with pytest.raises(ValueError, match="wrong"):
        await retry(action)
    assert len(action.errors) == 1


async def test_an_action_is_given_up_when_patience_ends() -> None:
    with pytest.raises(OSError, match="away"):
        async with asyncio.timeout(30):
            await retry(Flaky(*[OSError("away")] * 10_000), patience_s=0.05, pause_s=0.01)
