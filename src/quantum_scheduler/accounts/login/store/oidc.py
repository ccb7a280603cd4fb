"""The statements on logins that were begun at an OpenID provider."""

from datetime import datetime

from quantum_scheduler.postgres.connect import Connection

INSERT_LOGIN = "INSERT INTO oidc_login (state_digest, sealed, expires_at) VALUES ($1, $2, $3)"

FORGET_LOGINS = """
DELETE FROM oidc_login WHERE state_digest IN (SELECT state_digest FROM oidc_login WHERE expires_at < $1 LIMIT 100)
"""

USE_LOGIN = "DELETE FROM oidc_login WHERE state_digest = $1 AND expires_at > $2 RETURNING sealed"


async def insert_login(
    conn: Connection, state_digest: bytes, sealed: bytes, *, expires_at: datetime, now: datetime
) -> None:
    """Write down that a login was begun, and forget some that were never finished."""
    await conn.execute(FORGET_LOGINS, now)
    await conn.execute(INSERT_LOGIN, state_digest, sealed, expires_at)


async def use_login(conn: Connection, state_digest: bytes, now: datetime) -> bytes | None:
    """End a login that was begun, and tell what was kept for it."""
    sealed: bytes | None = await conn.fetchval(USE_LOGIN, state_digest, now)
    return sealed
