"""Tell who is asking from the key they show."""

import hmac
from dataclasses import dataclass
from datetime import datetime

from quantum_scheduler.accounts.key import digest_key, read_key_id
from quantum_scheduler.accounts.model import AccessBlocked, KeyMissing, KeyUnknown, Principal
from quantum_scheduler.accounts.pepper import NO_PEPPER, Peppers
from quantum_scheduler.accounts.scope import scopes_of_key
from quantum_scheduler.accounts.store.key import StoredKey, find_live_key, renew_digest
from quantum_scheduler.postgres.connect import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Whom a key or a token lets in, and until when; None is until it is revoked."""

    principal: Principal
    until: datetime | None


async def authenticate(conn: Connection, bearer: str | None, *, peppers: Peppers | None = None) -> Principal:
    """Tell who holds the key `bearer`; a key that cannot be one is refused without asking the database.

    Raises KeyMissing, KeyUnknown, AccessBlocked.
    """
    if not bearer:
        raise KeyMissing
    return (await admit_key(conn, bearer, peppers=peppers)).principal


async def admit_key(conn: Connection, key: str, *, peppers: Peppers | None) -> Admission:
    """Tell whom a key lets in. Raises KeyUnknown, AccessBlocked.

    One whose digest is of an older pepper, or of none, is stored anew under the newest while its text is at hand.
    """
    stored = await find_live_key(conn, read_key_id(key))
    if stored is None or not _matches(stored, key, peppers):
        raise KeyUnknown("no live key of this service matches")
    if peppers is not None and stored.pepper != peppers.version:
        await renew_digest(conn, stored.id, digest=digest_key(key, peppers), pepper=peppers.version)
    if stored.is_blocked:
        raise AccessBlocked
    principal = Principal(
        org_id=stored.org_id,
        key_id=stored.id,
        scopes=scopes_of_key(stored.org_id, stored.scopes),
        plan=stored.plan,
    )
    return Admission(principal=principal, until=stored.expires_at)


def _matches(stored: StoredKey, key: str, peppers: Peppers | None) -> bool:
    if stored.pepper != NO_PEPPER and (peppers is None or stored.pepper not in peppers.secrets):
        return False
    return hmac.compare_digest(stored.digest, digest_key(key, peppers, version=stored.pepper))
