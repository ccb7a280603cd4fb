"""The statements on people: who they are, and what they show to come in."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from quantum_scheduler.accounts.login.model import Membership, Person
from quantum_scheduler.accounts.model import KEEPER_ROLES
from quantum_scheduler.postgres.connect import Connection

FIND_BY_EMAIL = """
SELECT id, email, name, password_hash, epoch, blocked_at IS NOT NULL AS is_blocked, totp_sealed
FROM person WHERE email = $1
"""

FIND_PERSON = """
SELECT id, email, name, password_hash, epoch, blocked_at IS NOT NULL AS is_blocked, totp_sealed
FROM person WHERE id = $1
"""

FIND_BY_SUBJECT = """
SELECT id, email, name, password_hash, epoch, blocked_at IS NOT NULL AS is_blocked, totp_sealed
FROM person WHERE oidc_issuer = $1 AND oidc_subject = $2
"""

LINK_SUBJECT = (
    "UPDATE person SET oidc_issuer = $2, oidc_subject = $3 WHERE id = $1 AND oidc_subject IS NULL RETURNING id"
)

INSERT_PERSON = "INSERT INTO person (email, name) VALUES ($1, $2) ON CONFLICT (email) DO NOTHING RETURNING id"

SET_HASH = "UPDATE person SET password_hash = $2, epoch = epoch + $3 WHERE id = $1"

RAISE_EPOCH = "UPDATE person SET epoch = epoch + 1 WHERE id = $1"

BLOCK_PERSON = """
UPDATE person SET blocked_at = now(), blocked_reason = $2, epoch = epoch + 1
WHERE id = $1 AND blocked_at IS NULL RETURNING id
"""

UNBLOCK_PERSON = """
UPDATE person SET blocked_at = NULL, blocked_reason = NULL WHERE id = $1 AND blocked_at IS NOT NULL RETURNING id
"""

LIST_MEMBERSHIPS = """
SELECT org_id, organisation.name AS org_name, roles, plan, blocked_at IS NOT NULL AS is_blocked
FROM membership JOIN organisation ON organisation.id = org_id
WHERE user_id = $1 ORDER BY membership.created_at, org_id
"""

READ_TOTP_WAITING = "SELECT totp_waiting FROM person WHERE id = $1 FOR UPDATE"

SET_TOTP_WAITING = "UPDATE person SET totp_waiting = $2 WHERE id = $1"

SET_TOTP = """
UPDATE person SET totp_sealed = $2, totp_waiting = NULL, totp_step = $3, totp_failures = 0, totp_next_at = NULL,
    recovery_digests = $4
WHERE id = $1
"""

REMOVE_TOTP = """
UPDATE person SET totp_sealed = NULL, totp_waiting = NULL, totp_failures = 0, totp_next_at = NULL,
    recovery_digests = '{}'
WHERE id = $1 AND totp_sealed IS NOT NULL RETURNING id
"""

NEEDS_FACTOR = """
SELECT EXISTS (
    SELECT FROM membership JOIN organisation ON organisation.id = org_id
    WHERE user_id = $1 AND needs_second_factor AND roles && $2::text[]
)
"""

# Taken before the code is compared, as with passwords.
CHARGE_TOTP = """
UPDATE person SET totp_failures = totp_failures + 1, totp_next_at = $2 + interval '1 second' * CASE
    WHEN totp_failures + 1 < $3 THEN 0 ELSE least($4 * 2.0 ^ least(totp_failures + 1 - $3, 30), $5)
