"""The numbers of the database server; each takes what `postgres_stats` looked up."""

from dataclasses import dataclass

from quantum_scheduler.postgres.connect import Connection

# A statement that runs for so long is slow; none of ours should.
SLOW_AFTER_S = 5.0

# What others than an administrator may not see of foreign sessions is null there, and left out.
MEASURE = """
SELECT activity.*, replication.*, pg_database_size(current_database())::float8 AS size_bytes,
    database.deadlocks::bigint AS deadlocks, database.blks_hit::bigint AS hits, database.blks_read::bigint AS reads,
    current_setting('max_connections')::integer
        - current_setting('superuser_reserved_connections')::integer AS connections_max
FROM (
    SELECT count(*) FILTER (WHERE backend_type = 'client backend') AS connections,
        count(*) FILTER (WHERE is_busy AND query_start < now() - $1 * interval '1 second') AS slow_queries,
        coalesce(extract(epoch FROM clock_timestamp() - min(query_start) FILTER (WHERE is_busy)), 0)::float8
            AS longest_query_s,
        coalesce(extract(epoch FROM clock_timestamp() - min(xact_start) FILTER (
            WHERE backend_xmin IS NOT NULL OR state LIKE 'idle in transaction%'
        )), 0)::float8 AS oldest_snapshot_s,
        count(*) FILTER (WHERE is_busy AND wait_event_type = 'Lock') AS waiting_for_locks
    FROM (
        SELECT *, state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid() AS is_busy
        FROM pg_stat_activity
    ) AS session
) AS activity
CROSS JOIN (
    SELECT count(*) AS replicas, max(extract(epoch FROM replay_lag))::float8 AS replication_lag_s
    FROM pg_stat_replication WHERE state = 'streaming'
) AS replication
CROSS JOIN (SELECT * FROM pg_stat_database WHERE datname = current_database()) AS database
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresStats:
    """The server at one moment. `hits` and `reads` of blocks, and `deadlocks`, count from the beginning."""

    connections: int
    connections_max: int
    slow_queries: int
    longest_query_s: float
    oldest_snapshot_s: float
    waiting_for_locks: int
    replicas: int
    replication_lag_s: float | None
    size_bytes: float
    deadlocks: int
    hits: int
    reads: int


async def postgres_stats(conn: Connection) -> PostgresStats:
    """Look the server's own statistics up."""
    row = await conn.fetchrow(MEASURE, SLOW_AFTER_S)
    assert row is not None, "each part has a row"
    return PostgresStats(**row)


def connections_used_ratio(stats: PostgresStats) -> float:
    """`postgres.connections_used_ratio`: share of the connections that clients may have that they do have."""
    return stats.connections / stats.connections_max


def slow_queries(stats: PostgresStats) -> int:
    """`postgres.slow_queries`: statements that have been running for more than 5 s."""
    return stats.slow_queries


def longest_query_s(stats: PostgresStats) -> float:
    """`postgres.longest_query_s`: seconds for which the longest statement has been running."""
    return stats.longest_query_s


def oldest_snapshot_s(stats: PostgresStats) -> float:
    """`postgres.oldest_snapshot_s`: seconds for which the oldest transaction has kept dead rows from removal."""
    return stats.oldest_snapshot_s


def waiting_for_locks(stats: PostgresStats) -> int:
    """`postgres.waiting_for_locks`: statements that wait for somebody else's lock."""
    return stats.waiting_for_locks


def replicas(stats: PostgresStats) -> int:
    """`postgres.replicas`: standby servers that follow this one."""
    return stats.replicas


def replication_lag_s(stats: PostgresStats) -> float | None:
    """`postgres.replication_lag_s`: seconds by which the slowest standby is behind; None where none follows."""
    return stats.replication_lag_s


def size_bytes(stats: PostgresStats) -> float:
    """`postgres.size_bytes`: what the database takes on disk."""
    return stats.size_bytes


def deadlocks(stats: PostgresStats) -> int:
    """`postgres.deadlocks`: deadlocks that the server has broken, from the beginning of its statistics."""
    return stats.deadlocks


def cache_hit_ratio(stats: PostgresStats) -> float | None:
    """`postgres.cache_hit_ratio`: share of the blocks that were in memory when asked for, from the beginning."""
    asked = stats.hits + stats.reads
    return stats.hits / asked if asked else None
