"""Plan maintenance, end it, and say what is being worked on."""

from datetime import datetime

from quantum_scheduler.monitoring.maintenance import store
from quantum_scheduler.monitoring.maintenance.model import (
    LISTED_MAX,
    PLANNED_MAX,
    Maintenance,
    MaintenanceInvalid,
    MaintenanceUnknown,
    Plan,
)
from quantum_scheduler.postgres.connect import Connection


async def plan_maintenance(conn: Connection, plan: Plan, *, actor: str, now: datetime) -> Maintenance:
    """Write a maintenance down. Raises MaintenanceInvalid."""
    if plan.ends_at <= now:
        raise MaintenanceInvalid("this maintenance would be over already")
    if await store.count_ahead(conn, now) >= PLANNED_MAX:
        raise MaintenanceInvalid(f"{PLANNED_MAX:,} maintenances may be planned")
    return await store.add(conn, plan, actor=actor, now=now)


async def end_maintenance(conn: Connection, maintenance_id: int, *, actor: str, now: datetime) -> Maintenance:
    """End a maintenance now, or cancel one that has not begun. Raises MaintenanceUnknown."""
    ended = await store.end(conn, maintenance_id, actor=actor, now=now)
    if ended is None:
        raise MaintenanceUnknown(f"there is no maintenance {maintenance_id} that is not over")
    return ended


async def list_ahead(conn: Connection, *, now: datetime, limit: int = LISTED_MAX) -> list[Maintenance]:
    """List the maintenances that are not over, the next one first."""
    return await store.list_ahead(conn, now, limit)


async def list_all(conn: Connection, *, limit: int = LISTED_MAX) -> list[Maintenance]:
    """List the maintenances, the latest one first."""
    return await store.list_all(conn, limit)


async def turn_maintenance(conn: Connection, *, now: datetime) -> list[Maintenance]:
    """List the maintenances that were planned, began or ended since this was asked last, each once."""
    return await store.turn(conn, now)


async def find_maintained(conn: Connection, *, now: datetime) -> frozenset[str]:
    """Name the components that are being worked on: what is raised about them is expected."""
    return await store.list_components(conn, now)
