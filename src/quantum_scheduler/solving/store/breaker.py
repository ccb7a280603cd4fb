"""The statements on breakers, shares and the health of backends."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from asyncpg import Record

from quantum_scheduler.backends.model import Health
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.solving.routing_model import BackendState, Breaker, Tally

ADD_BREAKER = "INSERT INTO breaker (backend) VALUES ($1) ON CONFLICT (backend) DO NOTHING"

LOCK_BREAKER = "SELECT * FROM breaker WHERE backend = $1 FOR UPDATE"

READ_CLOCK = "SELECT clock_timestamp()"

# What has left the window goes.
NOTE_EVENT = """
WITH gone AS (
    DELETE FROM breaker_event WHERE backend = $1 AND at < clock_timestamp() - $4 * interval '1 second'
), noted AS (
    INSERT INTO breaker_event (backend, kind) VALUES ($1, $2) RETURNING kind
)
SELECT count(*) + 1 AS count, count(kind) + (SELECT count(kind) FROM noted) AS failures,
    CASE WHEN $2::text IS NULL THEN 0
        ELSE 1 + count(*) FILTER (WHERE at > coalesce(last.answered_at, '-infinity')) END AS in_a_row
FROM breaker_event, LATERAL (
    SELECT max(at) AS answered_at FROM breaker_event WHERE backend = $1 AND kind IS NULL
) AS last
WHERE backend = $1 AND at >= greatest($3, clock_timestamp() - $4 * interval '1 second')
"""

WRITE_BREAKER = """
UPDATE breaker SET state = $2, since = $3, trips = $4, probe_at = $5, reason = $6, is_manual = $7, expires_at = $8,
    rest_until = $9, outruns = $10
WHERE backend = $1
"""

BEGIN_PROBE = """
UPDATE breaker SET state = 'half_open', is_manual = false, expires_at = NULL,
    probe_at = clock_timestamp() + $2 * interval '1 second'
WHERE backend = $1 AND state <> 'closed' AND (
    (NOT is_manual AND probe_at <= clock_timestamp()) OR (is_manual AND expires_at <= clock_timestamp())
)
RETURNING backend
"""

FIND_BACKENDS = """
SELECT given.name, breaker.*, now() AS now, coalesce(backend_share.percent, 100) AS share,
    health.status, health.latency_ms, health.queue_depth, health.error, health.message, health.answered_at
FROM unnest($1::text[]) WITH ORDINALITY AS given (name, place)
LEFT JOIN breaker ON breaker.backend = given.name
LEFT JOIN backend_share ON backend_share.backend = given.name
LEFT JOIN backend_health AS health ON health.backend = given.name AND health.status IS NOT NULL
    AND health.answered_at > now() - $2 * interval '1 second'
ORDER BY given.place
"""

SET_SHARE = """
INSERT INTO backend_share (backend, percent) VALUES ($1, $2)
ON CONFLICT (backend) DO UPDATE SET percent = excluded.percent WHERE backend_share.percent <> excluded.percent
RETURNING percent
"""

# Whoever changes the row is the one who asks. One that is not well, or has just failed a job, is asked again soon.
CLAIM_CHECKS = """
INSERT INTO backend_health (backend) SELECT name FROM unnest($1::text[]) AS given (name) ORDER BY name
ON CONFLICT (backend) DO UPDATE SET asked_at = now()
WHERE backend_health.asked_at < now() - $2 * interval '1 second'
    OR (backend_health.asked_at < now() - $3 * interval '1 second' AND (
        backend_health.status <> 'up' OR EXISTS (
            SELECT FROM breaker_event
            WHERE breaker_event.backend = backend_health.backend AND breaker_event.at > backend_health.asked_at
                AND breaker_event.kind IS NOT NULL
        )
    ))
