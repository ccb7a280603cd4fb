"""The statements on mail links and invitations."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from quantum_scheduler.accounts.login.model import LinkPurpose
from quantum_scheduler.accounts.model import Role
from quantum_scheduler.postgres.connect import Connection

COUNT_LINKS = "SELECT count(*) FROM login_link WHERE user_id = $1 AND purpose = $2 AND created_at > $3"

INSERT_LINK = """
INSERT INTO login_link (id, user_id, purpose, digest, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
"""

USE_LINK = """
UPDATE login_link SET used_at = $4
WHERE id = $1 AND purpose = $2 AND digest = $3 AND used_at IS NULL AND expires_at > $4 RETURNING user_id
"""

FIND_LINK = """
SELECT user_id FROM login_link WHERE id = $1 AND purpose = $2 AND digest = $3 AND used_at IS NULL AND expires_at > $4
"""

END_LINKS = "UPDATE login_link SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL"

INSERT_INVITATION = """
INSERT INTO invitation (id, org_id, email, roles, digest, invited_by, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

FIND_INVITATION = """
SELECT id, org_id, email, roles, created_at, expires_at, accepted_at FROM invitation
WHERE id = $1 AND digest = $2 AND accepted_at IS NULL AND expires_at > $3 FOR UPDATE
"""

ACCEPT_INVITATION = "UPDATE invitation SET accepted_at = $2 WHERE id = $1"

LIST_INVITATIONS = """
SELECT id, org_id, email, roles, created_at, expires_at, accepted_at FROM invitation
WHERE org_id = $1 AND accepted_at IS NULL AND expires_at > $2 ORDER BY created_at DESC LIMIT $3
"""

COUNT_INVITATIONS = "SELECT count(*) FROM invitation WHERE org_id = $1 AND accepted_at IS NULL AND expires_at > $2"

WITHDRAW_INVITATION = "DELETE FROM invitation WHERE id = $1 AND org_id = $2 AND accepted_at IS NULL RETURNING id"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLink:
    """A link to write down; `digest` is of its secret."""

    id: UUID
    digest: bytes = field(repr=False)
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Somebody who may become a member of an organisation."""

    id: UUID
    org_id: UUID
    email: str
    roles: tuple[Role, ...]
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None


async def count_links(conn: Connection, user_id: UUID, purpose: LinkPurpose, *, since: datetime) -> int:
    """How many links of a kind were sent to somebody since then."""
    return int(await conn.fetchval(COUNT_LINKS, user_id, purpose, since))


async def insert_link(conn: Connection, link: NewLink, user_id: UUID, purpose: LinkPurpose) -> None:
    """Write a new link down."""
    await conn.execute(INSERT_LINK, link.id, user_id, purpose, link.digest, link.created_at, link.expires_at)


async def use_link(conn: Connection, link_id: UUID, digest: bytes, purpose: LinkPurpose, now: datetime) -> UUID | None:
    """Use a link up and tell whose it was; None where it is not good (any more)."""
    user_id: UUID | None = await conn.fetchval(USE_LINK, link_id, purpose, digest, now)
    return user_id


async def find_link(conn: Connection, link_id: UUID, digest: bytes, purpose: LinkPurpose, now: datetime) -> UUID | None:
    """Tell whose a link is, without using it up."""
    user_id: UUID | None = await conn.fetchval(FIND_LINK, link_id, purpose, digest, now)
    return user_id


async def end_links(conn: Connection, user_id: UUID, now: datetime) -> None:
    """Make every link that was sent to somebody worthless."""
    await conn.execute(END_LINKS, user_id, now)


async def insert_invitation(
    conn: Connection, link: NewLink, org_id: UUID, email: str, roles: Sequence[Role], invited_by: UUID | None
) -> None:
    """Write a new invitation down."""
    await conn.execute(
        INSERT_INVITATION, link.id, org_id, email, roles, link.digest, invited_by, link.created_at, link.expires_at
    )


async def find_invitation(conn: Connection, link_id: UUID, digest: bytes, now: datetime) -> Invitation | None:
    """Find an invitation that is still open, and hold it."""
    row = await conn.fetchrow(FIND_INVITATION, link_id, digest, now)
    return None if row is None else _invitation(row)


async def accept_invitation(conn: Connection, invitation_id: UUID, now: datetime) -> None:
    """Close an invitation that was accepted."""
    await conn.execute(ACCEPT_INVITATION, invitation_id, now)


async def list_invitations(conn: Connection, org_id: UUID, now: datetime, *, limit: int) -> Sequence[Invitation]:
    """The organisation's open invitations, newest first."""
    return [_invitation(row) for row in await conn.fetch(LIST_INVITATIONS, org_id, now, limit)]


async def count_invitations(conn: Connection, org_id: UUID, now: datetime) -> int:
    """How many invitations of the organisation are open."""
    return int(await conn.fetchval(COUNT_INVITATIONS, org_id, now))


async def withdraw_invitation(conn: Connection, org_id: UUID, invitation_id: UUID) -> bool:
    """Take an invitation back; False where the organisation has no such open one."""
    return await conn.fetchval(WITHDRAW_INVITATION, invitation_id, org_id) is not None


def _invitation(row: Record) -> Invitation:
    return Invitation(**{**row, "roles": tuple(row["roles"])})
