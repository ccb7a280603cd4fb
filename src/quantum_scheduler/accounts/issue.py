"""Issue keys. The clear text is returned once and stored nowhere."""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from quantum_scheduler.accounts.key import SECRET_BYTES, digest_key, write_key
from quantum_scheduler.accounts.model import LOCAL_ORG_ID, LOCAL_ORG_NAME, LOCAL_PLAN
from quantum_scheduler.accounts.organisation import ApiKey, OrganisationUnknown, TooManyKeys
from quantum_scheduler.accounts.pepper import NO_PEPPER, Peppers
from quantum_scheduler.accounts.scope import ALL, CUSTOMER_KEY_SCOPES
from quantum_scheduler.accounts.store import key as store
from quantum_scheduler.accounts.store import organisation
from quantum_scheduler.postgres.connect import Connection

HINT_LENGTH = 4
KEYS_MAX = 100
LISTED_MAX = 1_000
LOCAL_KEY_NAME = "kept by `quantum-scheduler up`"


async def issue_key(
    conn: Connection,
    org_id: UUID,
    *,
    peppers: Peppers | None = None,
    name: str = "",
    scopes: Sequence[str] = CUSTOMER_KEY_SCOPES,
    expires_at: datetime | None = None,
    created_by: UUID | None = None,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> str:
    """Issue one more key to an organisation and return its clear text.

    Without peppers only its SHA-256 is stored until it is first used. Raises OrganisationUnknown, TooManyKeys.
    """
    if not await organisation.lock_organisation(conn, org_id):
        raise OrganisationUnknown(org_id)
    if await store.count_live_keys(conn, org_id) >= KEYS_MAX:
        raise TooManyKeys(KEYS_MAX)
    key_id = UUID(bytes=random_bytes(16), version=4)
    key = write_key(key_id, random_bytes(SECRET_BYTES))
    await store.insert_key(
        conn,
        store.NewKey(
            id=key_id,
            org_id=org_id,
            digest=digest_key(key, peppers),
            pepper=NO_PEPPER if peppers is None else peppers.version,
            hint=key[-HINT_LENGTH:],
            name=name,
            scopes=list(scopes),
            expires_at=expires_at,
            created_by=created_by,
        ),
    )
    return key


async def list_keys(conn: Connection, org_id: UUID) -> Sequence[ApiKey]:
    """List up to `LISTED_MAX` keys of an organisation, newest first, also those that were revoked."""
    return await store.list_keys(conn, org_id, limit=LISTED_MAX)


async def issue_local_key(
    conn: Connection,
    *,
    peppers: Peppers | None = None,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> str:
    """Issue one more key to whoever runs the installation, good for everything."""
    return await issue_key(
        conn, LOCAL_ORG_ID, peppers=peppers, name=LOCAL_KEY_NAME, scopes=[ALL], random_bytes=random_bytes
    )


async def ensure_local_key(
    conn: Connection,
    *,
    peppers: Peppers | None = None,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> str | None:
    """Make the local organisation and its key unless they exist; return the clear key when it was newly made.

    Joins the caller's transaction, which must be open: write the key to its file before it commits, and a crash
    between the two cannot leave a key that nobody knows. Of several processes that start together, one makes it.
    """
    await organisation.insert_organisation(conn, LOCAL_ORG_ID, LOCAL_ORG_NAME, LOCAL_PLAN)
    await organisation.lock_organisation(conn, LOCAL_ORG_ID)
    if await store.has_live_key(conn, LOCAL_ORG_ID):
        return None
    return await issue_local_key(conn, peppers=peppers, random_bytes=random_bytes)
