"""The statements on buckets. A bucket is one number, the time at which it will be full again, and takes one statement.

That is the generic cell rate algorithm: a request puts that time `interval` further, and is refused where it would come
to lie more than `requests * interval` ahead. The row's lock orders those who take at once, so none is given twice.
Times are microseconds since 1970 by the database's clock, or $1, which lets time stand still.
"""

from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record

from quantum_scheduler.accounts.limits.model import MICROSECONDS, Layer, Rate, Standing
from quantum_scheduler.postgres.connect import Connection

# What is let through by the first layer is counted there even where the second refuses it.
TAKE_OF_CALLER = """
WITH time AS MATERIALIZED (
    SELECT coalesce($1::bigint, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) AS us
), own AS MATERIALIZED (
    SELECT plan.name, plan.requests_at_once, key.requests AS key_requests, plan.key_window_s,
        greatest(1, plan.key_window_s * 1000000::bigint / key.requests) AS key_us,
        organisation.requests AS org_requests, plan.org_window_s,
        greatest(1, plan.org_window_s * 1000000::bigint / organisation.requests) AS org_us
    FROM plan
    CROSS JOIN LATERAL (
        SELECT greatest(1, least(2147483647, plan.key_requests
            * coalesce((SELECT factor FROM rate_factor WHERE class = 'key'), 1)
            * coalesce((SELECT factor FROM rate_factor WHERE class = plan.name), 1)))::integer AS requests
    ) AS key
    CROSS JOIN LATERAL (
        SELECT greatest(1, least(2147483647, plan.org_requests
            * coalesce((SELECT factor FROM rate_factor WHERE class = 'organisation'), 1)
            * coalesce((SELECT factor FROM rate_factor WHERE class = plan.name), 1)))::integer AS requests
    ) AS organisation
    WHERE plan.name = $2
), of_key AS (
    INSERT INTO rate_bucket AS bucket (name, full_at_us) SELECT $3, time.us + own.key_us FROM time, own
    ON CONFLICT (name) DO UPDATE
    SET full_at_us = greatest(bucket.full_at_us, (SELECT us FROM time)) + (SELECT key_us FROM own)
    WHERE bucket.full_at_us + (SELECT key_us FROM own) - (SELECT us FROM time)
        <= (SELECT key_us * key_requests FROM own)
    RETURNING full_at_us
), of_organisation AS (
    INSERT INTO rate_bucket AS bucket (name, full_at_us) SELECT $4, time.us + own.org_us FROM time, own, of_key
    ON CONFLICT (name) DO UPDATE
    SET full_at_us = greatest(bucket.full_at_us, (SELECT us FROM time)) + (SELECT org_us FROM own)
    WHERE bucket.full_at_us + (SELECT org_us FROM own) - (SELECT us FROM time)
        <= (SELECT org_us * org_requests FROM own)
    RETURNING full_at_us
)
SELECT time.us, own.*,
    (SELECT full_at_us FROM of_key) AS key_full_at, (SELECT full_at_us FROM of_organisation) AS org_full_at,
    (SELECT full_at_us FROM rate_bucket WHERE name = $3) AS key_was_full_at,
    (SELECT full_at_us FROM rate_bucket WHERE name = $4) AS org_was_full_at
FROM time, own
"""

TAKE_OF_NETWORK = """
WITH time AS MATERIALIZED (
    SELECT coalesce($1::bigint, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) AS us
), own AS MATERIALIZED (
    SELECT rate.requests, greatest(1, $4::bigint * 1000000 / rate.requests) AS us
    FROM (
        SELECT greatest(1, least(2147483647,
            $3::bigint * coalesce((SELECT factor FROM rate_factor WHERE class = 'network'), 1)))::integer AS requests
    ) AS rate
), taken AS (
    INSERT INTO rate_bucket AS bucket (name, full_at_us) SELECT $2, time.us + own.us FROM time, own
    ON CONFLICT (name) DO UPDATE
    SET full_at_us = greatest(bucket.full_at_us, (SELECT us FROM time)) + (SELECT us FROM own)
    WHERE bucket.full_at_us + (SELECT us FROM own) - (SELECT us FROM time) <= (SELECT us * requests FROM own)
    RETURNING full_at_us
)
SELECT time.us AS now, own.requests, own.us, (SELECT full_at_us FROM taken) AS full_at,
    (SELECT full_at_us FROM rate_bucket WHERE name = $2) AS was_full_at
FROM time, own
"""

# A bucket that is full says nothing. Who finds another process at it leaves it to that.
PRUNE = """
DELETE FROM rate_bucket USING (SELECT pg_try_advisory_xact_lock(20765, 0) AS is_ours) AS turn
WHERE turn.is_ours AND full_at_us < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 60000000
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerStanding:
    """How the buckets of a caller stand, and how many requests of the organisation one process may answer at once."""

    key: Standing
    organisation: Standing | None
    requests_at_once: int


async def take_of_network(conn: Connection, network: str, rate: Rate, *, at_us: int | None = None) -> Standing:
    """Take one request from the bucket of a network, if it has one left."""
    row = await conn.fetchrow(TAKE_OF_NETWORK, at_us, f"network:{network}", rate.requests, rate.window_s)
    assert row is not None, "a statement without a condition has a row"
    allowed = Rate(requests=row["requests"], window_s=rate.window_s)
    return _stand("network", allowed, row["us"], row["now"], row["full_at"], row["was_full_at"])


async def take_of_caller(
    conn: Connection, plan: str, opener: UUID, org_id: UUID, *, at_us: int | None = None
) -> CallerStanding | None:
    """Take one request from the bucket of a key or person, then of their organisation; None where the plan is gone.

    The organisation's is not asked where the first has none left.
    """
    row = await conn.fetchrow(TAKE_OF_CALLER, at_us, plan, f"key:{opener}", f"organisation:{org_id}")
    if row is None:
        return None
    return CallerStanding(
        key=_stand_of(row, "key", "key"),
        organisation=None if row["key_full_at"] is None else _stand_of(row, "organisation", "org"),
        requests_at_once=row["requests_at_once"],
    )


async def prune(conn: Connection) -> None:
    """Forget the buckets that have been full for a minute."""
    await conn.execute(PRUNE)


def _stand_of(row: Record, layer: Layer, name: str) -> Standing:
    rate = Rate(requests=row[f"{name}_requests"], window_s=row[f"{name}_window_s"])
    return _stand(layer, rate, row[f"{name}_us"], row["us"], row[f"{name}_full_at"], row[f"{name}_was_full_at"])


def _stand(layer: Layer, rate: Rate, interval: int, now: int, full_at: int | None, was_full_at: int | None) -> Standing:
    """Say how a bucket stands from the time at which it will be full, or from what it was before it refused."""
    # Who was refused by a bucket that came into being at the same time learns of it the next time.
    seen = full_at or was_full_at or now + interval * rate.requests
    ahead = max(0, seen - now)
    # What it was before may be of before others took from it.
    wait = max(ahead + interval - interval * rate.requests, 0) or interval
    return Standing(
        layer=layer,
        rate=rate,
        remaining=max(0, rate.requests - -(-ahead // interval)),
        full_after_s=ahead / MICROSECONDS,
        retry_after_s=wait / MICROSECONDS if full_at is None else None,
    )
