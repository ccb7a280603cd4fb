"""What the database is busy with: its connections and queries, and an end to those that last too long."""

from collections.abc import Sequence
from dataclasses import dataclass

from asyncpg import exceptions

from quantum_scheduler.postgres.connect import Connection

LISTED_MAX = 100
QUERY_LENGTH_MAX = 500
RUNNING_FOR_S_MIN = 1.0
LOG_OVER_MS_MAX = 3_600_000

COUNT_CONNECTIONS = """
SELECT count(*) AS open,
    count(*) FILTER (WHERE state = 'active') AS active,
    count(*) FILTER (WHERE state = 'idle') AS idle,
    count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS idle_in_transaction,
    count(*) FILTER (WHERE wait_event_type = 'Lock') AS blocked,
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS open_max
FROM pg_stat_activity WHERE backend_type = 'client backend'
"""

# A transaction that nobody goes on with holds its locks as long as one that computes.
FIND_SLOW = """
SELECT pid, coalesce(usename, '') AS role, application_name AS application, state,
    extract(epoch FROM clock_timestamp() - xact_start)::float8 AS running_s,
    coalesce(wait_event_type, '') AS waits_for, pg_blocking_pids(pid) AS blocked_by, left(query, $2) AS query
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()
    AND state IN ('active', 'idle in transaction', 'idle in transaction (aborted)')
    AND xact_start < clock_timestamp() - $1 * interval '1 second'
ORDER BY xact_start LIMIT $3
"""

FIND_STATEMENTS = """
SELECT left(query, $1) AS query, calls, mean_exec_time AS mean_ms, total_exec_time AS total_ms FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY mean_exec_time DESC LIMIT $2
"""

HAS_STATEMENTS = "SELECT to_regclass('pg_stat_statements') IS NOT NULL"

# Backups take their time. Materialized, because a planner is free to end a session before it asks which one it is.
SELECT_LASTING = """
WITH lasting AS MATERIALIZED (
    SELECT pid FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()
        AND application_name NOT IN ('pg_dump', 'pg_restore')
        AND state = ANY($1::text[]) AND xact_start < clock_timestamp() - $2 * interval '1 second'
    ORDER BY xact_start LIMIT $3
)
"""
CANCEL = f"{SELECT_LASTING} SELECT pid FROM lasting WHERE pg_cancel_backend(pid)"  # noqa: S608  the text is ours
TERMINATE = f"{SELECT_LASTING} SELECT pid FROM lasting WHERE pg_terminate_backend(pid)"  # noqa: S608

# A statement of this kind takes no parameters.
LOG_SLOW = "ALTER DATABASE {database} SET log_min_duration_statement = {over_ms:d}"
LOG_SLOW_NO_MORE = "ALTER DATABASE {database} RESET log_min_duration_statement"
QUOTE_DATABASE = "SELECT quote_ident(current_database())"

