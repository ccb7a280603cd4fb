"""Invite people into an organisation, and take in those who accept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from quantum_scheduler.accounts.audit.model import AuditEntry
from quantum_scheduler.accounts.audit.record import record_audit
from quantum_scheduler.accounts.login.desk import LoginDesk
from quantum_scheduler.accounts.login.enter import fold_email
from quantum_scheduler.accounts.login.link import hash_password, replace_password, write_link
from quantum_scheduler.accounts.login.model import LinkUnknown, LoginRefused, Place
from quantum_scheduler.accounts.login.secret import Carried, make_text, read_text
from quantum_scheduler.accounts.login.store import link as store
from quantum_scheduler.accounts.login.store import person as people
from quantum_scheduler.accounts.login.store.link import Invitation
from quantum_scheduler.accounts.mail.port import Mail
from quantum_scheduler.accounts.model import LOCAL_ORG_ID, Principal, Role
from quantum_scheduler.accounts.organisation import OrganisationUnknown
from quantum_scheduler.accounts.pepper import Peppers
from quantum_scheduler.accounts.store import member, organisation
from quantum_scheduler.postgres.connect import Connection

INVITATION_S = 7 * 86_400.0
INVITATIONS_MAX = 100


class TooManyInvitations(Exception):  # noqa: N818  an error is named for what happened
    """The organisation has as many open invitations as one may have."""

    def __init__(self) -> None:
        super().__init__(f"an organisation has at most {INVITATIONS_MAX} open invitations: withdraw one first")


class InvitationUnknown(Exception):  # noqa: N818
    """The organisation has no such open invitation."""

    def __init__(self, invitation_id: UUID) -> None:
        super().__init__(f"there is no open invitation {invitation_id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """An invitation with its link, which is told once."""

    invitation: Invitation
    link: str = field(repr=False)


async def invite_person(
    conn: Connection,
    desk: LoginDesk,
    org_id: UUID,
    email: str,
    roles: Sequence[Role],
    *,
    by: Principal | None,
    place: Place | None = None,
) -> Invited:
    """Invite somebody; post the mail of `write_invitation_mail` once committed. Joins the caller's transaction.

    `by` is None for somebody at the command line. Raises OrganisationUnknown, TooManyInvitations.
    """
    if not await organisation.lock_organisation(conn, org_id):
        raise OrganisationUnknown(org_id)
    now = desk.now()
    if await store.count_invitations(conn, org_id, now) >= INVITATIONS_MAX:
        raise TooManyInvitations
    invited_by = None if by is None else by.user_id
    invited = await _invite(
        conn,
        org_id,
        email,
        roles,
        peppers=desk.peppers,
        public_url=desk.options.public_url,
        now=now,
        invited_by=invited_by,
    )
    invitation = invited.invitation
    entry = AuditEntry(
        action="users.invite",
        subject=f"invitation:{invitation.id}",
        org_id=org_id,
        user_id=invited_by,
        key_id=None if by is None else by.key_id,
        detail={"email": invitation.email, "roles": list(roles)},
        network=None if place is None else place.network,
    )
    await record_audit(conn, entry)
    return invited


async def list_invitations(conn: Connection, org_id: UUID, now: datetime) -> Sequence[Invitation]:
    """The organisation's open invitations, newest first."""
    return await store.list_invitations(conn, org_id, now, limit=INVITATIONS_MAX)


async def withdraw_invitation(conn: Connection, org_id: UUID, invitation_id: UUID) -> None:
    """Take an open invitation back. Raises InvitationUnknown."""
    if not await store.withdraw_invitation(conn, org_id, invitation_id):
        raise InvitationUnknown(invitation_id)


