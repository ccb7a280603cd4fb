"""Organisations with plans, for the tests of what plans allow."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from quantum_scheduler.accounts.limits.model import Rate
from quantum_scheduler.accounts.limits.plan import Plan
from quantum_scheduler.accounts.limits.store.plan import put_plan
from quantum_scheduler.accounts.quota.model import Allowance, Meter
from quantum_scheduler.postgres.connect import Pool

AMPLE = Rate(requests=1000, window_s=1)
Customer = Callable[..., Awaitable[UUID]]


def add_customer(pool: Pool) -> Customer:
    """What makes an organisation with a plan of its own."""

    async def make(
        *,
        plan: str = "own",
        key: Rate = AMPLE,
        organisation: Rate = AMPLE,
        at_once: int = 100,
        **quotas: Allowance,
    ) -> UUID:
        named: dict[Meter, Allowance] = {name: quotas[name] for name in quotas}  # type: ignore[misc]  # they are meters
        async with pool.acquire() as conn, conn.transaction():
            await put_plan(
                conn, Plan(name=plan, key=key, organisation=organisation, requests_at_once=at_once, quotas=named)
            )
            org_id: UUID = await conn.fetchval(
                "INSERT INTO organisation (name, plan) VALUES ('a customer', $1) RETURNING id", plan
            )
        return org_id

    return make
