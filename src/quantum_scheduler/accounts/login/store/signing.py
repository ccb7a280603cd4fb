"""The statements on what access tokens are signed with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from asyncpg import Record

from quantum_scheduler.postgres.connect import Connection

KeyState = Literal["next", "active", "retiring", "gone"]

# Any number that nobody else locks: one process at a time makes or moves keys.
LOCK = 0x7173_6A77
TAKE_LOCK = "SELECT pg_advisory_xact_lock($1)"

LIST_KEYS = """
SELECT kid, state, public_jwk, sealed, published_at, changed_at FROM access_token_key
WHERE state <> 'gone' ORDER BY published_at, kid
"""

FIND_KEY = """
SELECT public_jwk FROM access_token_key WHERE kid = $1 AND state IN ('active', 'retiring')
"""

INSERT_KEY = """
INSERT INTO access_token_key (kid, state, public_jwk, sealed, published_at, changed_at) VALUES ($1, $2, $3, $4, $5, $5)
"""

MOVE_KEY = """
UPDATE access_token_key SET state = $2, changed_at = $3, sealed = CASE WHEN $2 = 'active' THEN sealed END WHERE kid = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One key; `sealed` is its private half, where it still signs or is going to."""

    kid: str
    state: KeyState
    public_jwk: Mapping[str, Any]
    sealed: bytes | None = field(repr=False)
    published_at: datetime
    changed_at: datetime


async def lock_keys(conn: Connection) -> None:
    """Make every other transaction that moves keys wait until this one ends."""
    await conn.execute(TAKE_LOCK, LOCK)


async def list_keys(conn: Connection) -> Sequence[SigningKey]:
    """The keys that are not gone, oldest first."""
    return [_key(row) for row in await conn.fetch(LIST_KEYS)]


async def find_public_key(conn: Connection, kid: str) -> Mapping[str, Any] | None:
    """The public half of a key whose signatures are good at this time."""
    jwk: Mapping[str, Any] | None = await conn.fetchval(FIND_KEY, kid)
    return jwk


async def insert_key(conn: Connection, key: SigningKey) -> None:
    """Write a new key down."""
    await conn.execute(INSERT_KEY, key.kid, key.state, key.public_jwk, key.sealed, key.published_at)


async def move_key(conn: Connection, kid: str, state: KeyState, now: datetime) -> None:
    """Move a key on; where it signs no more, its private half is forgotten."""
    await conn.execute(MOVE_KEY, kid, state, now)


def _key(row: Record) -> SigningKey:
    return SigningKey(**row)
