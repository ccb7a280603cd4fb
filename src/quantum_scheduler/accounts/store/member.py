"""The statements on who belongs to an organisation."""

from collections.abc import Sequence
from uuid import UUID

from asyncpg import Record

from quantum_scheduler.accounts.model import Role
from quantum_scheduler.accounts.organisation import Holder, Member
from quantum_scheduler.postgres.connect import Connection

INSERT_MEMBER = """
INSERT INTO membership AS known (org_id, user_id, roles) VALUES ($1, $2, $3)
ON CONFLICT (org_id, user_id) DO UPDATE SET roles = ARRAY(
    SELECT DISTINCT role FROM unnest(known.roles || excluded.roles) AS each (role) ORDER BY role
)
"""

LIST_MEMBERS = """
SELECT user_id, email, name, roles, password_hash IS NOT NULL AS has_password, totp_sealed IS NOT NULL AS has_totp,
    blocked_at
FROM membership JOIN person ON person.id = user_id WHERE org_id = $1 ORDER BY email LIMIT $2
"""

FIND_MEMBER = """
SELECT user_id, email, name, roles, password_hash IS NOT NULL AS has_password, totp_sealed IS NOT NULL AS has_totp,
    blocked_at
FROM membership JOIN person ON person.id = user_id WHERE org_id = $1 AND user_id = $2 FOR UPDATE OF membership
"""

SET_ROLES = "UPDATE membership SET roles = $3 WHERE org_id = $1 AND user_id = $2"

DELETE_MEMBER = "DELETE FROM membership WHERE org_id = $1 AND user_id = $2"

COUNT_OTHER_ADMINS = """
SELECT count(*) FROM membership JOIN person ON person.id = user_id
WHERE org_id = $1 AND user_id <> $2 AND 'admin' = ANY(roles) AND blocked_at IS NULL
"""

LIST_HOLDERS = """
SELECT org_id, organisation.name AS org_name, user_id, email
FROM membership JOIN person ON person.id = user_id JOIN organisation ON organisation.id = org_id
WHERE org_id = ANY($1::uuid[]) AND roles && $2::text[] AND person.blocked_at IS NULL
ORDER BY org_id, email
"""

HAS_ADMIN = "SELECT EXISTS (SELECT FROM membership WHERE org_id = $1 AND 'admin' = ANY(roles))"


async def insert_member(conn: Connection, org_id: UUID, user_id: UUID, roles: Sequence[Role]) -> None:
    """Make somebody a member, or give a member more roles."""
    await conn.execute(INSERT_MEMBER, org_id, user_id, list(roles))


async def list_members(conn: Connection, org_id: UUID, *, limit: int) -> Sequence[Member]:
    """The organisation's members, by address."""
    return [_member(row) for row in await conn.fetch(LIST_MEMBERS, org_id, limit)]


async def find_member(conn: Connection, org_id: UUID, user_id: UUID) -> Member | None:
    """Find a member, and hold the membership."""
    row = await conn.fetchrow(FIND_MEMBER, org_id, user_id)
    return None if row is None else _member(row)


async def set_roles(conn: Connection, org_id: UUID, user_id: UUID, roles: Sequence[Role]) -> None:
    """Give a member these roles and no others."""
    await conn.execute(SET_ROLES, org_id, user_id, list(roles))


async def delete_member(conn: Connection, org_id: UUID, user_id: UUID) -> None:
    """Somebody is a member no more."""
    await conn.execute(DELETE_MEMBER, org_id, user_id)


async def count_other_admins(conn: Connection, org_id: UUID, user_id: UUID) -> int:
    """How many others may look after the organisation."""
    return int(await conn.fetchval(COUNT_OTHER_ADMINS, org_id, user_id))


async def list_holders(conn: Connection, org_ids: Sequence[UUID], roles: Sequence[Role]) -> Sequence[Holder]:
    """Who has one of the roles in one of the organisations, and may enter."""
    return [Holder(**row) for row in await conn.fetch(LIST_HOLDERS, org_ids, list(roles))]


async def has_admin(conn: Connection, org_id: UUID) -> bool:
    """Whether anybody looks after the organisation."""
    return bool(await conn.fetchval(HAS_ADMIN, org_id))


def _member(row: Record) -> Member:
    return Member(**{**row, "roles": tuple(row["roles"])})
