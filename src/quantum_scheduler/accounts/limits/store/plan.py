"""The statements on plans, on who has which, and on what their rates are multiplied by."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from quantum_scheduler.accounts.limits.model import Multiplier, Rate
from quantum_scheduler.accounts.limits.plan import Plan
from quantum_scheduler.accounts.quota.model import Allowance, Meter
from quantum_scheduler.postgres.connect import Connection

LIST_PLANS = """
SELECT plan.name, key_requests, key_window_s, org_requests, org_window_s, requests_at_once,
    coalesce(quotas.quotas, '{}'::jsonb) AS quotas,
    (SELECT count(*) FROM organisation WHERE organisation.plan = plan.name) AS organisations
FROM plan
LEFT JOIN (
    SELECT plan, jsonb_object_agg(meter, jsonb_build_object('amount', amount, 'is_soft', is_soft)) AS quotas
    FROM plan_quota GROUP BY plan
) AS quotas ON quotas.plan = plan.name
WHERE $1::text IS NULL OR plan.name = $1 ORDER BY plan.name
"""

PUT_PLAN = """
INSERT INTO plan (name, key_requests, key_window_s, org_requests, org_window_s, requests_at_once)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (name) DO UPDATE SET key_requests = excluded.key_requests, key_window_s = excluded.key_window_s,
    org_requests = excluded.org_requests, org_window_s = excluded.org_window_s,
    requests_at_once = excluded.requests_at_once
"""

CLEAR_QUOTAS = "DELETE FROM plan_quota WHERE plan = $1 AND meter <> ALL($2::text[])"

PUT_QUOTAS = """
INSERT INTO plan_quota (plan, meter, amount, is_soft)
SELECT $1, given.* FROM unnest($2::text[], $3::bigint[], $4::boolean[]) AS given
ON CONFLICT (plan, meter) DO UPDATE SET amount = excluded.amount, is_soft = excluded.is_soft
"""

FIND_PLAN_OF = "SELECT plan FROM organisation WHERE id = $1"

SET_PLAN = "UPDATE organisation SET plan = $2 WHERE id = $1 AND plan <> $2"

SET_MULTIPLIER = """
INSERT INTO rate_multiplier (class, multiplier, ends_at, ramp_s, reason, incident_id) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (class) DO UPDATE SET multiplier = excluded.multiplier, ends_at = excluded.ends_at,
    ramp_s = excluded.ramp_s, reason = excluded.reason, incident_id = excluded.incident_id, set_at = now()
"""

LIST_MULTIPLIERS = """
SELECT class AS class_name, multiplier, ends_at, ramp_s, reason, incident_id FROM rate_multiplier
WHERE ends_at + ramp_s * interval '1 second' > now() ORDER BY class
"""


async def list_plans(conn: Connection, name: str | None = None) -> list[Plan]:
    """The plans, or the one of that name."""
    return [
        Plan(
            name=row["name"],
            key=Rate(requests=row["key_requests"], window_s=row["key_window_s"]),
            organisation=Rate(requests=row["org_requests"], window_s=row["org_window_s"]),
            requests_at_once=row["requests_at_once"],
            quotas={meter: Allowance(**quota) for meter, quota in sorted(row["quotas"].items())},
            organisations=row["organisations"],
        )
        for row in await conn.fetch(LIST_PLANS, name)
    ]


async def put_plan(conn: Connection, plan: Plan) -> None:
    """Write a plan down, over the one of its name."""
    await conn.execute(
        PUT_PLAN,
        plan.name,
        plan.key.requests,
        plan.key.window_s,
        plan.organisation.requests,
        plan.organisation.window_s,
        plan.requests_at_once,
    )
    await _put_quotas(conn, plan.name, plan.quotas)


async def find_plan_of(conn: Connection, org_id: UUID) -> str | None:
    """The name of an organisation's plan, None where there is no such organisation."""
    name: str | None = await conn.fetchval(FIND_PLAN_OF, org_id)
    return name


async def set_plan(conn: Connection, org_id: UUID, name: str) -> None:
    """Give an organisation a plan."""
    await conn.execute(SET_PLAN, org_id, name)


async def set_multiplier(conn: Connection, given: Multiplier) -> None:
    """Multiply the rates of a class, whatever they were multiplied by before."""
    await conn.execute(
        SET_MULTIPLIER,
        given.class_name,
        given.multiplier,
        given.ends_at,
        given.ramp_s,
        given.reason,
        given.incident_id,
    )


async def list_multipliers(conn: Connection) -> Sequence[Multiplier]:
    """The multipliers that have not come back to 1."""
    return [Multiplier(**row) for row in await conn.fetch(LIST_MULTIPLIERS)]


async def _put_quotas(conn: Connection, plan: str, quotas: Mapping[Meter, Allowance]) -> None:
    meters = list(quotas)
    await conn.execute(CLEAR_QUOTAS, plan, meters)
    amounts, soft = [each.amount for each in quotas.values()], [each.is_soft for each in quotas.values()]
    await conn.execute(PUT_QUOTAS, plan, meters, amounts, soft)
