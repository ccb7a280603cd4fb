"""The statements on organisations."""

from collections.abc import Sequence
from uuid import UUID

from asyncpg import Record

from quantum_scheduler.accounts.organisation import Organisation
from quantum_scheduler.postgres.connect import Connection

INSERT_ORGANISATION = """
INSERT INTO organisation (id, name, plan) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING
"""

LOCK_ORGANISATION = """
SELECT id FROM organisation WHERE id = $1 FOR UPDATE
"""

FIND_ORGANISATION = (
    "SELECT id, name, plan, needs_second_factor, created_at, blocked_at, blocked_reason FROM organisation WHERE id = $1"
)

LIST_ORGANISATIONS = """
SELECT id, name, plan, needs_second_factor, created_at, blocked_at, blocked_reason
FROM organisation ORDER BY created_at, id LIMIT $1
"""

BLOCK_ORGANISATION = """
UPDATE organisation SET blocked_at = coalesce(blocked_at, now()), blocked_reason = $2
WHERE id = $1 AND blocked_reason IS DISTINCT FROM $2 RETURNING id
"""

UNBLOCK_ORGANISATION = """
UPDATE organisation SET blocked_at = NULL, blocked_reason = NULL WHERE id = $1 AND blocked_at IS NOT NULL RETURNING id
"""


NEED_SECOND_FACTOR = """
UPDATE organisation SET needs_second_factor = $2 WHERE id = $1 AND needs_second_factor <> $2 RETURNING id
"""


async def insert_organisation(conn: Connection, org_id: UUID, name: str, plan: str) -> None:
    """Write an organisation down, unless it is there already."""
    await conn.execute(INSERT_ORGANISATION, org_id, name, plan)


async def lock_organisation(conn: Connection, org_id: UUID) -> bool:
    """Make every other transaction that locks this organisation wait until this one ends; False if there is none."""
    return await conn.fetchval(LOCK_ORGANISATION, org_id) is not None


async def find_organisation(conn: Connection, org_id: UUID) -> Organisation | None:
    """Find an organisation."""
    row = await conn.fetchrow(FIND_ORGANISATION, org_id)
    return None if row is None else _organisation(row)


async def list_organisations(conn: Connection, *, limit: int) -> Sequence[Organisation]:
    """The organisations, oldest first."""
    return [_organisation(row) for row in await conn.fetch(LIST_ORGANISATIONS, limit)]


async def block_organisation(conn: Connection, org_id: UUID, reason: str) -> bool:
    """Block an organisation; False where it was blocked for this reason already or is not there."""
    return await conn.fetchval(BLOCK_ORGANISATION, org_id, reason) is not None


async def unblock_organisation(conn: Connection, org_id: UUID) -> bool:
    """Let an organisation in again; False where it was not blocked."""
    return await conn.fetchval(UNBLOCK_ORGANISATION, org_id) is not None


async def need_second_factor(conn: Connection, org_id: UUID, is_needed: bool) -> bool:
    """Ask for a second factor of those who look after an organisation, or no more; False where it was so already."""
    return await conn.fetchval(NEED_SECOND_FACTOR, org_id, is_needed) is not None


def _organisation(row: Record) -> Organisation:
    return Organisation(**row)
