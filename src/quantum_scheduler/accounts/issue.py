"""Issue keys. The clear text is returned once and stored nowhere."""

import secrets
from collections.abc import Callable
from uuid import UUID

from quantum_scheduler.accounts import store
from quantum_scheduler.accounts.key import SECRET_BYTES, digest_key, write_key
from quantum_scheduler.accounts.model import LOCAL_ORG_ID, LOCAL_ORG_NAME, Principal
from quantum_scheduler.postgres.connect import Connection

HINT_LENGTH = 4


async def issue_key(
    conn: Connection, org_id: UUID, *, random_bytes: Callable[[int], bytes] = secrets.token_bytes
) -> str:
    """Issue one more key to an organisation and return its clear text."""
    key_id = UUID(bytes=random_bytes(16), version=4)
    key = write_key(key_id, random_bytes(SECRET_BYTES))
    principal = Principal(org_id=org_id, key_id=key_id)
    await store.insert_key(conn, principal, digest=digest_key(key), hint=key[-HINT_LENGTH:])
    return key


async def ensure_local_key(
    conn: Connection, *, random_bytes: Callable[[int], bytes] = secrets.token_bytes
) -> str | None:
    """Make the local organisation and its key unless they exist; return the clear key when it was newly made.

    Joins the caller's transaction, which must be open: write the key to its file before it commits, and a crash
    between the two cannot leave a key that nobody knows. Of several processes that start together, one makes it.
    """
    await store.insert_organisation(conn, LOCAL_ORG_ID, LOCAL_ORG_NAME)
    await store.lock_organisation(conn, LOCAL_ORG_ID)
    if await store.has_live_key(conn, LOCAL_ORG_ID):
        return None
    return await issue_key(conn, LOCAL_ORG_ID, random_bytes=random_bytes)
