"""Every SQL statement of the quotas. Their rows are locked last in a transaction, and in the order of their keys; those
of a job's reservations just before them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from quantum_scheduler.accounts.quota.model import (
    UPSTREAM_FRESH_S,
    Forecast,
    Meter,
    Need,
    Notice,
    Part,
    QuotaPulse,
    Shortage,
    Spent,
    UpstreamQuota,
    Usage,
)
from quantum_scheduler.postgres.connect import Connection

# What an organisation has of each meter in the present period; a meter that its plan does not count is not there.
# Everything is written or the caller's transaction must fail: whoever is refused one meter gets none.
RESERVE = """
WITH allowed AS MATERIALIZED (
    SELECT plan_quota.meter, plan_quota.is_soft, period.period,
        coalesce(quota_raise.amount, plan_quota.amount) AS amount
    FROM organisation
    JOIN plan_quota ON plan_quota.plan = organisation.plan
    CROSS JOIN LATERAL (SELECT quota_period_of(plan_quota.meter) AS period) AS period
    LEFT JOIN quota_raise ON quota_raise.org_id = organisation.id AND quota_raise.meter = plan_quota.meter
        AND quota_raise.period = period.period
    WHERE organisation.id = $1
), asked AS MATERIALIZED (
    SELECT given.job_id, meter, allowed.period, given.amount
    FROM unnest($2::uuid[], $3::text[], $4::bigint[]) AS given (job_id, meter, amount) JOIN allowed USING (meter)
    WHERE given.amount > 0
), total AS MATERIALIZED (
    SELECT meter, sum(asked.amount)::bigint AS amount FROM asked GROUP BY meter
), kept AS (
    INSERT INTO quota_reservation AS kept (job_id, meter, org_id, period, amount)
    SELECT job_id, meter, $1, period, amount FROM asked
    ON CONFLICT (job_id, meter) DO UPDATE SET amount = kept.amount + excluded.amount
    RETURNING meter
), taken AS (
    INSERT INTO quota AS held (org_id, meter, period, reserved)
    SELECT $1, meter, allowed.period, total.amount FROM total JOIN allowed USING (meter)
    WHERE (allowed.is_soft OR total.amount <= allowed.amount) AND (SELECT count(*) FROM kept) > 0 ORDER BY meter
    ON CONFLICT (org_id, meter, period) DO UPDATE SET reserved = held.reserved + excluded.reserved
    WHERE (
        SELECT allowed.is_soft OR held.used + held.reserved + excluded.reserved <= allowed.amount
        FROM allowed WHERE allowed.meter = excluded.meter
    )
    RETURNING meter, period, used + reserved AS taken
), told AS (
    INSERT INTO quota_notice (org_id, meter, period, percent, taken, amount)
    SELECT $1, taken.meter, taken.period, step.percent, taken.taken, allowed.amount
    FROM taken JOIN allowed USING (meter) CROSS JOIN unnest('{80,90,100,120,150}'::smallint[]) AS step (percent)
    WHERE taken.meter <> 'jobs_at_once' AND (step.percent <= 100 OR allowed.is_soft)
        AND taken.taken >= allowed.amount * (step.percent / 100.0)
    ORDER BY 2, 4
    ON CONFLICT DO NOTHING
)
SELECT total.meter, total.amount AS asked, allowed.amount
FROM total JOIN allowed USING (meter) LEFT JOIN taken USING (meter) WHERE taken.meter IS NULL ORDER BY total.meter
"""

# What a vendor takes more than it was expected to is known when it has been taken.
SETTLE_PART = """
WITH kept AS (
    UPDATE quota_reservation SET amount = greatest(0, amount - $3) + $4, used = used + $4
    WHERE job_id = $1 AND meter = $2
    RETURNING org_id, meter, period, new.amount - old.amount AS more
)
UPDATE quota SET reserved = quota.reserved + kept.more
FROM kept WHERE quota.org_id = kept.org_id AND quota.meter = kept.meter AND quota.period = kept.period
"""

# A job never counts more time of solving than it reserved, so that stays within a hard quota.
SETTLE = """
WITH freed AS (
    DELETE FROM quota_reservation AS kept
    USING unnest($1::uuid[], $2::bigint[], $3::boolean[]) AS given (job_id, solve_ms, is_free)
    WHERE kept.job_id = given.job_id
    RETURNING kept.org_id, kept.meter, kept.period, kept.amount, CASE kept.meter
        WHEN 'solve_ms' THEN least(kept.amount, given.solve_ms)
        WHEN 'qpu_ms' THEN CASE WHEN given.is_free THEN 0 ELSE kept.used END
        WHEN 'stored_bytes' THEN kept.amount
        ELSE 0
    END AS used
), total AS MATERIALIZED (
    SELECT org_id, meter, period, sum(amount)::bigint AS amount, sum(used)::bigint AS used
    FROM freed GROUP BY org_id, meter, period
), held AS MATERIALIZED (
    SELECT org_id, meter, period, total.amount, total.used
    FROM quota JOIN total USING (org_id, meter, period) ORDER BY org_id, meter, period FOR UPDATE OF quota
)
UPDATE quota SET reserved = quota.reserved - held.amount, used = quota.used + held.used
FROM held WHERE quota.org_id = held.org_id AND quota.meter = held.meter AND quota.period = held.period
"""

NOTE_REFUSAL = """
WITH refused AS (
    INSERT INTO quota AS held (org_id, meter, period, refusals, refused_at)
    SELECT $1, meter, quota_period_of(meter), 1, now() FROM unnest($2::text[]) AS given (meter) ORDER BY meter
    ON CONFLICT (org_id, meter, period) DO UPDATE SET refusals = held.refusals + 1, refused_at = now()
    RETURNING meter, period, used + reserved AS taken
)
INSERT INTO quota_notice (org_id, meter, period, percent, taken, amount)
SELECT $1, meter, period, 100, refused.taken, given.amount
FROM refused JOIN unnest($2::text[], $3::bigint[]) AS given (meter, amount) USING (meter)
WHERE meter <> 'jobs_at_once' ORDER BY meter
ON CONFLICT DO NOTHING
"""

LIST_USAGE = """
SELECT organisation.id AS org_id, plan_quota.meter, period.period, plan_quota.is_soft,
    coalesce(quota_raise.amount, plan_quota.amount) AS amount, coalesce(quota.used, 0) AS used,
    coalesce(quota.reserved, 0) AS reserved, coalesce(quota.refusals, 0) AS refusals
