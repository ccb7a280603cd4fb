"""The statements on what operators decided for all jobs, and on what the environment says."""

from datetime import datetime
from typing import Any

from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.solving.routing_model import Override

# The workers' environment was changed after an override that is older than what it says now.
FIND_OVERRIDES = """
SELECT name, value, reason, set_at, expires_at FROM routing_override AS mine
WHERE (expires_at IS NULL OR expires_at > now())
    AND NOT EXISTS (SELECT FROM routing_environment WHERE name = mine.name AND changed_at > mine.set_at)
"""

SET_OVERRIDE = """
INSERT INTO routing_override (name, value, reason, expires_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, reason = excluded.reason, expires_at = excluded.expires_at,
    set_at = clock_timestamp()
"""

CLEAR_OVERRIDE = "DELETE FROM routing_override WHERE name = $1 RETURNING name"

NOTE_ENVIRONMENT = """
INSERT INTO routing_environment (name, value) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = clock_timestamp()
WHERE routing_environment.value <> excluded.value
"""

FIND_ENVIRONMENT = "SELECT name, value FROM routing_environment"


async def find_overrides(conn: Connection) -> list[Override]:
    """What operators decided and still holds."""
    return [Override(**row) for row in await conn.fetch(FIND_OVERRIDES)]


async def set_override(conn: Connection, name: str, value: Any, *, reason: str, expires_at: datetime | None) -> None:
    """Put a value in place of the environment's."""
    await conn.execute(SET_OVERRIDE, name, value, reason, expires_at)


async def clear_override(conn: Connection, name: str) -> bool:
    """Leave it to the environment again; False where it was."""
    return await conn.fetchval(CLEAR_OVERRIDE, name) is not None


async def note_environment(conn: Connection, name: str, value: Any) -> None:
    """Write down what a worker's environment says, and when that last changed."""
    await conn.execute(NOTE_ENVIRONMENT, name, value)


async def find_environment(conn: Connection) -> dict[str, Any]:
    """What the environment of the worker that started last says."""
    return {row["name"]: row["value"] for row in await conn.fetch(FIND_ENVIRONMENT)}
