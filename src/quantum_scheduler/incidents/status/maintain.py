"""Schedule maintenance on the status page, and end it."""

from datetime import datetime

from quantum_scheduler.incidents.status import store
from quantum_scheduler.incidents.status.follow import follow
from quantum_scheduler.incidents.status.model import ComponentUnknown
from quantum_scheduler.incidents.status.subscriptions.tell import tell_maintenance
from quantum_scheduler.monitoring.maintenance import plan
from quantum_scheduler.monitoring.maintenance.model import Maintenance, Plan
from quantum_scheduler.postgres.connect import Connection


async def schedule_maintenance(conn: Connection, wanted: Plan, *, actor: str, now: datetime) -> Maintenance:
    """Plan a maintenance of components, and show it. Raises ComponentUnknown, MaintenanceInvalid."""
    known = [each.name for each in await store.list_components(conn)]
    missing = sorted(set(wanted.components) - set(known))
    if missing:
        raise ComponentUnknown(f"the status page has no {missing[0]}; it has {', '.join(known)}")
    planned = await plan.plan_maintenance(conn, wanted, actor=actor, now=now)
    await follow(conn, now=now)
    await tell_maintenance(conn, now=now)
    return planned


async def end_maintenance(conn: Connection, maintenance_id: int, *, actor: str, now: datetime) -> Maintenance:
    """End a maintenance before its time, or cancel it. Raises MaintenanceUnknown."""
    ended = await plan.end_maintenance(conn, maintenance_id, actor=actor, now=now)
    await follow(conn, now=now)
    await tell_maintenance(conn, now=now)
    return ended