async def invite_admin(conn: Connection, email: str, *, peppers: Peppers, public_url: str) -> str | None:
    """Invite the first admin of the installation, in place of earlier invitations; None where there is one already.

    Joins the caller's transaction.
    """
    await organisation.lock_organisation(conn, LOCAL_ORG_ID)
    if await member.has_admin(conn, LOCAL_ORG_ID):
        return None
    now = datetime.now(UTC)
    for each in await store.list_invitations(conn, LOCAL_ORG_ID, now, limit=INVITATIONS_MAX):
        if each.email == fold_email(email):
            await store.withdraw_invitation(conn, LOCAL_ORG_ID, each.id)
    roles: list[Role] = ["admin", "operator"]
    invited = await _invite(conn, LOCAL_ORG_ID, email, roles, peppers=peppers, public_url=public_url, now=now)
    entry = AuditEntry(
        action="users.invite",
        subject=f"invitation:{invited.invitation.id}",
        org_id=LOCAL_ORG_ID,
        detail={"email": invited.invitation.email, "roles": roles},
    )
    await record_audit(conn, entry)
    return invited.link


def write_invitation_mail(invited: Invited) -> Mail:
    """The mail that takes an invitation to its reader."""
    text = (
        "You are invited to quantum-scheduler. Choose a password here within a week:\n\n"
        f"{invited.link}\n\nIf you did not expect this, do nothing.\n"
    )
    return Mail(to=invited.invitation.email, subject="Your invitation - quantum-scheduler", text=text)


async def accept_invitation(desk: LoginDesk, text: str, *, name: str, password: str, place: Place) -> UUID:
    """Become a member with the link of an invitation; return the user's id. Opens its own transactions.

    Who has an account shows its password; who has none, or was never given a password, chooses one.
    Raises LinkUnknown, LoginRefused, PasswordWeak, LoginBusy.
    """
    carried = read_text(text, "link", desk.peppers)
    if carried is None:
        raise LinkUnknown
    async with desk.pool.acquire() as conn, conn.transaction():
        invitation = await _find(conn, desk, carried)
        person = await people.find_by_email(conn, invitation.email)
    if person is not None and person.is_blocked:
        raise LinkUnknown
    hashed: str | None = None
    if person is None or person.password_hash is None:
        hashed = await hash_password(desk, password, (invitation.email, name))
    elif not await desk.passwords.compare(person.password_hash, password):
        raise LoginRefused
    async with desk.pool.acquire() as conn, conn.transaction():
        await _find(conn, desk, carried)  # of two who accept at once, one does
        user_id = person.id if person is not None else await people.insert_person(conn, invitation.email, name)
        if user_id is None:
            raise LinkUnknown
        if hashed is not None:
            await replace_password(conn, desk, user_id, hashed, keep=None)
        await member.insert_member(conn, invitation.org_id, user_id, invitation.roles)
        await store.accept_invitation(conn, invitation.id, desk.now())
        entry = AuditEntry(
            action="users.join",
            subject=f"user:{user_id}",
            org_id=invitation.org_id,
            user_id=user_id,
            detail={"invitation": str(invitation.id), "roles": list(invitation.roles)},
            network=place.network,
        )
        await record_audit(conn, entry)
    return user_id


async def _invite(
    conn: Connection,
    org_id: UUID,
    email: str,
    roles: Sequence[Role],
    *,
    peppers: Peppers,
    public_url: str,
    now: datetime,
    invited_by: UUID | None = None,
) -> Invited:
    text = make_text()
    carried = read_text(text, "link", peppers)
    assert carried is not None, "it was just written"
    invitation = Invitation(
        id=carried.id,
        org_id=org_id,
        email=fold_email(email),
        roles=tuple(roles),
        created_at=now,
        expires_at=now + timedelta(seconds=INVITATION_S),
        accepted_at=None,
    )
    new = store.NewLink(id=carried.id, digest=carried.digest, created_at=now, expires_at=invitation.expires_at)
    await store.insert_invitation(conn, new, org_id, invitation.email, list(roles), invited_by)
    return Invited(invitation=invitation, link=write_link(public_url, "invitation", text))


async def _find(conn: Connection, desk: LoginDesk, carried: Carried) -> Invitation:
    invitation = await store.find_invitation(conn, carried.id, carried.digest, desk.now())
    if invitation is None:
        raise LinkUnknown
    return invitation
