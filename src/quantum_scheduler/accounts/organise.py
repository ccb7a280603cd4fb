"""Make organisations, and say who is what in them."""

from collections.abc import Sequence
from uuid import UUID

from quantum_scheduler.accounts.login.enter import fold_email
from quantum_scheduler.accounts.login.store.person import find_by_email
from quantum_scheduler.accounts.model import STANDARD_PLAN, Role
from quantum_scheduler.accounts.organisation import (
    Holder,
    LastAdmin,
    Member,
    Organisation,
    OrganisationUnknown,
    UserUnknown,
)
from quantum_scheduler.accounts.store import member
from quantum_scheduler.accounts.store import organisation as store
from quantum_scheduler.postgres.connect import Connection

LISTED_MAX = 1_000


async def make_organisation(conn: Connection, org_id: UUID, name: str, *, plan: str = STANDARD_PLAN) -> Organisation:
    """Make an organisation; the plan must be one."""
    await store.insert_organisation(conn, org_id, name, plan)
    return await find_organisation(conn, org_id)


async def find_organisation(conn: Connection, org_id: UUID) -> Organisation:
    """Find an organisation. Raises OrganisationUnknown."""
    found = await store.find_organisation(conn, org_id)
    if found is None:
        raise OrganisationUnknown(org_id)
    return found


async def list_organisations(conn: Connection) -> Sequence[Organisation]:
    """List up to `LISTED_MAX` organisations, oldest first."""
    return await store.list_organisations(conn, limit=LISTED_MAX)


async def list_members(conn: Connection, org_id: UUID) -> Sequence[Member]:
    """List up to `LISTED_MAX` members of an organisation."""
    return await member.list_members(conn, org_id, limit=LISTED_MAX)


async def list_holders(conn: Connection, org_ids: Sequence[UUID], roles: Sequence[Role]) -> Sequence[Holder]:
    """List who has one of the roles in one of the organisations, but for people who are blocked."""
    return await member.list_holders(conn, org_ids, roles)


async def find_member(conn: Connection, org_id: UUID, user_id: UUID) -> Member:
    """Find a member. Raises UserUnknown."""
    found = await member.find_member(conn, org_id, user_id)
    if found is None:
        raise UserUnknown(user_id)
    return found


async def find_user(conn: Connection, email: str) -> UUID:
    """Find somebody by address, whatever they belong to. Raises UserUnknown."""
    person = await find_by_email(conn, fold_email(email))
    if person is None:
        raise UserUnknown(email)
    return person.id


async def set_roles(conn: Connection, org_id: UUID, user_id: UUID, roles: Sequence[Role]) -> Member:
    """Give a member these roles and no others. Raises UserUnknown, LastAdmin."""
    await store.lock_organisation(conn, org_id)
    found = await find_member(conn, org_id, user_id)
    if "admin" in found.roles and "admin" not in roles:
        await _keep_an_admin(conn, org_id, user_id)
    await member.set_roles(conn, org_id, user_id, sorted(set(roles)))
    return await find_member(conn, org_id, user_id)


async def remove_member(conn: Connection, org_id: UUID, user_id: UUID) -> Member:
    """Let somebody belong to an organisation no more. Raises UserUnknown, LastAdmin."""
    await store.lock_organisation(conn, org_id)
    found = await find_member(conn, org_id, user_id)
    if "admin" in found.roles:
        await _keep_an_admin(conn, org_id, user_id)
    await member.delete_member(conn, org_id, user_id)
    return found


async def _keep_an_admin(conn: Connection, org_id: UUID, user_id: UUID) -> None:
    if not await member.count_other_admins(conn, org_id, user_id):
        raise LastAdmin