FROM organisation
JOIN plan_quota ON plan_quota.plan = organisation.plan
CROSS JOIN LATERAL (SELECT quota_period_of(plan_quota.meter) AS period) AS period
LEFT JOIN quota ON quota.org_id = organisation.id AND quota.meter = plan_quota.meter AND quota.period = period.period
LEFT JOIN quota_raise ON quota_raise.org_id = organisation.id AND quota_raise.meter = plan_quota.meter
    AND quota_raise.period = period.period
WHERE ($1::uuid IS NULL OR organisation.id = $1) AND ($1 IS NOT NULL OR quota.org_id IS NOT NULL)
ORDER BY organisation.id, plan_quota.meter
"""

# The same quotas in one row: the highest share of a customer's and of ours with a vendor, and who was refused.
TAKE_PULSE = """
SELECT coalesce(max(taken.share) FILTER (WHERE taken.meter <> 'jobs_at_once'), 0)::float8 AS customer,
    (
        SELECT coalesce(max(used / amount), 0) FROM upstream_quota
        WHERE (resets_at IS NULL OR resets_at > now()) AND reported_at > now() - $1 * interval '1 second'
    ) AS upstream,
    coalesce(sum(taken.refusals), 0)::bigint AS refusals,
    count(*) FILTER (WHERE taken.refused_at > now() - interval '5 minutes') AS refused
