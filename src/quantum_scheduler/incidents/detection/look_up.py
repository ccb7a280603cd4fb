"""Look up what detection sees."""

from quantum_scheduler.incidents.detection import store
from quantum_scheduler.postgres.connect import Connection


async def is_raised(conn: Connection, runbook: str, title: str) -> bool:
    """Say whether a signal of a runbook is raised."""
    signals = await store.read_signals(conn)
    return any(each.is_raised for each in signals if (each.runbook, each.title) == (runbook, title))
