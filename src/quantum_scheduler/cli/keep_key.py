"""Keep the local key in a file that only its owner can read."""

from pathlib import Path

from quantum_scheduler.accounts.authenticate import authenticate
from quantum_scheduler.accounts.issue import ensure_local_key, issue_local_key
from quantum_scheduler.accounts.model import KeyMissing, KeyUnknown
from quantum_scheduler.accounts.pepper import Peppers
from quantum_scheduler.cli.keep_secret import read_secret, write_secret
from quantum_scheduler.postgres.connect import Connection


async def keep_local_key(conn: Connection, key_file: Path, *, peppers: Peppers) -> str | None:
    """Make sure that `key_file` holds a key that opens this database; return the key when it is a new one.

    The file is written before the key is committed, so that no crash leaves a key that nobody knows.
    """
    async with conn.transaction():
        key = await ensure_local_key(conn, peppers=peppers)
        if key is None and not await _opens(conn, read_secret(key_file), peppers):
            key = await issue_local_key(conn, peppers=peppers)
        if key is not None:
            write_secret(key_file, key)
    return key


async def _opens(conn: Connection, key: str | None, peppers: Peppers) -> bool:
    try:
        await authenticate(conn, key, peppers=peppers)
    except (KeyMissing, KeyUnknown):
        return False
    return True
