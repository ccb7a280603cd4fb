"""End keys, and replace them without a gap."""

from dataclasses import dataclass, field
from uuid import UUID

from quantum_scheduler.accounts.issue import issue_key
from quantum_scheduler.accounts.key import read_key_id
from quantum_scheduler.accounts.organisation import ApiKey, ApiKeyRevoked, ApiKeyUnknown
from quantum_scheduler.accounts.pepper import Peppers
from quantum_scheduler.accounts.store import key as store
from quantum_scheduler.postgres.connect import Connection

# Programs get so long to take the new key; a leaked one gets none.
OVERLAP_S = 24 * 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RotatedKey:
    """The key that came in place of another, in clear text, which is told once."""

    id: UUID
    text: str = field(repr=False)
    replaced: ApiKey


async def revoke_key(conn: Connection, key_id: UUID, *, org_id: UUID | None) -> tuple[ApiKey, bool]:
    """Revoke a key, of one organisation or with None of any; False with it where it was revoked already.

    Once committed, no process lets it in. Raises ApiKeyUnknown.
    """
    key = await store.lock_key(conn, key_id, org_id=org_id)
    if key is None:
        raise ApiKeyUnknown(key_id)
    return key, await store.revoke_key(conn, key_id)


async def rotate_key(
    conn: Connection, key_id: UUID, *, org_id: UUID | None, peppers: Peppers, leaked: bool, overlap_s: float = OVERLAP_S
) -> RotatedKey:
    """Issue a key in place of another, which works for `overlap_s` longer, or if it leaked no longer.

    Raises ApiKeyUnknown, ApiKeyRevoked, TooManyKeys.
    """
    key = await store.lock_key(conn, key_id, org_id=org_id)
    if key is None:
        raise ApiKeyUnknown(key_id)
    if key.revoked_at is not None or key.replaced_by is not None:
        raise ApiKeyRevoked(key_id)
    text = await issue_key(
        conn, key.org_id, peppers=peppers, name=key.name, scopes=key.scopes, expires_at=key.expires_at
    )
    new_id = read_key_id(text)
    await store.replace_key(conn, key_id, by=new_id, overlap_s=0 if leaked else overlap_s)
    if leaked:
        await store.revoke_key(conn, key_id)
    return RotatedKey(id=new_id, text=text, replaced=key)