END
WHERE id = $1 AND coalesce(totp_next_at <= $2, true) RETURNING totp_sealed
"""

FIND_TOTP_WAIT = "SELECT totp_next_at FROM person WHERE id = $1"

# A code is good once: of two logins with the same one, the row lets the first one in.
USE_STEP = """
UPDATE person SET totp_step = $2, totp_failures = 0, totp_next_at = NULL WHERE id = $1 AND totp_step < $2 RETURNING id
"""

USE_RECOVERY = """
UPDATE person SET recovery_digests = array_remove(recovery_digests, $2), totp_failures = 0, totp_next_at = NULL
WHERE id = $1 AND $2 = ANY(recovery_digests) RETURNING id
"""


async def find_person(conn: Connection, user_id: UUID) -> Person | None:
    """Find somebody by id."""
    return _person(await conn.fetchrow(FIND_PERSON, user_id))


async def find_by_email(conn: Connection, email: str) -> Person | None:
    """Find somebody by an e-mail address in lower case."""
    return _person(await conn.fetchrow(FIND_BY_EMAIL, email))


async def find_by_subject(conn: Connection, issuer: str, subject: str) -> Person | None:
    """Find somebody by what an OpenID provider calls them."""
    return _person(await conn.fetchrow(FIND_BY_SUBJECT, issuer, subject))


async def link_subject(conn: Connection, user_id: UUID, issuer: str, subject: str) -> bool:
    """Remember what an OpenID provider calls somebody; False where another name is remembered."""
    return await conn.fetchval(LINK_SUBJECT, user_id, issuer, subject) is not None


async def insert_person(conn: Connection, email: str, name: str) -> UUID | None:
    """Write somebody down; None where the address is taken."""
    user_id: UUID | None = await conn.fetchval(INSERT_PERSON, email, name)
    return user_id


async def set_password(conn: Connection, user_id: UUID, password_hash: str, *, ends_tokens: bool) -> None:
    """Store another hash; with `ends_tokens` all tokens before now are worthless."""
    await conn.execute(SET_HASH, user_id, password_hash, int(ends_tokens))


async def raise_epoch(conn: Connection, user_id: UUID) -> None:
    """Make all tokens before now worthless."""
    await conn.execute(RAISE_EPOCH, user_id)


async def block_person(conn: Connection, user_id: UUID, reason: str) -> bool:
    """Let somebody in no more; False where they were blocked already."""
    return await conn.fetchval(BLOCK_PERSON, user_id, reason) is not None


async def unblock_person(conn: Connection, user_id: UUID) -> bool:
    """Let somebody in again; False where they were not blocked."""
    return await conn.fetchval(UNBLOCK_PERSON, user_id) is not None


async def list_memberships(conn: Connection, user_id: UUID) -> Sequence[Membership]:
    """What somebody is in each organisation, the oldest membership first."""
    rows = await conn.fetch(LIST_MEMBERSHIPS, user_id)
    return [Membership(**{**row, "roles": tuple(row["roles"])}) for row in rows]


async def read_totp_waiting(conn: Connection, user_id: UUID) -> bytes | None:
    """The sealed secret that somebody has not confirmed yet; holds their row."""
    sealed: bytes | None = await conn.fetchval(READ_TOTP_WAITING, user_id)
    return sealed


async def set_totp_waiting(conn: Connection, user_id: UUID, sealed: bytes) -> None:
    """Keep a secret until it is confirmed."""
    await conn.execute(SET_TOTP_WAITING, user_id, sealed)


async def set_totp(
    conn: Connection, user_id: UUID, sealed: bytes, *, step: int, recovery_digests: Sequence[bytes]
) -> None:
    """Ask for a second factor from now on."""
    await conn.execute(SET_TOTP, user_id, sealed, step, recovery_digests)


async def remove_totp(conn: Connection, user_id: UUID) -> bool:
    """Ask for no second factor any more; False where none was set."""
    return await conn.fetchval(REMOVE_TOTP, user_id) is not None


async def needs_factor(conn: Connection, user_id: UUID) -> bool:
    """Whether an organisation that somebody looks after asks for a second factor."""
    return bool(await conn.fetchval(NEEDS_FACTOR, user_id, list(KEEPER_ROLES)))


async def charge_totp(
    conn: Connection, user_id: UUID, now: datetime, *, free: int, first_s: float, most_s: float
) -> bytes | None:
    """Take one attempt at a code; the sealed secret, or None where none may be made at this time."""
    sealed: bytes | None = await conn.fetchval(CHARGE_TOTP, user_id, now, free, first_s, most_s)
    return sealed


async def find_totp_wait(conn: Connection, user_id: UUID) -> datetime | None:
    """When the next code may be tried."""
    at: datetime | None = await conn.fetchval(FIND_TOTP_WAIT, user_id)
    return at


async def use_step(conn: Connection, user_id: UUID, step: int) -> bool:
    """Use the code of a time step up; False where it or a later one was used before."""
    return await conn.fetchval(USE_STEP, user_id, step) is not None


async def use_recovery(conn: Connection, user_id: UUID, digest: bytes) -> bool:
    """Use a recovery code up; False where there is no such code."""
    return await conn.fetchval(USE_RECOVERY, user_id, digest) is not None


def _person(row: Record | None) -> Person | None:
    return None if row is None else Person(**row)
