"""Tell who is asking from the key they show."""

import hmac

from quantum_scheduler.accounts.key import digest_key, read_key_id
from quantum_scheduler.accounts.model import KeyMissing, KeyUnknown, Principal
from quantum_scheduler.accounts.store import find_live_key
from quantum_scheduler.postgres.connect import Connection


async def authenticate(conn: Connection, bearer: str | None) -> Principal:
    """Tell who holds the key `bearer`; a key that cannot be one is refused without asking the database.

    Raises KeyMissing, KeyUnknown.
    """
    if not bearer:
        raise KeyMissing
    stored = await find_live_key(conn, read_key_id(bearer))
    if stored is None or not hmac.compare_digest(stored.digest, digest_key(bearer)):
        raise KeyUnknown("no live key of this service matches")
    return stored.principal
