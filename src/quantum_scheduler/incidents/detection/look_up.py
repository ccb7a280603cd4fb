"""Look up what detection sees."""

from quantum_scheduler.incidents.detection import store
from quantum_scheduler.postgres.connect import Connection


async def is_any_raised(conn: Connection, runbook: str) -> bool:
    """Say whether a signal of a runbook is raised."""
    return any(each.is_raised for each in await store.read_signals(conn) if each.runbook == runbook)
