"""The statements on API keys."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from quantum_scheduler.accounts.organisation import ApiKey
from quantum_scheduler.postgres.connect import Connection

HAS_LIVE_KEY = """
SELECT EXISTS (
    SELECT FROM api_key WHERE org_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
)
"""

COUNT_LIVE_KEYS = """
SELECT count(*) FROM api_key WHERE org_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""

INSERT_KEY = """
INSERT INTO api_key (id, org_id, digest, pepper, hint, name, scopes, expires_at, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

FIND_LIVE_KEY = """
SELECT api_key.id, api_key.org_id, digest, pepper, scopes, expires_at, plan, blocked_at IS NOT NULL AS is_blocked
FROM api_key JOIN organisation ON organisation.id = api_key.org_id
WHERE api_key.id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""

RENEW_DIGEST = "UPDATE api_key SET digest = $2, pepper = $3 WHERE id = $1"

LOCK_KEY = """
SELECT id, org_id, name, hint, scopes, created_at, expires_at, revoked_at, replaced_by
FROM api_key WHERE id = $1 AND ($2::uuid IS NULL OR org_id = $2) FOR UPDATE
"""

LIST_KEYS = """
SELECT id, org_id, name, hint, scopes, created_at, expires_at, revoked_at, replaced_by
FROM api_key WHERE org_id = $1 ORDER BY id DESC LIMIT $2
"""

REVOKE_KEY = "UPDATE api_key SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING id"

REPLACE_KEY = """
UPDATE api_key SET replaced_by = $2, expires_at = least(expires_at, now() + $3 * interval '1 second') WHERE id = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A live key as it is stored: the digest it must match, and what it is good for."""

    id: UUID
    org_id: UUID
    digest: bytes = field(repr=False)
    pepper: int
    scopes: Sequence[str]
    expires_at: datetime | None
    plan: str
    is_blocked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key to write down."""

    id: UUID
    org_id: UUID
    digest: bytes = field(repr=False)
    pepper: int
    hint: str
    name: str
    scopes: Sequence[str]
    expires_at: datetime | None
    created_by: UUID | None


async def has_live_key(conn: Connection, org_id: UUID) -> bool:
    """Say whether the organisation has a key that is neither revoked nor expired."""
    return bool(await conn.fetchval(HAS_LIVE_KEY, org_id))


async def count_live_keys(conn: Connection, org_id: UUID) -> int:
    """Count the keys of the organisation that are neither revoked nor expired."""
    return int(await conn.fetchval(COUNT_LIVE_KEYS, org_id))


async def insert_key(conn: Connection, key: NewKey) -> None:
    """Write a new key down."""
    await conn.execute(
        INSERT_KEY,
        key.id,
        key.org_id,
        key.digest,
        key.pepper,
        key.hint,
        key.name,
        key.scopes,
        key.expires_at,
        key.created_by,
    )


async def find_live_key(conn: Connection, key_id: UUID) -> StoredKey | None:
    """Find a key that is neither revoked nor expired."""
    row = await conn.fetchrow(FIND_LIVE_KEY, key_id)
    return None if row is None else StoredKey(**row)


async def renew_digest(conn: Connection, key_id: UUID, *, digest: bytes, pepper: int) -> None:
    """Store another digest of the same key."""
    await conn.execute(RENEW_DIGEST, key_id, digest, pepper)


async def lock_key(conn: Connection, key_id: UUID, *, org_id: UUID | None) -> ApiKey | None:
    """Find a key, of one organisation or of any, and hold its row."""
    row = await conn.fetchrow(LOCK_KEY, key_id, org_id)
    return None if row is None else _key(row)


async def list_keys(conn: Connection, org_id: UUID, *, limit: int) -> Sequence[ApiKey]:
    """The organisation's keys, newest first."""
    return [_key(row) for row in await conn.fetch(LIST_KEYS, org_id, limit)]


async def revoke_key(conn: Connection, key_id: UUID) -> bool:
    """Revoke a key; False where it was revoked already."""
    return await conn.fetchval(REVOKE_KEY, key_id) is not None


async def replace_key(conn: Connection, key_id: UUID, *, by: UUID, overlap_s: float) -> None:
    """Let a key work for so much longer, and name the one that came in its place."""
    await conn.execute(REPLACE_KEY, key_id, by, overlap_s)


def _key(row: Record) -> ApiKey:
    return ApiKey(**{**row, "scopes": tuple(row["scopes"])})
