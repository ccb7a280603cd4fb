"""The people of an organisation over HTTP, and invitations."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from quantum_scheduler.accounts.audit.model import AuditEntry
from quantum_scheduler.accounts.audit.record import record_audit
from quantum_scheduler.accounts.login.invite import (
    accept_invitation,
    invite_person,
    list_invitations,
    withdraw_invitation,
    write_invitation_mail,
)
from quantum_scheduler.accounts.login.store import person
from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.accounts.organise import find_member, list_members, remove_member, set_roles
from quantum_scheduler.accounts.routes.describe import CONFLICT, GONE, REFUSED, UNKNOWN, takes
from quantum_scheduler.accounts.routes.document import (
    InvitationDocument,
    InvitationsDocument,
    UserDocument,
    UsersDocument,
)
from quantum_scheduler.accounts.routes.door import Body, Desk, FromPlace, Keeper, OpenBody, needs
from quantum_scheduler.accounts.routes.request import AcceptRequest, InviteRequest, RolesRequest
from quantum_scheduler.problems.body import read_document_body

router = APIRouter(prefix="/v1", tags=["People"])

Reader = Annotated[Principal, needs("users:read")]
Writer = Annotated[Principal, needs("users:write")]


async def _find_own(user_id: UUID, caller: Writer, desk: Desk) -> UUID:
    """Who is not there is told so before the body is read."""
    async with desk.pool.acquire() as conn:
        await find_member(conn, caller.org_id, user_id)
    return user_id


@router.get("/users", operation_id="listUsers", summary="List users", response_description="The organisation's people.")
async def list_users(caller: Reader, desk: Desk) -> UsersDocument:
    """By address, with their roles."""
    async with desk.pool.acquire() as conn:
        return UsersDocument(items=[UserDocument.of(each) for each in await list_members(conn, caller.org_id)])


@router.put(
    "/users/{user_id}/roles",
    operation_id="setRoles",
    summary="Say what somebody is",
    response_description="The user.",
    responses=UNKNOWN | CONFLICT,
    openapi_extra=takes(RolesRequest, roles=["customer"]),
)
async def put_roles(
    user_id: Annotated[UUID, Depends(_find_own)], caller: Writer, desk: Desk, keeper: Keeper, body: Body
) -> UserDocument:
    """These roles and no others; somebody must stay an admin."""
    roles = read_document_body(RolesRequest, body).roles
    async with desk.pool.acquire() as conn, conn.transaction():
        user = await set_roles(conn, caller.org_id, user_id, roles)
        said = {"roles": sorted(set(roles))}
        await record_audit(conn, AuditEntry.by(caller, "users.set_roles", f"user:{user_id}", detail=said))
    keeper.forget()
    return UserDocument.of(user)


@router.delete(
    "/users/{user_id}",
    operation_id="removeUser",
    summary="Remove a user",
    status_code=204,
    response_description="They are no member any more.",
    responses=UNKNOWN | CONFLICT,
)
async def remove(user_id: UUID, caller: Writer, desk: Desk, keeper: Keeper) -> Response:
    """Their sessions and tokens for this organisation end at once; the keys that they issued stay."""
    async with desk.pool.acquire() as conn, conn.transaction():
        await remove_member(conn, caller.org_id, user_id)
        await person.raise_epoch(conn, user_id)
        await record_audit(conn, AuditEntry.by(caller, "users.remove", f"user:{user_id}"))
    keeper.forget()
    return Response(status_code=204)


@router.get(
    "/invitations",
    operation_id="listInvitations",
    summary="List invitations",
    response_description="The open invitations.",
)
async def list_open(caller: Reader, desk: Desk) -> InvitationsDocument:
    """Newest first; the links went by mail and are not shown."""
    async with desk.pool.acquire() as conn:
        found = await list_invitations(conn, caller.org_id, desk.now())
    return InvitationsDocument(items=[InvitationDocument.of(each) for each in found])


@router.post(
    "/invitations",
    operation_id="inviteUser",
    summary="Invite somebody",
    status_code=201,
    response_description="The invitation; its link goes by mail.",
    responses=CONFLICT,
    openapi_extra=takes(InviteRequest, email="grace@example.com", roles=["customer"]),
)
async def invite(caller: Writer, desk: Desk, place: FromPlace, body: Body) -> InvitationDocument:
    """The link is good for a week and for one person."""
    asked = read_document_body(InviteRequest, body)
    async with desk.pool.acquire() as conn, conn.transaction():
        invited = await invite_person(
            conn, desk, caller.org_id, asked.email, sorted(set(asked.roles)), by=caller, place=place
        )
    desk.postbox.post(write_invitation_mail(invited))
    return InvitationDocument.of(invited.invitation)


@router.post(
    "/join",
    operation_id="acceptInvitation",
    summary="Accept an invitation",
    status_code=204,
    response_description="You are a member now; log in.",
    responses=REFUSED | GONE,
    openapi_extra=takes(AcceptRequest, token="…", name="Grace", password="correct horse battery staple"),  # noqa: S106
)
async def accept(desk: Desk, place: FromPlace, body: OpenBody) -> Response:
    """Who has an account already shows its password; everybody else chooses one."""
    asked = read_document_body(AcceptRequest, body)
    await accept_invitation(desk, asked.token, name=asked.name, password=asked.password, place=place)
    return Response(status_code=204)


@router.delete(
    "/invitations/{invitation_id}",
    operation_id="withdrawInvitation",
    summary="Withdraw an invitation",
    status_code=204,
    response_description="Its link is worthless.",
    responses=UNKNOWN,
)
async def withdraw(invitation_id: UUID, caller: Writer, desk: Desk) -> Response:
    """One that was accepted is not there any more."""
    async with desk.pool.acquire() as conn, conn.transaction():
        await withdraw_invitation(conn, caller.org_id, invitation_id)
        await record_audit(conn, AuditEntry.by(caller, "users.withdraw_invitation", f"invitation:{invitation_id}"))
    return Response(status_code=204)
