"""Every statement of drills."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from quantum_scheduler.drills.model import Abandoned
from quantum_scheduler.postgres.connect import Connection

SAY_ALLOWED = """
INSERT INTO drill_ground (is_allowed, said_at) VALUES ($1, $2)
ON CONFLICT (id) DO UPDATE SET is_allowed = excluded.is_allowed, said_at = excluded.said_at
"""
IS_ALLOWED = "SELECT coalesce((SELECT is_allowed FROM drill_ground), false)"
LOCK = "LOCK TABLE drill IN SHARE ROW EXCLUSIVE MODE"
FIND_OTHER = "SELECT name FROM drill WHERE finished_at IS NULL AND expires_at > $1 ORDER BY id LIMIT 1"
LIST_ABANDONED = """
SELECT id, name, started_at, expires_at FROM drill WHERE finished_at IS NULL AND expires_at < $1 ORDER BY id LIMIT 10
"""
INSERT = """
INSERT INTO drill (name, runbook, fault, pace, started_by, started_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id
"""
RENEW = "UPDATE drill SET expires_at = $2 WHERE id = $1 AND finished_at IS NULL"
FINISH = "UPDATE drill SET finished_at = $2, report = $3 WHERE id = $1"
END = "UPDATE drill SET finished_at = $2 WHERE id = $1 AND finished_at IS NULL"


async def say_allowed(conn: Connection, is_allowed: bool, now: datetime) -> None:
    """Write down whether drills are allowed."""
    await conn.execute(SAY_ALLOWED, is_allowed, now)


async def is_allowed(conn: Connection) -> bool:
    """Whether drills are allowed."""
    return bool(await conn.fetchval(IS_ALLOWED))


async def lock(conn: Connection) -> None:
    """Let nobody else begin a drill until the transaction ends."""
    await conn.execute(LOCK)


async def find_other(conn: Connection, alive_after: datetime) -> str | None:
    """The name of a drill that is not over, and was alive after then."""
    name: str | None = await conn.fetchval(FIND_OTHER, alive_after)
    return name


async def list_abandoned(conn: Connection, dead_before: datetime) -> list[Abandoned]:
    """The drills that are not over, though nobody has renewed them beyond then."""
    return [Abandoned(**row) for row in await conn.fetch(LIST_ABANDONED, dead_before)]


async def insert(conn: Connection, *row: Any) -> int:
    """Write a new drill: name, runbook, fault, pace, started_by, started_at, expires_at."""
    return int(await conn.fetchval(INSERT, *row))


async def renew(conn: Connection, drill_id: int, until: datetime) -> None:
    """Let a drill go on until then."""
    await conn.execute(RENEW, drill_id, until)


async def finish(conn: Connection, drill_id: int, now: datetime, report: Mapping[str, Any]) -> None:
    """Write down that a drill is over, and what it found."""
    await conn.execute(FINISH, drill_id, now, report)


async def end(conn: Connection, drill_id: int, now: datetime) -> None:
    """Write down that a drill is over, where that was not yet."""
    await conn.execute(END, drill_id, now)
