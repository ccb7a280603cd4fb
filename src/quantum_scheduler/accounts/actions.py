"""What people and runbooks may do to accounts. Everything here may be done twice; what it changes is audited.

`by` is who does it, None for somebody at the command line; `incident_id` is what it is done for. Each joins the
caller's transaction.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from quantum_scheduler.accounts.audit.model import AuditEntry
from quantum_scheduler.accounts.audit.record import record_audit
from quantum_scheduler.accounts.login.signing import Rotation, rotate_keys
from quantum_scheduler.accounts.login.store import person, session, throttle
from quantum_scheduler.accounts.model import LOCAL_ORG_ID, Principal
from quantum_scheduler.accounts.organisation import ApiKeyUnknown, OrganisationUnknown, UserUnknown
from quantum_scheduler.accounts.pepper import Peppers
from quantum_scheduler.accounts.rotate import RotatedKey
from quantum_scheduler.accounts.rotate import revoke_key as revoke
from quantum_scheduler.accounts.rotate import rotate_key as rotate
from quantum_scheduler.accounts.store import key, organisation
from quantum_scheduler.postgres.connect import Connection

BLOCK_S_MAX = 30 * 86_400.0
PROOF_S_MAX = 7 * 86_400.0


class BlockRefused(ValueError):  # noqa: N818  an error is named for what happened
    """Nobody could undo this block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Who is meant: a user, an organisation or a network. Exactly one is given."""

    user_id: UUID | None = None
    org_id: UUID | None = None
    network: str | None = None

    def __post_init__(self) -> None:
        """Refuse what names nobody or several."""
        if sum(each is not None for each in (self.user_id, self.org_id, self.network)) != 1:
            raise ValueError("say which user, which organisation or which network")

    def __str__(self) -> str:
        """The subject of an audit entry."""
        if self.user_id is not None:
            return f"user:{self.user_id}"
        return f"network:{self.network}" if self.org_id is None else f"organisation:{self.org_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """Who does something, what for, and when."""

    by: Principal | None = None
    incident_id: str | None = None
    now: datetime


async def block(conn: Connection, target: Target, reason: str, doing: Doing, *, for_s: float = 3_600.0) -> bool:
    """`accounts.block`: let a user or an organisation in no more, or a network for a while; False if it was so already.

    Sessions and tokens end at once. Raises UserUnknown, OrganisationUnknown, BlockRefused.
    """
    if target.user_id is not None:
        await _check_person(conn, target.user_id)
        changed = await person.block_person(conn, target.user_id, reason)
        await session.revoke_all(conn, target.user_id, doing.now, other_than=None)
    elif target.org_id is not None:
        if target.org_id == LOCAL_ORG_ID:
            raise BlockRefused("the organisation that runs the installation cannot be blocked: nobody could undo it")
        await _check_organisation(conn, target.org_id)
        changed = await organisation.block_organisation(conn, target.org_id, reason)
    else:
        assert target.network is not None, "one of them is given"
        until = doing.now + timedelta(seconds=min(for_s, BLOCK_S_MAX))
        changed = await throttle.find_block(conn, target.network, doing.now) is None
        await throttle.block_network(conn, target.network, until=until, reason=reason)
    return await _note(conn, "accounts.block", str(target), doing, changed=changed, reason=reason)


async def unblock(conn: Connection, target: Target, doing: Doing) -> bool:
    """`accounts.unblock`: let them in again; False if they were not blocked.

    Raises UserUnknown, OrganisationUnknown.
    """
    if target.user_id is not None:
        await _check_person(conn, target.user_id)
        changed = await person.unblock_person(conn, target.user_id)
    elif target.org_id is not None:
        await _check_organisation(conn, target.org_id)
        changed = await organisation.unblock_organisation(conn, target.org_id)
    else:
        assert target.network is not None, "one of them is given"
        changed = await throttle.unblock_network(conn, target.network)
    return await _note(conn, "accounts.unblock", str(target), doing, changed=changed)


async def unlock(conn: Connection, user_id: UUID, doing: Doing) -> bool:
    """`accounts.unlock`: give a user the whole budget for untrusted devices back; False if none of it was spent.

    Raises UserUnknown.
    """
    await _check_person(conn, user_id)
    changed = await throttle.clear_budgets_of(conn, user_id)
    return await _note(conn, "accounts.unlock", f"user:{user_id}", doing, changed=changed)


async def require_proof_of_work(conn: Connection, doing: Doing, *, for_s: float) -> bool:
    """`accounts.require_proof_of_work`: every untrusted device works for its login for so long; 0 ends it.

    False if it was so already.
    """
    until = doing.now + timedelta(seconds=min(for_s, PROOF_S_MAX)) if for_s > 0 else None
    changed = await throttle.require_proof(conn, until)
    return await _note(conn, "accounts.require_proof_of_work", "", doing, changed=changed, for_s=for_s)


async def require_second_factor(conn: Connection, org_id: UUID, doing: Doing, *, is_required: bool) -> bool:
    """`accounts.require_second_factor`: who looks after an organisation does nothing in it without, at once.

    False if it was so already. Raises OrganisationUnknown.
    """
    await _check_organisation(conn, org_id)
    changed = await organisation.need_second_factor(conn, org_id, is_required)
    subject = f"organisation:{org_id}"
    return await _note(conn, "accounts.require_second_factor", subject, doing, changed=changed, is_required=is_required)


async def remove_second_factor(conn: Connection, user_id: UUID, doing: Doing) -> bool:
    """`accounts.remove_second_factor`: for somebody who has lost it, and the recovery codes; False if none was set.

    Their sessions end. Raises UserUnknown.
    """
    await _check_person(conn, user_id)
    changed = await person.remove_totp(conn, user_id)
    if changed:
        await session.revoke_all(conn, user_id, doing.now, other_than=None)
    return await _note(conn, "accounts.remove_second_factor", f"user:{user_id}", doing, changed=changed)


async def revoke_key(conn: Connection, key_id: UUID, doing: Doing, *, org_id: UUID | None = None) -> bool:
    """`keys.revoke`: end a key in every process at once, one of `org_id` only where it is given.

    False if it was revoked already. Raises ApiKeyUnknown.
    """
    revoked, changed = await revoke(conn, key_id, org_id=org_id)
    return await _note(conn, "keys.revoke", f"key:{key_id}", doing, changed=changed, org_id=str(revoked.org_id))


async def rotate_key(
    conn: Connection, key_id: UUID, doing: Doing, *, peppers: Peppers, leaked: bool, org_id: UUID | None = None
) -> RotatedKey:
    """`keys.rotate`: issue a key in place of another, which works 24 h longer, or if it leaked no longer.

    Raises ApiKeyUnknown, ApiKeyRevoked, which it is the second time, TooManyKeys.
    """
    rotated = await rotate(conn, key_id, org_id=org_id, peppers=peppers, leaked=leaked)
    said = {"new_key": str(rotated.id), "leaked": leaked, "org_id": str(rotated.replaced.org_id)}
    await _note(conn, "keys.rotate", f"key:{key_id}", doing, changed=True, **said)
    return rotated


async def rotate_signing_key(conn: Connection, doing: Doing, *, peppers: Peppers, leaked: bool) -> Rotation:
    """`jwt.rotate`: sign access tokens with the next key; a leaked one is withdrawn with all that it has signed.

    Raises RotatedTooSoon.
    """
    rotation = await rotate_keys(conn, peppers, doing.now, leaked=leaked)
    await _note(conn, "jwt.rotate", f"signing-key:{rotation.active}", doing, changed=True, leaked=leaked)
    return rotation


async def check_key(conn: Connection, key_id: UUID, org_id: UUID) -> None:
    """Check that an organisation has a key. Raises ApiKeyUnknown."""
    if await key.lock_key(conn, key_id, org_id=org_id) is None:
        raise ApiKeyUnknown(key_id)


async def _check_person(conn: Connection, user_id: UUID) -> None:
    if await person.find_person(conn, user_id) is None:
        raise UserUnknown(user_id)


async def _check_organisation(conn: Connection, org_id: UUID) -> None:
    if not await organisation.lock_organisation(conn, org_id):
        raise OrganisationUnknown(org_id)


async def _note(conn: Connection, action: str, subject: str, doing: Doing, *, changed: bool, **detail: object) -> bool:
    """Audit what was done, also where nothing was left to do: that somebody tried is worth knowing."""
    by = doing.by
    entry = AuditEntry(
        action=action,
        subject=subject,
        org_id=None if by is None else by.org_id,
        user_id=None if by is None else by.user_id,
        key_id=None if by is None else by.key_id,
        detail={**detail, "changed": changed},
        incident_id=doing.incident_id,
    )
    await record_audit(conn, entry)
    return changed
