"""Every SQL statement of the secrets."""

from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.secrets.model import SealedSecret, SecretState, SecretVersion

# An advisory lock of class 20765 is a secret's.
LOCK = "SELECT pg_advisory_xact_lock(20765, hashtext($1))"

LIST = """
SELECT name, version, backend, state, created_at, verified_at FROM secret
WHERE $1::text IS NULL OR name = $1 ORDER BY name, version
"""

INSERT = "INSERT INTO secret (name, version, backend, state, sealed) VALUES ($1, $2, $3, $4, $5)"

DROP_STATE = "DELETE FROM secret WHERE name = $1 AND state = $2"

MOVE = "UPDATE secret SET state = $3 WHERE name = $1 AND version = $2"

DEFER = "SET CONSTRAINTS secret_name_state_key DEFERRED"

REMOVE = "DELETE FROM secret WHERE name = $1 RETURNING version"

NOTE_VERIFIED = "UPDATE secret SET verified_at = now() WHERE name = $1 AND version = $2"

# With $2 a version that is to come stands in for the one in use.
READ_SEALED = """
SELECT DISTINCT ON (name) name, version, sealed FROM secret
WHERE backend = $1 AND (state = 'current' OR ($2 AND state = 'next'))
ORDER BY name, state = 'next' DESC
"""

READ_VERSION = "SELECT name, version, sealed FROM secret WHERE name = $1 AND state = $2"


async def lock(conn: Connection, name: str) -> None:
    """Let nobody else change the secret until the transaction ends."""
    await conn.execute(LOCK, name)


async def list_versions(conn: Connection, name: str | None = None) -> list[SecretVersion]:
    """Every version, or those of one secret."""
    return [SecretVersion(**row) for row in await conn.fetch(LIST, name)]


async def insert(conn: Connection, name: str, version: int, backend: str, state: SecretState, sealed: bytes) -> None:
    """Write a new version."""
    await conn.execute(INSERT, name, version, backend, state, sealed)


async def drop(conn: Connection, name: str, state: SecretState) -> None:
    """Delete the version in this state, if there is one."""
    await conn.execute(DROP_STATE, name, state)


async def move(conn: Connection, name: str, states: dict[int, SecretState]) -> None:
    """Put versions into other states, which they may exchange."""
    await conn.execute(DEFER)
    for version, state in states.items():
        await conn.execute(MOVE, name, version, state)


async def remove(conn: Connection, name: str) -> int:
    """Delete every version; how many there were."""
    return len(await conn.fetch(REMOVE, name))


async def note_verified(conn: Connection, name: str, version: int) -> None:
    """Write that the vendor took it."""
    await conn.execute(NOTE_VERIFIED, name, version)


async def read_sealed(conn: Connection, backend: str, *, is_next: bool) -> list[SealedSecret]:
    """The backend's secrets as they are in use, or with `is_next` as they are to be."""
    return [SealedSecret(**row) for row in await conn.fetch(READ_SEALED, backend, is_next)]


async def read_secret(conn: Connection, name: str, state: SecretState) -> SealedSecret | None:
    """The version of a secret in this state."""
    row = await conn.fetchrow(READ_VERSION, name, state)
    return None if row is None else SealedSecret(**row)
