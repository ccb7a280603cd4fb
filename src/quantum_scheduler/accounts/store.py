"""Every SQL statement of the accounts."""

from dataclasses import dataclass
from uuid import UUID

from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.postgres.connect import Connection

INSERT_ORGANISATION = """
INSERT INTO organisation (id, name) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING
"""

LOCK_ORGANISATION = """
SELECT id FROM organisation WHERE id = $1 FOR UPDATE
"""

HAS_LIVE_KEY = """
SELECT EXISTS (SELECT FROM api_key WHERE org_id = $1 AND revoked_at IS NULL)
"""

INSERT_KEY = """
INSERT INTO api_key (id, org_id, digest, hint) VALUES ($1, $2, $3, $4)
"""

FIND_LIVE_KEY = """
SELECT id, org_id, digest FROM api_key WHERE id = $1 AND revoked_at IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A live key as it is stored: whom it lets in, and the digest it must match."""

    principal: Principal
    digest: bytes


async def insert_organisation(conn: Connection, org_id: UUID, name: str) -> None:
    """Write an organisation down, unless it is there already."""
    await conn.execute(INSERT_ORGANISATION, org_id, name)


async def lock_organisation(conn: Connection, org_id: UUID) -> None:
    """Make every other transaction that locks this organisation wait until this one ends."""
    await conn.execute(LOCK_ORGANISATION, org_id)


async def has_live_key(conn: Connection, org_id: UUID) -> bool:
    """Say whether the organisation has a key that is not revoked."""
    return bool(await conn.fetchval(HAS_LIVE_KEY, org_id))


async def insert_key(conn: Connection, principal: Principal, *, digest: bytes, hint: str) -> None:
    """Write a new key down."""
    await conn.execute(INSERT_KEY, principal.key_id, principal.org_id, digest, hint)


async def find_live_key(conn: Connection, key_id: UUID) -> StoredKey | None:
    """Find a key that is not revoked."""
    row = await conn.fetchrow(FIND_LIVE_KEY, key_id)
    if row is None:
        return None
    return StoredKey(principal=Principal(org_id=row["org_id"], key_id=row["id"]), digest=row["digest"])