FROM (
    SELECT quota.meter, quota.refusals, quota.refused_at, CASE
        WHEN coalesce(quota_raise.amount, plan_quota.amount) > 0
        THEN (quota.used + quota.reserved)::float8 / coalesce(quota_raise.amount, plan_quota.amount)
        ELSE (quota.used + quota.reserved > 0)::integer
    END AS share
    FROM quota
    JOIN organisation ON organisation.id = quota.org_id
    JOIN plan_quota ON plan_quota.plan = organisation.plan AND plan_quota.meter = quota.meter
    LEFT JOIN quota_raise ON quota_raise.org_id = quota.org_id AND quota_raise.meter = quota.meter
        AND quota_raise.period = quota.period
    WHERE quota.period = quota_period_of(quota.meter)
) AS taken
"""

RAISE = """
INSERT INTO quota_raise AS own (org_id, meter, period, amount) VALUES ($1, $2, quota_period_of($2), $3)
ON CONFLICT (org_id, meter, period) DO UPDATE SET amount = greatest(own.amount, excluded.amount)
"""

LIST_NOTICES = """
SELECT org_id, meter, period, percent, taken, amount, noticed_at FROM quota_notice
WHERE ($1::uuid IS NULL OR org_id = $1) AND ($2::timestamptz IS NULL OR noticed_at > $2)
ORDER BY noticed_at DESC, org_id, meter, percent DESC LIMIT $3
"""

TAKE_UNTOLD = """
WITH due AS (
    SELECT org_id, meter, period, percent FROM quota_notice WHERE told_at IS NULL
    ORDER BY noticed_at, org_id, meter, percent LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE quota_notice AS notice SET told_at = now()
FROM due WHERE notice.org_id = due.org_id AND notice.meter = due.meter AND notice.period = due.period
    AND notice.percent = due.percent
RETURNING notice.org_id, notice.meter, notice.period, notice.percent, taken, amount, noticed_at
"""

NOTE_FORECASTS = """
INSERT INTO quota_forecast (org_id, meter, period, exhausted_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::date[], $4::timestamptz[])
ON CONFLICT DO NOTHING RETURNING org_id, meter, period
"""

RECORD_UPSTREAM = """
INSERT INTO upstream_quota (backend, meter, used, amount, resets_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (backend, meter) DO UPDATE SET used = excluded.used, amount = excluded.amount,
    resets_at = excluded.resets_at, reported_at = now()
"""

# A quota that has begun anew since it was reported, or that nobody reports any more, is unknown, not used up.
LIST_UPSTREAM = """
SELECT backend, meter, used, amount, resets_at, reported_at FROM upstream_quota
WHERE (resets_at IS NULL OR resets_at > now()) AND reported_at > now() - $1 * interval '1 second'
ORDER BY backend, meter
"""


async def reserve(conn: Connection, org_id: UUID, needs: Sequence[Need]) -> list[Shortage]:
    """Reserve what jobs may use of what their organisation's plan counts, and say what there is too little of."""
    rows = await conn.fetch(
        RESERVE,
        org_id,
        [need.job_id for need in needs],
        [need.meter for need in needs],
        [need.amount for need in needs],
    )
    return [Shortage(**row) for row in rows]


async def settle(conn: Connection, spent: Sequence[Spent]) -> None:
    """Count what jobs have used, and free what else they had reserved."""
    await conn.execute(
        SETTLE,
        [each.job_id for each in spent],
        [each.solve_ms for each in spent],
        [each.is_free for each in spent],
    )


async def settle_part(conn: Connection, part: Part) -> None:
    """Keep as much of what was reserved for a part of a job's work as it used."""
    await conn.execute(SETTLE_PART, part.job_id, part.meter, part.reserved, part.used)


async def note_refusal(conn: Connection, org_id: UUID, shortages: Sequence[Shortage]) -> None:
    """Count that an organisation was refused, and give the notice of 100 %."""
    meters, amounts = [each.meter for each in shortages], [each.amount for each in shortages]
    await conn.execute(NOTE_REFUSAL, org_id, meters, amounts)


async def list_usage(conn: Connection, org_id: UUID | None) -> list[Usage]:
    """How the quotas of an organisation stand, or all that were ever used."""
    return [Usage(**row) for row in await conn.fetch(LIST_USAGE, org_id)]


async def take_pulse(conn: Connection) -> QuotaPulse:
    """How all quotas together stand."""
    row = await conn.fetchrow(TAKE_PULSE, UPSTREAM_FRESH_S)
    assert row is not None, "an aggregate has a row"
    return QuotaPulse(**row)


async def raise_quota(conn: Connection, org_id: UUID, meter: Meter, amount: int) -> None:
    """Give an organisation at least so much in the present period."""
    await conn.execute(RAISE, org_id, meter, amount)


async def list_notices(
    conn: Connection, org_id: UUID | None, *, after: datetime | None, count_max: int
) -> list[Notice]:
    """The newest notices, of one organisation or of all."""
    return [Notice(**row) for row in await conn.fetch(LIST_NOTICES, org_id, after, count_max)]


async def take_untold(conn: Connection, *, count_max: int) -> list[Notice]:
    """Take notices of which nobody was told, the oldest first; they count as told if the transaction commits."""
    notices = [Notice(**row) for row in await conn.fetch(TAKE_UNTOLD, count_max)]
    return sorted(notices, key=lambda each: (each.noticed_at, each.org_id, each.meter, each.percent))


async def note_forecasts(conn: Connection, forecasts: Sequence[Forecast]) -> list[Forecast]:
    """Note that quotas will be used up; those of which that was not known in their period yet."""
    rows = await conn.fetch(
        NOTE_FORECASTS,
        [each.usage.org_id for each in forecasts],
        [each.usage.meter for each in forecasts],
        [each.usage.period for each in forecasts],
        [each.exhausted_at for each in forecasts],
    )
    new = {(row["org_id"], row["meter"], row["period"]) for row in rows}
    return [each for each in forecasts if (each.usage.org_id, each.usage.meter, each.usage.period) in new]


async def record_upstream(conn: Connection, quota: UpstreamQuota) -> None:
    """Write down what a backend reported of a quota of ours."""
    await conn.execute(RECORD_UPSTREAM, quota.backend, quota.meter, quota.used, quota.amount, quota.resets_at)


async def list_upstream(conn: Connection) -> list[UpstreamQuota]:
    """What the backends reported lately, but for what has begun anew since."""
    return [UpstreamQuota(**row) for row in await conn.fetch(LIST_UPSTREAM, UPSTREAM_FRESH_S)]
