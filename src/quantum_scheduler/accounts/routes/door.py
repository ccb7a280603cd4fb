"""The check at the door: who is asking, may they do this, and which rows do they see."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from quantum_scheduler.accounts.doorkeeper import Doorkeeper
from quantum_scheduler.accounts.login.desk import LoginDesk
from quantum_scheduler.accounts.login.model import CsrfRefused, Place
from quantum_scheduler.accounts.login.session import is_csrf_token
from quantum_scheduler.accounts.model import PersonNeeded, Principal, SecondFactorNeeded
from quantum_scheduler.accounts.network import find_client, name_network
from quantum_scheduler.accounts.scope import Scope, check_scope
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.postgres.separate import RowWall
from quantum_scheduler.problems.body import check_media_type

SESSION_COOKIE = "qs_session"
DEVICE_COOKIE = "qs_device"
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# What is open to whoever still has to show a second factor: to see who they are, to set one, to leave.
FACTOR_PATHS = frozenset({"/v1/me", "/v1/totp", "/v1/totp/confirm", "/v1/token", "/v1/logout"})

_BEARER = HTTPBearer(
    scheme_name="key",
    bearerFormat="qsk_live_<key id>_<secret>_<checksum>",
    description="An API key, as `quantum-scheduler up` printed it, or an access token of `/v1/login`.",
    auto_error=False,
)
_COOKIE = APIKeyCookie(
    name=SESSION_COOKIE,
    scheme_name="session",
    description="The console's session; what changes something shows its `csrf_token` in X-CSRF-Token too. Over TLS "
    "the cookie's name begins with `__Host-`.",
    auto_error=False,
)
Shown = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


# This and its like in other rooms are async because FastAPI runs what is not in a thread.
async def _find_pool(request: Request) -> Pool:
    return cast("Pool", request.app.state.pool)


async def _find_desk(request: Request) -> LoginDesk:
    return cast("LoginDesk", request.app.state.desk)


async def _find_doorkeeper(request: Request) -> Doorkeeper:
    return cast("Doorkeeper", request.app.state.doorkeeper)


Desk = Annotated[LoginDesk, Depends(_find_desk)]
# Other processes hear of a change from the database; the one that made it is told to forget at once.
Keeper = Annotated[Doorkeeper, Depends(_find_doorkeeper)]


async def _admit(
    request: Request,
    desk: Desk,
    doorkeeper: Keeper,
    shown: Shown,
    _documented: Annotated[str | None, Depends(_COOKIE)],
) -> Principal:
    cookie = read_cookie(request, SESSION_COOKIE, desk)
    if shown is not None or cookie is None:
        principal = await doorkeeper.admit(shown.credentials if shown else None)
    else:
        principal = await doorkeeper.admit_cookie(cookie)
        is_safe = request.method in SAFE_METHODS
        if not is_safe and not is_csrf_token(cookie, request.headers.get(CSRF_HEADER), desk.peppers):
            raise CsrfRefused
    if principal.is_factor_due and request.scope["path"] not in FACTOR_PATHS:
        raise SecondFactorNeeded
    # What limits requests is outside of this room, and leaves here how a caller passes it.
    await cast("Callable[[Principal], Awaitable[None]]", request.state.admit)(principal)
    return principal


Caller = Annotated[Principal, Depends(_admit)]


async def _find_rows(request: Request, caller: Caller) -> Pool:
    wall = cast("RowWall", request.app.state.wall)
    return cast("Pool", wall.of(caller.org_id))


async def _find_place(request: Request, desk: Desk) -> Place:
    peer = None if request.client is None else request.client.host
    address = find_client(peer, request.headers.getlist("x-forwarded-for"), desk.options.proxies)
    return Place(network=name_network(address), agent=request.headers.get("user-agent", ""))


async def _find_person(caller: Caller) -> UUID:
    if caller.user_id is None:
        raise PersonNeeded
    return caller.user_id


async def _read_body(request: Request) -> bytes:
    """The body as it came; of routes that need no key."""
    check_media_type(request.headers)
    return await request.body()


async def _read_callers_body(request: Request, _caller: Caller) -> bytes:
    """The body as it came, once the caller is known."""
    check_media_type(request.headers)
    return await request.body()


# Connections that see the rows of the caller's organisation only, each lent in a transaction.
Database = Annotated[Pool, Depends(_find_rows)]
# The database as its owner sees it, for the accounts themselves and for those who run the installation.
WholeDatabase = Annotated[Pool, Depends(_find_pool)]
FromPlace = Annotated[Place, Depends(_find_place)]
# The user who asks; keys are refused.
Myself = Annotated[UUID, Depends(_find_person)]
OpenBody = Annotated[bytes, Depends(_read_body)]
Body = Annotated[bytes, Depends(_read_callers_body)]


def needs(scope: Scope) -> Any:
    """Let in only who has the scope: `caller: Annotated[Principal, needs("jobs:read")]`."""
    if scope not in _CHECKS:
        _CHECKS[scope] = _make_check(scope)
    return Depends(_CHECKS[scope])


def read_cookie(request: Request, name: str, desk: LoginDesk) -> str | None:
    """A cookie of ours, by the name that it has on this kind of connection."""
    return request.cookies.get(name_cookie(name, desk)) or None


def name_cookie(name: str, desk: LoginDesk) -> str:
    """Over TLS a cookie is bound to this very host by its name."""
    return f"__Host-{name}" if desk.options.is_secure else name


def _make_check(scope: Scope) -> Callable[[Principal], Awaitable[Principal]]:
    async def check(caller: Caller) -> Principal:
        check_scope(caller, scope)
        return caller

    return check


# One for each scope, so that FastAPI recognises the same check in a request and does it once.
_CHECKS: dict[Scope, Callable[[Principal], Awaitable[Principal]]] = {}
