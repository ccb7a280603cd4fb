"""What people and runbooks may do about rates and plans. Everything here may be done twice, and is audited."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from uuid import UUID

from quantum_scheduler.accounts.audit.record import record_action
from quantum_scheduler.accounts.limits.look_up import find_plan
from quantum_scheduler.accounts.limits.model import RATED_LAYERS, ClassUnknown, Multiplier
from quantum_scheduler.accounts.limits.plan import Plan
from quantum_scheduler.accounts.limits.store import plan as store
from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.accounts.organisation import OrganisationUnknown
from quantum_scheduler.postgres.connect import Connection

RAMP_S = 300.0
MULTIPLIER_MIN = 0.01
MULTIPLIER_MAX = 100.0
MINUTES_MAX = 7 * 24 * 60.0


async def set_multiplier(
    conn: Connection,
    class_name: str,
    multiplier: float,
    *,
    minutes: float,
    reason: str,
    by: Principal | None = None,
    incident_id: str | None = None,
) -> Multiplier:
    """`limits.set_multiplier`: multiply the rates of a layer or of a plan for a while, then go back over `RAMP_S`.

    A multiplier of 1 ends another one. Raises ClassUnknown, ValueError.
    """
    if not MULTIPLIER_MIN <= multiplier <= MULTIPLIER_MAX:
        raise ValueError(f"a multiplier is a number from {MULTIPLIER_MIN:g} to {MULTIPLIER_MAX:g}")
    if not 0 < minutes <= MINUTES_MAX:
        raise ValueError(f"a multiplier lasts up to {MINUTES_MAX:g} minutes")
    if class_name not in RATED_LAYERS and not await store.list_plans(conn, class_name):
        raise ClassUnknown(class_name)
    given = Multiplier(
        class_name=class_name,
        multiplier=multiplier,
        ends_at=datetime.now(UTC) + timedelta(minutes=minutes),
        ramp_s=RAMP_S,
        reason=reason,
        incident_id=incident_id,
    )
    await store.set_multiplier(conn, given)
    said = {"multiplier": multiplier, "minutes": minutes, "reason": reason}
    await record_action(conn, "limits.set_multiplier", f"class:{class_name}", said, by=by, incident_id=incident_id)
    return given


async def set_plan(
    conn: Connection,
    org_id: UUID,
    plan: str,
    *,
    reason: str,
    by: Principal | None = None,
    incident_id: str | None = None,
) -> str:
    """`limits.set_plan`: give an organisation a plan, and return the name of the one it had.

    What its unfinished jobs have reserved stays. Raises OrganisationUnknown, PlanUnknown.
    """
    before = await store.find_plan_of(conn, org_id)
    if before is None:
        raise OrganisationUnknown(org_id)
    await find_plan(conn, plan)
    await store.set_plan(conn, org_id, plan)
    said = {"plan": plan, "before": before, "reason": reason}
    await record_action(conn, "limits.set_plan", f"organisation:{org_id}", said, by=by, incident_id=incident_id)
    return before


async def define_plan(
    conn: Connection, plan: Plan, *, reason: str, by: Principal | None = None, incident_id: str | None = None
) -> None:
    """`limits.define_plan`: make a plan, or change the one of its name for all organisations that have it."""
    await store.put_plan(conn, plan)
    said = {**asdict(plan), "reason": reason}
    await record_action(conn, "limits.define_plan", f"plan:{plan.name}", said, by=by, incident_id=incident_id)