# Who holds an advisory lock leads by it, and who listens would miss something.
RECYCLE = """
WITH idle AS MATERIALIZED (
    SELECT pid FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()
        AND application_name LIKE 'quantum-scheduler%' AND state = 'idle' AND query NOT ILIKE 'listen%'
        AND state_change < clock_timestamp() - $1 * interval '1 second'
        AND NOT EXISTS (SELECT FROM pg_locks WHERE pg_locks.pid = pg_stat_activity.pid AND locktype = 'advisory')
)
SELECT pid FROM idle WHERE pg_terminate_backend(pid)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """The clients' connections to the server: `open` of `open_max`, a share from 0 to 1, and what they do."""

    open: int
    open_max: int
    used_share: float
    active: int
    idle: int
    idle_in_transaction: int
    blocked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningQuery:
    """A transaction that has not ended yet, with its latest query."""

    pid: int
    role: str
    application: str
    state: str
    running_s: float
    waits_for: str
    blocked_by: tuple[int, ...]
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowQueries:
    """The transactions that have run for longer than asked, the longest first; `blocked` wait for others' locks."""

    count: int
    blocked: int
    longest_s: float
    queries: tuple[RunningQuery, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement as pg_stat_statements counts it."""

    query: str
    calls: int
    mean_ms: float
    total_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementTimes:
    """The statements that take longest on average; `is_available` is whether pg_stat_statements is there to tell."""

    is_available: bool
    slowest_mean_ms: float
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The connections that something was done to, by the process ids of the server."""

    count: int
    pids: tuple[int, ...]


async def count_connections(conn: Connection) -> Connections:
    """`postgres.connections`: count the connections to the server, and those it could take."""
    row = await conn.fetchrow(COUNT_CONNECTIONS)
    assert row is not None, "an aggregate has one row"
    return Connections(**row, used_share=row["open"] / row["open_max"])


async def find_slow_queries(conn: Connection, *, running_for_s: float = 5.0) -> SlowQueries:
    """`postgres.find_slow`: find the transactions of this database that have run for longer, `LISTED_MAX` at most."""
    rows = await conn.fetch(FIND_SLOW, running_for_s, QUERY_LENGTH_MAX, LISTED_MAX)
    queries = tuple(RunningQuery(**{**row, "blocked_by": tuple(row["blocked_by"])}) for row in rows)
    return SlowQueries(
        count=len(queries),
        blocked=sum(bool(each.blocked_by) for each in queries),
        longest_s=max((each.running_s for each in queries), default=0.0),
        queries=queries,
    )


async def find_statement_times(conn: Connection, *, count_max: int = 10) -> StatementTimes:
    """`postgres.statements`: find the statements that take longest on average, where pg_stat_statements counts them."""
    statements: Sequence[Statement] | None = None
    if await conn.fetchval(HAS_STATEMENTS):
        try:
            async with conn.transaction():
                rows = await conn.fetch(FIND_STATEMENTS, QUERY_LENGTH_MAX, min(count_max, LISTED_MAX))
            statements = [Statement(**row) for row in rows]
        except exceptions.ObjectNotInPrerequisiteStateError:  # installed, but the server was not started with it
            statements = None
    return StatementTimes(
        is_available=statements is not None,
        slowest_mean_ms=max((each.mean_ms for each in statements or ()), default=0.0),
        statements=tuple(statements or ()),
    )


async def cancel_queries(conn: Connection, *, running_for_s: float = 300.0) -> Ended:
    """`postgres.cancel`: cancel what has been computing in this database for longer; the connections stay open."""
    return await _end(conn, CANCEL, ["active"], running_for_s)


async def terminate_queries(conn: Connection, *, running_for_s: float = 300.0) -> Ended:
    """`postgres.terminate`: close the connections whose transactions have lasted longer, also of those left idle."""
    states = ["active", "idle in transaction", "idle in transaction (aborted)"]
    return await _end(conn, TERMINATE, states, running_for_s)


async def recycle_connections(conn: Connection, *, idle_for_s: float = 30.0) -> Ended:
    """`postgres.recycle`: close our own connections that have been idle for longer; pools open new ones as needed."""
    pids = tuple(row["pid"] for row in await conn.fetch(RECYCLE, idle_for_s))
    return Ended(count=len(pids), pids=pids)


async def log_slow_queries(conn: Connection, over_ms: int | None) -> None:
    """`postgres.log_slow`: have the server log statements that take longer, in sessions from now on; None ends it.

    Only a superuser of the database may. Raises ValueError.
    """
    if over_ms is not None and not 1 <= over_ms <= LOG_OVER_MS_MAX:
        raise ValueError(f"statements are logged from 1 to {LOG_OVER_MS_MAX:,} ms")
    statement = LOG_SLOW_NO_MORE if over_ms is None else LOG_SLOW
    await conn.execute(statement.format(database=await conn.fetchval(QUOTE_DATABASE), over_ms=over_ms or 0))


async def _end(conn: Connection, statement: str, states: list[str], running_for_s: float) -> Ended:
    """End what has lasted for longer, `LISTED_MAX` at most. Raises ValueError."""
    if running_for_s < RUNNING_FOR_S_MIN:
        raise ValueError(f"what has run for less than {RUNNING_FOR_S_MIN:g} s is not slow")
    pids = tuple(row["pid"] for row in await conn.fetch(statement, states, running_for_s, LISTED_MAX))
    return Ended(count=len(pids), pids=pids)
