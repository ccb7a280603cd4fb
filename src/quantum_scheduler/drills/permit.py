"""Allow drills, and see to it that there is one at a time."""

from datetime import datetime, timedelta

from quantum_scheduler.drills import store
from quantum_scheduler.drills.model import DrillRefused, Order
from quantum_scheduler.incidents.look_up import list_incidents
from quantum_scheduler.incidents.model import UNRESOLVED
from quantum_scheduler.postgres.connect import Connection

# After that the watch has put back what the driller that died left, or there is none.
CLEARED_AWAY_WITHIN = timedelta(minutes=10)
NOT_ALLOWED = "drills are not allowed here: start the service with DRILLS_ALLOWED=true, where no work depends on it"


async def say_whether_allowed(conn: Connection, allowed: bool, *, now: datetime) -> None:
    """Say for all processes whether drills are allowed."""
    await store.say_allowed(conn, allowed, now)


async def check_allowed(conn: Connection) -> None:
    """Raise DrillRefused where the instance is not marked as allowing drills."""
    if not await store.is_allowed(conn):
        raise DrillRefused(NOT_ALLOWED)


async def open_drill(conn: Connection, order: Order, *, until: datetime, now: datetime) -> int:
    """Begin a drill; its id. Opens a transaction. Raises DrillRefused where there may be none, or not now."""
    async with conn.transaction():
        await store.lock(conn)
        await check_allowed(conn)
        other = await store.find_other(conn, now - CLEARED_AWAY_WITHIN)
        if other is not None:
            raise DrillRefused(f"{other} is not over yet: one drill at a time, so that it is clear what did what")
        await _check_quiet(conn, order.scenario.runbook, now=now)
        about = order.scenario.name, order.scenario.runbook, order.fault, order.hold_factor, order.by
        return await store.insert(conn, *about, now, until)


async def _check_quiet(conn: Connection, runbook: str, *, now: datetime) -> None:
    """Raise DrillRefused where the runbook has something real to do."""
    for each in await list_incidents(conn, states=UNRESOLVED, since=now - timedelta(days=7)):
        if each.runbook == runbook:
            raise DrillRefused(f"{each.name} of {runbook} is {each.state}: resolve it first")
