"""What people and runbooks may do about quotas. It may be done twice, and is audited."""

from uuid import UUID

from quantum_scheduler.accounts.audit.record import record_action
from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.accounts.quota import store
from quantum_scheduler.accounts.quota.model import Allowance, Meter, MeterUncounted, Usage
from quantum_scheduler.postgres.connect import Connection


async def raise_quota(
    conn: Connection,
    org_id: UUID,
    meter: Meter,
    to: int,
    *,
    reason: str,
    by: Principal | None = None,
    incident_id: str | None = None,
) -> Usage:
    """`quota.raise`: give an organisation at least so much of a meter in the present period, and say how it stands.

    Raises MeterUncounted, ValueError.
    """
    Allowance(amount=to)
    await _find(conn, org_id, meter)
    await store.raise_quota(conn, org_id, meter, to)
    said = {"meter": meter, "to": to, "reason": reason}
    await record_action(conn, "quota.raise", f"organisation:{org_id}", said, by=by, incident_id=incident_id)
    return await _find(conn, org_id, meter)


async def _find(conn: Connection, org_id: UUID, meter: Meter) -> Usage:
    for usage in await store.list_usage(conn, org_id):
        if usage.meter == meter:
            return usage
    raise MeterUncounted(org_id, meter)
