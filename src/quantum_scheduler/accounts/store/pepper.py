"""The statement on peppers."""

from quantum_scheduler.postgres.connect import Connection

NOTE_PEPPER = """
INSERT INTO pepper (version, check_digest) VALUES ($1, $2)
ON CONFLICT (version) DO UPDATE SET version = excluded.version
RETURNING check_digest = $2
"""


async def note_pepper(conn: Connection, version: int, check_digest: bytes) -> bool:
    """Note a pepper by its digest; say whether it is the one that was noted under its version."""
    return bool(await conn.fetchval(NOTE_PEPPER, version, check_digest))
