"""Look up plans, and what their rates are multiplied by."""

from collections.abc import Sequence
from uuid import UUID

from quantum_scheduler.accounts.limits.model import Multiplier, PlanUnknown
from quantum_scheduler.accounts.limits.plan import Plan
from quantum_scheduler.accounts.limits.request_model import RequestHour
from quantum_scheduler.accounts.limits.store import plan as store
from quantum_scheduler.accounts.limits.store import request
from quantum_scheduler.postgres.connect import Connection


async def list_plans(conn: Connection) -> list[Plan]:
    """Every plan, by name."""
    return await store.list_plans(conn)


async def find_plan(conn: Connection, name: str) -> Plan:
    """Find one plan. Raises PlanUnknown."""
    for plan in await store.list_plans(conn, name):
        return plan
    raise PlanUnknown(name)


async def list_multipliers(conn: Connection) -> Sequence[Multiplier]:
    """Every multiplier that is in force or on its way back to 1."""
    return await store.list_multipliers(conn)


async def list_request_hours(conn: Connection, org_id: UUID) -> list[RequestHour]:
    """What an organisation asked of the API in each hour of the last day."""
    return await request.requests_by_hour(conn, org_id)