RETURNING backend
"""

NOTE_HEALTH = """
INSERT INTO backend_health (backend, answered_at, status, latency_ms, queue_depth, error, message)
VALUES ($1, now(), $2, $3, $4, $5, $6)
ON CONFLICT (backend) DO UPDATE SET asked_at = now(), answered_at = now(), status = excluded.status,
    latency_ms = excluded.latency_ms, queue_depth = excluded.queue_depth, error = excluded.error,
    message = excluded.message
"""

BREAKER_FIELDS = tuple(field.name for field in fields(Breaker))


async def lock_breaker(conn: Connection, backend: str) -> Breaker:
    """The backend's breaker, which nobody else changes until the transaction ends."""
    row = await conn.fetchrow(LOCK_BREAKER, backend)
    if row is None:
        await conn.execute(ADD_BREAKER, backend)
        row = await conn.fetchrow(LOCK_BREAKER, backend)
    assert row is not None, "nothing deletes breakers"
    return _breaker(row)


async def read_clock(conn: Connection) -> datetime:
    """The database's time, by which all workers go."""
    now: datetime = await conn.fetchval(READ_CLOCK)
    return now


async def note_event(conn: Connection, backend: str, kind: str | None, *, since: datetime, window_s: float) -> Tally:
    """Add an outcome, and count those in the window since then."""
    row = await conn.fetchrow(NOTE_EVENT, backend, kind, since, window_s)
    assert row is not None, "an aggregate has a row"
    return Tally(**row)


async def write_breaker(conn: Connection, breaker: Breaker) -> None:
    """Write a locked breaker back."""
    await conn.execute(WRITE_BREAKER, *(getattr(breaker, name) for name in BREAKER_FIELDS))


async def begin_probe(conn: Connection, backend: str, *, patience_s: float) -> bool:
    """Half-open a breaker that is due; False where somebody else has."""
    return await conn.fetchval(BEGIN_PROBE, backend, patience_s) is not None


async def find_backends(conn: Connection, names: Sequence[str], *, fresh_s: float) -> list[BackendState]:
    """How the backends stand, in the order asked; a health older than `fresh_s` is none."""
    return [_state(row) for row in await conn.fetch(FIND_BACKENDS, names, fresh_s)]


async def find_backends_now(
    conn: Connection, names: Sequence[str], *, fresh_s: float
) -> tuple[datetime, list[BackendState]]:
    """As `find_backends`, with the database's time."""
    rows = await conn.fetch(FIND_BACKENDS, names, fresh_s)
    return rows[0]["now"] if rows else await read_clock(conn), [_state(row) for row in rows]


async def set_share(conn: Connection, backend: str, percent: int) -> bool:
    """Write a backend's share; False where it was so before."""
    return await conn.fetchval(SET_SHARE, backend, percent) is not None


async def claim_checks(conn: Connection, names: Sequence[str], *, every_s: float, soon_s: float) -> list[str]:
    """Those of the backends that nobody has asked for `every_s`, or for `soon_s` where that matters; now we have."""
    return [row["backend"] for row in await conn.fetch(CLAIM_CHECKS, names, every_s, soon_s)]


async def note_health(conn: Connection, backend: str, health: Health) -> None:
    """Write down how a backend is."""
    await conn.execute(
        NOTE_HEALTH,
        backend,
        health.status,
        health.latency_ms,
        health.queue_depth,
        health.error,
        health.message,
    )


def _breaker(row: Record) -> Breaker:
    return Breaker(**{name: row[name] for name in BREAKER_FIELDS})


def _state(row: Record) -> BackendState:
    health = None
    if row["status"] is not None:
        names = ("status", "latency_ms", "queue_depth", "error", "message")
        health = Health(**{name: row[name] for name in names})
    known = row["backend"] is not None
    return BackendState(
        name=row["name"],
        breaker=_breaker(row) if known else Breaker(backend=row["name"], since=row["now"]),
        share=row["share"],
        health=health,
        asked_at=row["answered_at"],
    )
