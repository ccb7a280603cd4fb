"""Every statement of maintenance."""

from datetime import datetime
from typing import Any

from quantum_scheduler.monitoring.maintenance.model import Maintenance, Plan
from quantum_scheduler.postgres.connect import Connection

_COLUMNS = "id, title, body, components, starts_at, ends_at, made_by, made_at, ended_at"

ADD = f"""
INSERT INTO maintenance (title, body, components, starts_at, ends_at, made_by, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING {_COLUMNS}
"""  # noqa: S608  a list of columns
COUNT_AHEAD = "SELECT count(*) FROM maintenance WHERE ended_at IS NULL AND ends_at > $1"
END = f"""
UPDATE maintenance SET ended_at = $2, ended_by = $3 WHERE id = $1 AND ended_at IS NULL AND ends_at > $2
RETURNING {_COLUMNS}
"""  # noqa: S608
# Those that are not over, the next one first.
LIST_AHEAD = f"""
SELECT {_COLUMNS} FROM maintenance WHERE ended_at IS NULL AND ends_at > $1 ORDER BY starts_at, id LIMIT $2
"""  # noqa: S608
LIST = f"SELECT {_COLUMNS} FROM maintenance ORDER BY starts_at DESC, id DESC LIMIT $1"  # noqa: S608
# Writes down how far each is; those that have gone on since the last time.
TURN = f"""
UPDATE maintenance SET told = now.phase
FROM (SELECT id AS of, CASE
        WHEN ended_at < starts_at THEN 'cancelled' WHEN ended_at IS NOT NULL OR $1 >= ends_at THEN 'completed'
        WHEN $1 >= starts_at THEN 'in_progress' ELSE 'scheduled' END AS phase
    FROM maintenance WHERE told IS NULL OR told IN ('scheduled', 'in_progress') FOR UPDATE) AS now
WHERE id = now.of AND told IS DISTINCT FROM now.phase RETURNING {_COLUMNS}
"""  # noqa: S608
LIST_COMPONENTS = """
SELECT DISTINCT unnest(components) AS component FROM maintenance
WHERE ended_at IS NULL AND starts_at <= $1 AND ends_at > $1
"""


async def add(conn: Connection, plan: Plan, *, actor: str, now: datetime) -> Maintenance:
    """Write a plan down."""
    row = await conn.fetchrow(
        ADD, plan.title, plan.body, list(plan.components), plan.starts_at, plan.ends_at, actor, now
    )
    assert row is not None
    return _to_maintenance(row)


async def count_ahead(conn: Connection, now: datetime) -> int:
    """Count those that are not over."""
    return int(await conn.fetchval(COUNT_AHEAD, now))


async def end(conn: Connection, maintenance_id: int, *, actor: str, now: datetime) -> Maintenance | None:
    """End one before its time; None where there is none that is not over."""
    row = await conn.fetchrow(END, maintenance_id, now, actor)
    return None if row is None else _to_maintenance(row)


async def list_ahead(conn: Connection, now: datetime, limit: int) -> list[Maintenance]:
    """List those that are not over, the next one first."""
    return [_to_maintenance(row) for row in await conn.fetch(LIST_AHEAD, now, limit)]


async def list_all(conn: Connection, limit: int) -> list[Maintenance]:
    """List all, the latest one first."""
    return [_to_maintenance(row) for row in await conn.fetch(LIST, limit)]


async def turn(conn: Connection, now: datetime) -> list[Maintenance]:
    """List those that have gone on since this was asked last, each once."""
    return [_to_maintenance(row) for row in await conn.fetch(TURN, now)]


async def list_components(conn: Connection, now: datetime) -> frozenset[str]:
    """List what is worked on at a moment."""
    return frozenset(row["component"] for row in await conn.fetch(LIST_COMPONENTS, now))


def _to_maintenance(row: Any) -> Maintenance:
    return Maintenance(**{**row, "components": tuple(row["components"])})
