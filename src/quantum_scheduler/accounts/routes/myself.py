"""One's own account over HTTP: who I am, my password, my second factor, my sessions."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from starlette.background import BackgroundTask

from quantum_scheduler.accounts.audit.model import AuditEntry
from quantum_scheduler.accounts.audit.record import record_audit
from quantum_scheduler.accounts.login.desk import LoginDesk
from quantum_scheduler.accounts.login.enter import Credentials
from quantum_scheduler.accounts.login.link import change_password, reset_password, send_link
from quantum_scheduler.accounts.login.model import Person, SecondFactorRefused, SessionUnknown
from quantum_scheduler.accounts.login.store import person as people
from quantum_scheduler.accounts.login.store import session as sessions
from quantum_scheduler.accounts.login.tell import tell_person
from quantum_scheduler.accounts.login.totp import begin_totp, charge_code, confirm_totp, use_code
from quantum_scheduler.accounts.organise import find_organisation
from quantum_scheduler.accounts.routes.describe import CONFLICT, GONE, REFUSED, THROTTLED, UNKNOWN, takes
from quantum_scheduler.accounts.routes.document import (
    EnrolmentDocument,
    MeDocument,
    RecoveryCodesDocument,
    SessionDocument,
    SessionsDocument,
)
from quantum_scheduler.accounts.routes.door import (
    DEVICE_COOKIE,
    Body,
    Caller,
    Desk,
    FromPlace,
    Keeper,
    Myself,
    OpenBody,
    read_cookie,
)
from quantum_scheduler.accounts.routes.request import CodeRequest, LinkRequest, PasswordRequest, ResetRequest
from quantum_scheduler.problems.body import read_document_body

SESSIONS_LISTED_MAX = 100

router = APIRouter(prefix="/v1", tags=["My account"])


class SecondFactorAskedFor(Exception):  # noqa: N818  an error is named for what happened
    """An organisation asks for the second factor, so it cannot be removed."""

    def __init__(self) -> None:
        super().__init__("your organisation asks for a second factor, so it cannot be removed")


class SecondFactorKept(Exception):  # noqa: N818
    """There is a second factor already, which only its own code can replace."""

    def __init__(self) -> None:
        super().__init__("there is a second factor already: remove it with a code first")


async def _find_me(desk: Desk, user_id: Myself) -> Person:
    async with desk.pool.acquire() as conn:
        person = await people.find_person(conn, user_id)
    if person is None:
        raise SessionUnknown
    return person


Me = Annotated[Person, Depends(_find_me)]


@router.get("/me", operation_id="getMe", summary="Show who is asking", response_description="Who is asking.")
async def me(caller: Caller, desk: Desk) -> MeDocument:
    """A key or a person, in an organisation, with what they may do."""
    async with desk.pool.acquire() as conn:
        organisation = await find_organisation(conn, caller.org_id)
        person = None if caller.user_id is None else await people.find_person(conn, caller.user_id)
    return MeDocument(
        organisation=organisation.id,
        organisation_name=organisation.name,
        plan=organisation.plan,
        key=caller.key_id,
        user=caller.user_id,
        email=None if person is None else person.email,
        name=None if person is None else person.name,
        roles=sorted(caller.roles),
        scopes=sorted(caller.scopes),
        second_factor_due=caller.is_factor_due,
    )


@router.post(
    "/password/forgot",
    operation_id="forgotPassword",
    summary="Send a link that sets a new password",
    status_code=202,
    response_class=Response,
    response_description="If somebody has this address, a link is on its way.",
    openapi_extra=takes(LinkRequest, email="ada@example.com"),
)
async def forgot(desk: Desk, place: FromPlace, body: OpenBody) -> Response:
    """The answer is the same whether anybody has the address, and comes before it is looked up."""
    email = read_document_body(LinkRequest, body).email
    return Response(status_code=202, background=BackgroundTask(send_link, desk, email, "password", place))


@router.post(
    "/password/reset",
    operation_id="resetPassword",
    summary="Set a new password with a link",
    status_code=204,
    response_description="The password is set, and all sessions have ended.",
    responses=GONE,
    openapi_extra=takes(ResetRequest, token="…", password="correct horse battery staple"),  # noqa: S106
)
async def reset(desk: Desk, keeper: Keeper, place: FromPlace, body: OpenBody) -> Response:
    """A second factor stays as it is."""
    asked = read_document_body(ResetRequest, body)
    await reset_password(desk, asked.token, asked.password, place)
    keeper.forget()
    return Response(status_code=204)


@router.post(
    "/password",
    operation_id="changePassword",
    summary="Change one's password",
    status_code=204,
    response_description="The password is set; this session alone goes on, its access tokens do not.",
    responses=REFUSED | THROTTLED,
    openapi_extra=takes(PasswordRequest, current="correct horse battery staple", new="several other words, please"),
)
async def change(
    request: Request, caller: Caller, person: Me, desk: Desk, keeper: Keeper, place: FromPlace, body: Body
) -> Response:
    """It needs the password that was, and guessing that here is slowed down as it is at the login."""
    asked = read_document_body(PasswordRequest, body)
    shown = Credentials(
        email=person.email,
        password=asked.current,
        proof=None if asked.proof is None else asked.proof.model_dump(),
        device=asked.device or read_cookie(request, DEVICE_COOKIE, desk),
    )
    await change_password(desk, person, shown, new=asked.new, keep=caller.session_id, place=place)
    keeper.forget()
    return Response(status_code=204)


@router.post(
    "/totp",
    operation_id="beginTotp",
    summary="Begin with a second factor",
    response_description="What the authenticator needs.",
    responses=CONFLICT,
)
async def begin(person: Me, desk: Desk) -> EnrolmentDocument:
    """It counts once a code of it was confirmed."""
    if person.totp_sealed is not None:
        raise SecondFactorKept
    async with desk.pool.acquire() as conn, conn.transaction():
        enrolment = await begin_totp(conn, person.id, person.email, peppers=desk.peppers)
    return EnrolmentDocument(secret=enrolment.secret, uri=enrolment.uri)


@router.post(
    "/totp/confirm",
    operation_id="confirmTotp",
    summary="Confirm a second factor",
    response_description="Codes for the day the authenticator is lost.",
    responses=REFUSED | CONFLICT,
    openapi_extra=takes(CodeRequest, code="123456"),
)
async def confirm(
    caller: Caller, person: Me, desk: Desk, keeper: Keeper, place: FromPlace, body: Body
) -> RecoveryCodesDocument:
    """From now on every login with the password asks for a code too; all other sessions end."""
    if person.totp_sealed is not None:
        raise SecondFactorKept
    code = read_document_body(CodeRequest, body).code
    async with desk.pool.acquire() as conn, conn.transaction():
        codes = await confirm_totp(conn, person.id, code, peppers=desk.peppers, now=desk.now())
        await sessions.revoke_all(conn, person.id, desk.now(), other_than=caller.session_id)
        if caller.session_id is not None:
            await sessions.note_factor(conn, caller.session_id)
        await record_audit(conn, AuditEntry.by(caller, "login.totp_set", f"user:{person.id}"))
    keeper.forget()
    tell_person(desk, person.email, "second_factor_set", place)
    return RecoveryCodesDocument(recovery_codes=[*codes])


@router.delete(
    "/totp",
    operation_id="removeTotp",
    summary="Remove the second factor",
    status_code=204,
    response_description="Logins ask for the password only.",
    responses=REFUSED | CONFLICT | THROTTLED,
    openapi_extra=takes(CodeRequest, code="123456"),
)
async def remove(caller: Caller, person: Me, desk: Desk, keeper: Keeper, place: FromPlace, body: Body) -> Response:
    """It needs a code, so that a session left open is not enough; all other sessions end."""
    await _use_code(desk, person, read_document_body(CodeRequest, body).code)
    async with desk.pool.acquire() as conn, conn.transaction():
        if await people.needs_factor(conn, person.id):
            raise SecondFactorAskedFor
        await people.remove_totp(conn, person.id)
        await sessions.revoke_all(conn, person.id, desk.now(), other_than=caller.session_id)
        await record_audit(conn, AuditEntry.by(caller, "login.totp_removed", f"user:{person.id}"))
    keeper.forget()
    tell_person(desk, person.email, "second_factor_removed", place)
    return Response(status_code=204)


@router.get(
    "/sessions",
    operation_id="listSessions",
    summary="List one's sessions",
    response_description="Where one is logged in.",
)
async def list_sessions(user_id: Myself, desk: Desk) -> SessionsDocument:
    """Newest first, with the network and the program they were opened from."""
    async with desk.pool.acquire() as conn:
        found = await sessions.list_sessions(conn, user_id, desk.now(), limit=SESSIONS_LISTED_MAX)
    return SessionsDocument(items=[SessionDocument.of(each) for each in found])


@router.delete(
    "/sessions/{session_id}",
    operation_id="endSession",
    summary="End a session",
    status_code=204,
    response_description="The session has ended, with all its tokens.",
    responses=UNKNOWN,
)
async def end(session_id: UUID, caller: Caller, user_id: Myself, desk: Desk, keeper: Keeper) -> Response:
    """One's own only."""
    async with desk.pool.acquire() as conn, conn.transaction():
        if not await sessions.revoke(conn, session_id, desk.now(), user_id=user_id):
            raise SessionNotThere
        await record_audit(conn, AuditEntry.by(caller, "login.session_ended", f"session:{session_id}"))
    keeper.forget()
    return Response(status_code=204)


class SessionNotThere(Exception):  # noqa: N818
    """One has no such session."""

    def __init__(self) -> None:
        super().__init__("there is no such session")


async def _use_code(desk: LoginDesk, person: Person, code: str) -> None:
    """Raises SecondFactorRefused, LoginDelayed."""
    if person.totp_sealed is None:
        raise SecondFactorRefused
    async with desk.pool.acquire() as conn, conn.transaction():
        sealed = await charge_code(conn, person.id, desk.now(), desk.options.policy)
    async with desk.pool.acquire() as conn, conn.transaction():
        await use_code(conn, person.id, sealed, code, peppers=desk.peppers, now=desk.now())
