"""Log in and out over HTTP."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.background import BackgroundTask

from quantum_scheduler.accounts.audit.model import AuditEntry
from quantum_scheduler.accounts.audit.record import record_audit
from quantum_scheduler.accounts.login.desk import LoginDesk
from quantum_scheduler.accounts.login.enter import DEVICE_DAYS, Credentials, log_in
from quantum_scheduler.accounts.login.link import redeem_device, send_link
from quantum_scheduler.accounts.login.model import SessionUnknown
from quantum_scheduler.accounts.login.proof import make_challenge
from quantum_scheduler.accounts.login.session import (
    LIFE_S,
    OpenSession,
    find_session,
    renew_session,
    write_csrf_token,
)
from quantum_scheduler.accounts.login.signing import PUBLISHED_MAX_AGE_S, TOKEN_S, advance_keys, publish_keys
from quantum_scheduler.accounts.login.store import session as sessions
from quantum_scheduler.accounts.login.token import write_token
from quantum_scheduler.accounts.routes.describe import GONE, REFUSED, THROTTLED, takes
from quantum_scheduler.accounts.routes.document import ChallengeDocument, TokensDocument
from quantum_scheduler.accounts.routes.door import (
    DEVICE_COOKIE,
    SESSION_COOKIE,
    Caller,
    Desk,
    FromPlace,
    Keeper,
    OpenBody,
    name_cookie,
    read_cookie,
)
from quantum_scheduler.accounts.routes.request import DeviceRequest, LinkRequest, LoginRequest, RefreshRequest
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.problems.body import read_document_body

router = APIRouter(tags=["Login"])


@router.post(
    "/v1/login",
    operation_id="logIn",
    summary="Log in",
    response_description="The tokens of a new session.",
    responses=REFUSED | THROTTLED,
    openapi_extra=takes(LoginRequest, email="ada@example.com", password="correct horse battery staple"),  # noqa: S106
)
async def enter(request: Request, response: Response, desk: Desk, place: FromPlace, body: OpenBody) -> TokensDocument:
    """Nobody is shut out by what strangers try: a trusted device may always log in, and a mail link makes one."""
    asked = read_document_body(LoginRequest, body)
    shown = Credentials(
        email=asked.email,
        password=asked.password,
        code=asked.code,
        proof=None if asked.proof is None else asked.proof.model_dump(),
        device=asked.device or read_cookie(request, DEVICE_COOKIE, desk),
        org_id=asked.organisation,
        kind=asked.session,
    )
    entered = await log_in(desk, shown, place)
    if entered.device is not None:
        keep_device(response, desk, entered.device)
    tokens = await _give_tokens(response, desk, entered.opened)
    return tokens.model_copy(update={"device": entered.device})


@router.get(
    "/v1/login/challenge",
    operation_id="getChallenge",
    summary="Get a proof of work to do",
    response_description="The challenge (ALTCHA).",
)
async def challenge(desk: Desk) -> ChallengeDocument:
    """It is good for ten minutes and for one attempt."""
    made = make_challenge(desk.peppers, desk.now(), number_max=desk.options.proof_number_max)
    return ChallengeDocument(
        algorithm=made.algorithm,
        challenge=made.challenge,
        maxnumber=made.maxnumber,
        salt=made.salt,
        signature=made.signature,
    )


@router.post(
    "/v1/login/link",
    operation_id="sendDeviceLink",
    summary="Send a link that makes a device a trusted one",
    status_code=202,
    response_class=Response,
    response_description="If somebody has this address, a link is on its way.",
    openapi_extra=takes(LinkRequest, email="ada@example.com"),
)
async def send_device_link(desk: Desk, place: FromPlace, body: OpenBody) -> Response:
    """The answer is the same whether anybody has the address, and comes before it is looked up."""
    email = read_document_body(LinkRequest, body).email
    return Response(status_code=202, background=BackgroundTask(send_link, desk, email, "device", place))


@router.post(
    "/v1/login/device",
    operation_id="trustDevice",
    summary="Make this device a trusted one",
    status_code=204,
    response_description="The cookie that makes it one.",
    responses=GONE,
    openapi_extra=takes(DeviceRequest, token="…"),  # noqa: S106
)
async def trust(desk: Desk, place: FromPlace, body: OpenBody) -> Response:
    """It needs a link of `/v1/login/link`, and logs nobody in by itself."""
    trusted = await redeem_device(desk, read_document_body(DeviceRequest, body).token, place)
    response = Response(status_code=204)
    keep_device(response, desk, trusted.text)
    return response


@router.post(
    "/v1/logout",
    operation_id="logOut",
    summary="Log out",
    status_code=204,
    response_description="The session has ended, with all its tokens.",
)
async def leave(request: Request, desk: Desk, keeper: Keeper, caller: Caller) -> Response:
    """A console's session ends by its cookie, a program's by its access token; for a key there is nothing to end."""
    async with desk.pool.acquire() as conn, conn.transaction():
        if caller.session_id is not None and await sessions.revoke(
            conn, caller.session_id, desk.now(), user_id=caller.user_id
        ):
            await record_audit(conn, AuditEntry.by(caller, "login.left", f"session:{caller.session_id}"))
    keeper.forget()
    response = Response(status_code=204)
    if read_cookie(request, SESSION_COOKIE, desk) is not None:
        _set_cookie(response, desk, SESSION_COOKIE, "", 0)
    return response


@router.post(
    "/v1/token",
    operation_id="getToken",
    summary="Get an access token",
    response_description="A token of the console's session.",
    responses=REFUSED,
)
async def get_token(request: Request, response: Response, desk: Desk, caller: Caller) -> TokensDocument:
    """A console exchanges its cookie for a token that a program may use for ten minutes."""
    cookie = read_cookie(request, SESSION_COOKIE, desk)
    if cookie is None or caller.session_id is None:
        raise SessionUnknown
    async with desk.pool.acquire() as conn:
        opened = await find_session(conn, cookie, "cookie", peppers=desk.peppers, now=desk.now())
    return await _give_tokens(response, desk, opened)


@router.post(
    "/v1/token/refresh",
    operation_id="refreshToken",
    summary="Refresh an access token",
    response_description="The next tokens of the session.",
    responses=REFUSED,
    openapi_extra=takes(RefreshRequest, refresh_token="qss_…"),  # noqa: S106
)
async def refresh(response: Response, desk: Desk, body: OpenBody) -> TokensDocument:
    """A refresh token is good once. One that comes twice was stolen, from whom nobody knows: the session ends."""
    text = read_document_body(RefreshRequest, body).refresh_token
    async with desk.pool.acquire() as conn, conn.transaction():
        opened = await renew_session(conn, text, peppers=desk.peppers, now=desk.now())
        if opened is None:
            await record_audit(conn, AuditEntry(action="login.refresh_reused", subject=text[:36]))
    if opened is None:
        raise SessionUnknown
    return await _give_tokens(response, desk, opened)


@router.get(
    "/.well-known/jwks.json",
    operation_id="getPublicKeys",
    summary="Show what access tokens are signed with",
    response_description="A JWK set (RFC 7517).",
)
async def public_keys(response: Response, desk: Desk) -> dict[str, Any]:
    """The set may be kept for five minutes: a key is published for longer before it signs."""
    async with desk.pool.acquire() as conn, conn.transaction():
        keys = await publish_keys(conn)
        if len(keys["keys"]) < 2:
            await advance_keys(conn, desk.peppers, desk.now())
            keys = await publish_keys(conn)
    response.headers["Cache-Control"] = f"public, max-age={PUBLISHED_MAX_AGE_S}"
    return keys


def keep_device(response: Response, desk: LoginDesk, text: str) -> None:
    """Have the browser keep what makes its device a trusted one."""
    _set_cookie(response, desk, DEVICE_COOKIE, text, DEVICE_DAYS * 86_400)


def keep_session(response: Response, desk: LoginDesk, opened: OpenSession) -> None:
    """Have the browser keep its session."""
    _set_cookie(response, desk, SESSION_COOKIE, opened.text, int(LIFE_S["cookie"]))


async def _give_tokens(response: Response, desk: LoginDesk, opened: OpenSession) -> TokensDocument:
    async with desk.pool.acquire() as conn, conn.transaction():
        access_token = await _write_token(conn, desk, opened)
    is_cookie = opened.session.kind == "cookie"
    if is_cookie:
        keep_session(response, desk, opened)
    return TokensDocument(
        access_token=access_token,
        expires_in=int(TOKEN_S),
        refresh_token=None if is_cookie else opened.text,
        csrf_token=write_csrf_token(opened.text, desk.peppers) if is_cookie else None,
    )


async def _write_token(conn: Connection, desk: LoginDesk, opened: OpenSession) -> str:
    return await write_token(
        conn, opened.session, opened.epoch, peppers=desk.peppers, issuer=desk.issuer, now=desk.now()
    )


def _set_cookie(response: Response, desk: LoginDesk, name: str, value: str, max_age_s: int) -> None:
    response.set_cookie(
        name_cookie(name, desk),
        value,
        max_age=max_age_s,
        path="/",
        secure=desk.options.is_secure,
        httponly=True,
        samesite="lax",
    )
