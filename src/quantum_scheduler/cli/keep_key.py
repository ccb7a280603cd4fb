"""Keep the local key in a file that only its owner can read."""

import os
from pathlib import Path

from quantum_scheduler.accounts.authenticate import authenticate
from quantum_scheduler.accounts.issue import ensure_local_key, issue_key
from quantum_scheduler.accounts.model import LOCAL_ORG_ID, KeyMissing, KeyUnknown
from quantum_scheduler.postgres.connect import Connection


async def keep_local_key(conn: Connection, key_file: Path) -> str | None:
    """Make sure that `key_file` holds a key that opens this database; return the key when it is a new one.

    The file is written before the key is committed, so that no crash leaves a key that nobody knows.
    """
    async with conn.transaction():
        key = await ensure_local_key(conn)
        if key is None and not await _opens(conn, _read(key_file)):
            key = await issue_key(conn, LOCAL_ORG_ID)
        if key is not None:
            _write(key_file, key)
    return key


async def _opens(conn: Connection, key: str | None) -> bool:
    try:
        await authenticate(conn, key)
    except (KeyMissing, KeyUnknown):
        return False
    return True


def _read(key_file: Path) -> str | None:
    try:
        return key_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError):
        return None


def _write(key_file: Path, key: str) -> None:
    draft = key_file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(key + "\n")
    draft.replace(key_file)
