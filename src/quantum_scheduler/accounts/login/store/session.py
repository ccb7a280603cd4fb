"""The statements on sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from quantum_scheduler.accounts.login.model import Session
from quantum_scheduler.accounts.model import KEEPER_ROLES, Role
from quantum_scheduler.postgres.connect import Connection

INSERT_SESSION = """
INSERT INTO login_session (
    id, org_id, user_id, kind, method, network, agent, created_at, seen_at, expires_at, digest
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""

# A session is good while it lives, was seen lately, and everybody in it may enter.
FIND_LIVE = """
SELECT login_session.id, login_session.org_id, login_session.user_id, kind, method, network, agent,
    login_session.created_at, seen_at, expires_at, digest, previous_digest, epoch, roles, plan,
    person.blocked_at IS NOT NULL OR organisation.blocked_at IS NOT NULL AS is_blocked,
    needs_second_factor AND method = 'password' AND roles && $3::text[] AS is_factor_due
FROM login_session
JOIN person ON person.id = login_session.user_id
JOIN organisation ON organisation.id = login_session.org_id
JOIN membership ON membership.user_id = login_session.user_id AND membership.org_id = login_session.org_id
WHERE login_session.id = $1 AND revoked_at IS NULL AND expires_at > $2
"""

MARK_SEEN = "UPDATE login_session SET seen_at = $2 WHERE id = $1 AND seen_at < $3"

ROTATE = """
UPDATE login_session SET digest = $2, previous_digest = digest, seen_at = $3 WHERE id = $1 AND digest = $4 RETURNING id
"""

REVOKE = """
UPDATE login_session SET revoked_at = $3 WHERE id = $1 AND ($2::uuid IS NULL OR user_id = $2) AND revoked_at IS NULL
RETURNING id
"""

REVOKE_ALL = """
UPDATE login_session SET revoked_at = $2
WHERE user_id = $1 AND revoked_at IS NULL AND id IS DISTINCT FROM $3 RETURNING id
"""

NOTE_FACTOR = "UPDATE login_session SET method = 'totp' WHERE id = $1 AND method = 'password'"

LIST_SESSIONS = """
SELECT id, org_id, user_id, kind, method, network, agent, created_at, seen_at, expires_at
FROM login_session WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY created_at DESC LIMIT $3
"""

FORGET_SESSIONS = """
DELETE FROM login_session WHERE user_id = $1 AND (expires_at < $2 OR revoked_at < $2)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    """A session that has not ended, with what it must match and what it is good for."""

    session: Session
    digest: bytes
    previous_digest: bytes | None
    epoch: int
    roles: Sequence[Role]
    plan: str
    is_blocked: bool
    is_factor_due: bool


async def insert_session(conn: Connection, session: Session, digest: bytes) -> None:
    """Write a new session down."""
    await conn.execute(
        INSERT_SESSION,
        session.id,
        session.org_id,
        session.user_id,
        session.kind,
        session.method,
        session.network,
        session.agent,
        session.created_at,
        session.seen_at,
        session.expires_at,
        digest,
    )


async def find_live(conn: Connection, session_id: UUID, now: datetime) -> LiveSession | None:
    """Find a session that has not ended."""
    row = await conn.fetchrow(FIND_LIVE, session_id, now, list(KEEPER_ROLES))
    if row is None:
        return None
    rest = {name: row[name] for name in LiveSession.__slots__ if name != "session"}
    return LiveSession(session=_session(row), **rest)


async def mark_seen(conn: Connection, session_id: UUID, now: datetime, *, every_s: float) -> None:
    """Note that a session is in use, unless that was noted a moment ago."""
    await conn.execute(MARK_SEEN, session_id, now, now - timedelta(seconds=every_s))


async def rotate(conn: Connection, session_id: UUID, now: datetime, *, digest: bytes, old: bytes) -> bool:
    """Give a session another secret; False where another request was faster."""
    return await conn.fetchval(ROTATE, session_id, digest, now, old) is not None


async def revoke(conn: Connection, session_id: UUID, now: datetime, *, user_id: UUID | None) -> bool:
    """End a session, of this user or with None of anybody; False where there is none."""
    return await conn.fetchval(REVOKE, session_id, user_id, now) is not None


async def revoke_all(conn: Connection, user_id: UUID, now: datetime, *, other_than: UUID | None) -> int:
    """End all sessions of a user but one, and say how many."""
    return len(await conn.fetch(REVOKE_ALL, user_id, now, other_than))


async def note_factor(conn: Connection, session_id: UUID) -> None:
    """Note that a second factor was shown in a session after it had begun."""
    await conn.execute(NOTE_FACTOR, session_id)


async def list_sessions(conn: Connection, user_id: UUID, now: datetime, *, limit: int) -> Sequence[Session]:
    """A user's sessions that have not ended, newest first."""
    return [_session(row) for row in await conn.fetch(LIST_SESSIONS, user_id, now, limit)]


async def forget_sessions(conn: Connection, user_id: UUID, *, before: datetime) -> None:
    """Forget what ended long ago."""
    await conn.execute(FORGET_SESSIONS, user_id, before)


def _session(row: Record) -> Session:
    return Session(**{name: row[name] for name in Session.__slots__})
