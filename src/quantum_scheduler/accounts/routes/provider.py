"""Login through an OpenID provider, as a browser does it."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import RedirectResponse

from quantum_scheduler.accounts.login.model import LoginRefused
from quantum_scheduler.accounts.login.oidc import LOGIN_S, Provider, ProviderMissing, begin_login, finish_login
from quantum_scheduler.accounts.routes.describe import REFUSED
from quantum_scheduler.accounts.routes.door import Desk, FromPlace, name_cookie, read_cookie
from quantum_scheduler.accounts.routes.login import keep_session

STATE_COOKIE = "qs_oidc"
TEXT_MAX = 4_096
LANDING = "/docs"

router = APIRouter(prefix="/v1/login/oidc", tags=["Login"])


async def _find_provider(request: Request) -> Provider:
    provider = cast("Provider | None", request.app.state.provider)
    if provider is None:
        raise ProviderMissing
    return provider


Chosen = Annotated[Provider, Depends(_find_provider)]


@router.get(
    "",
    operation_id="beginProviderLogin",
    summary="Log in through the provider",
    status_code=303,
    response_class=RedirectResponse,
    response_description="To the provider.",
    responses={404: {"description": "No provider is set up."}},
)
async def begin(provider: Chosen, desk: Desk) -> Response:
    """For operators; who was not invited here has no account."""
    begun = await begin_login(desk, provider)
    response = RedirectResponse(begun.url, status_code=303)
    response.set_cookie(
        name_cookie(STATE_COOKIE, desk),
        begun.state,
        max_age=int(LOGIN_S),
        path="/",
        secure=desk.options.is_secure,
        httponly=True,
        samesite="lax",
    )
    return response


@router.get(
    "/callback",
    operation_id="finishProviderLogin",
    summary="Come back from the provider",
    status_code=303,
    response_class=RedirectResponse,
    response_description="Logged in; the session is in the cookie.",
    responses=REFUSED | {404: {"description": "No provider is set up."}},
)
async def finish(
    request: Request,
    provider: Chosen,
    desk: Desk,
    place: FromPlace,
    code: Annotated[str, Query(max_length=TEXT_MAX, pattern=r"^[\x20-\x7e]*$")] = "",
    state: Annotated[str, Query(max_length=TEXT_MAX, pattern=r"^[\x20-\x7e]*$")] = "",
) -> Response:
    """Only the browser that began the login can finish it."""
    if not state or not code or read_cookie(request, STATE_COOKIE, desk) != state:
        raise LoginRefused
    entered = await finish_login(desk, provider, code=code, state=state, place=place)
    response = RedirectResponse(LANDING, status_code=303)
    keep_session(response, desk, entered.opened)
    response.delete_cookie(name_cookie(STATE_COOKIE, desk), path="/", secure=desk.options.is_secure, httponly=True)
    return response
