"""Connections: how they are opened, what they understand, and which failures pass by themselves."""

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar
from urllib.parse import parse_qsl, urlsplit

import asyncpg
from asyncpg import exceptions
from asyncpg.pool import PoolConnectionProxy

from quantum_scheduler.postgres.model import DatabaseUnavailable, DatabaseUrlInvalid

# The driver's classes are generic for the type checker only; a pool lends proxies that do all that a connection does.
if TYPE_CHECKING:
    DirectConnection: TypeAlias = asyncpg.Connection[asyncpg.Record]
    Connection: TypeAlias = DirectConnection | PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:
    DirectConnection = asyncpg.Connection
    Connection = asyncpg.Connection | PoolConnectionProxy
    Pool = asyncpg.Pool

T = TypeVar("T")

CONNECT_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 30.0
STATEMENTS_CACHED = 256

# All that a call to the driver may raise on a connection that is used as it should be.
DRIVER_ERRORS = (exceptions.PostgresError, exceptions.InterfaceError, exceptions.InternalClientError, OSError)
_PASSES_BY_ITSELF = (
    OSError,  # refused, reset, timed out
    exceptions.PostgresConnectionError,
    exceptions.AdminShutdownError,
    exceptions.CrashShutdownError,
    exceptions.CannotConnectNowError,
    exceptions.TooManyConnectionsError,
    exceptions.SerializationError,
    exceptions.DeadlockDetectedError,
)


async def connect(
    dsn: str,
    *,
    application_name: str = "quantum-scheduler",
    statement_cache: bool = True,
    command_timeout_s: float | None = COMMAND_TIMEOUT_S,
    settings: dict[str, str] | None = None,
) -> DirectConnection:
    """Open one connection; the caller closes it. `settings` are server settings of the session.

    Objects pass as `json` and `jsonb`. `statement_cache=False` is for poolers that change the server between
    transactions. Raises DatabaseUnavailable, DatabaseUrlInvalid.
    """
    try:
        connection: DirectConnection = await asyncpg.connect(
            dsn,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=command_timeout_s,
            statement_cache_size=STATEMENTS_CACHED if statement_cache else 0,
            server_settings={"application_name": application_name} | (settings or {}),
        )
        try:
            await _teach_json(connection)
        except BaseException:
            connection.terminate()
            raise
    except (*DRIVER_ERRORS, ValueError) as error:
        raise _explain(dsn, error) from error
    return connection


async def open_pool(
    dsn: str,
    *,
    size_max: int = 10,
    application_name: str = "quantum-scheduler",
    statement_cache: bool = True,
    command_timeout_s: float | None = COMMAND_TIMEOUT_S,
) -> Pool:
    """Open a pool of at most `size_max` connections as of `connect`; the caller closes it.

    One connection is made at once, so that an unreachable database shows here. They come back as they were left, so
    set nothing for longer than a transaction: to reset a session would be one more question each time.
    Raises DatabaseUnavailable, DatabaseUrlInvalid.
    """
    try:
        return await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=size_max,
            init=_teach_json,
            reset=_leave_session,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=command_timeout_s,
            statement_cache_size=STATEMENTS_CACHED if statement_cache else 0,
            server_settings={"application_name": application_name},
        )
    except (*DRIVER_ERRORS, ValueError) as error:
        raise _explain(dsn, error) from error


def transient(error: BaseException) -> bool:
    """Say whether `error` may be gone at the next try: a restart, a lost connection, a deadlock, too many clients."""
    if isinstance(error, DatabaseUnavailable) and error.__cause__ is not None:
        return transient(error.__cause__)
    if isinstance(error, ssl.SSLCertVerificationError):
        return False
    if isinstance(error, exceptions.InterfaceError):
        return "connection is closed" in str(error)
    if isinstance(error, exceptions.InternalClientError):
        return "cannot switch to state" in str(error)  # the server has said farewell and not yet hung up
    return isinstance(error, _PASSES_BY_ITSELF)


async def retry(action: Callable[[], Awaitable[T]], *, patience_s: float = 30.0, pause_s: float = 0.1) -> T:
    """Await `action()` until it succeeds or fails with an error that is not `transient`, for at most `patience_s`.

    After that the last error is raised. `action` must be one that may be done twice: a connection can be lost after
    the server has committed and before it says so.
    """
    give_up_at = time.monotonic() + patience_s
    while True:
        try:
            return await action()
        except Exception as error:
            if not transient(error) or time.monotonic() + pause_s > give_up_at:
                raise
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, 2.0)


def name_database(dsn: str) -> str:
    """Say which database a URL means, without its password, for people to read."""
    parts = urlsplit(dsn)
    host = parts.netloc.rpartition("@")[2] or dict(parse_qsl(parts.query)).get("host", "the local socket")
    return f"{parts.path.lstrip('/') or 'postgres'} at {host}"


async def _teach_json(connection: DirectConnection) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=write_json, decoder=json.loads)


async def _leave_session(_: Connection) -> None:
    return


write_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _explain(dsn: str, error: Exception) -> DatabaseUnavailable | DatabaseUrlInvalid:
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return DatabaseUrlInvalid("the database URL should look like postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    reason = " ".join(str(error).split()) or f"no answer within {CONNECT_TIMEOUT_S:g} s"
    return DatabaseUnavailable(f"cannot connect to the database {name_database(dsn)}: {reason}")
