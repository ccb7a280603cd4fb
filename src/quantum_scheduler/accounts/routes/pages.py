"""The pages that links in mails lead to: one form each, without a script."""

from collections.abc import Mapping
from html import escape
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request, Response

from quantum_scheduler.accounts.login.desk import LoginDesk
from quantum_scheduler.accounts.login.invite import accept_invitation
from quantum_scheduler.accounts.login.link import redeem_device, reset_password
from quantum_scheduler.accounts.login.model import LinkUnknown, LoginBusy, LoginRefused, PasswordWeak, Place
from quantum_scheduler.accounts.login.password import LENGTH_MAX, LENGTH_MIN
from quantum_scheduler.accounts.routes.door import Desk, FromPlace
from quantum_scheduler.accounts.routes.login import keep_device
from quantum_scheduler.problems.body import MediaTypeWrong

BODY_BYTES_MAX = 8_192
NAME_LENGTH_MAX = 200
# Nothing is loaded, nothing is framed, and what is typed goes to this service only.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

_PASSWORD = (
    f'<label>Password, at least {LENGTH_MIN} characters<input name="password" type="password" required '
    f'minlength="{LENGTH_MIN}" maxlength="{LENGTH_MAX}" autocomplete="new-password"></label>'
)
_NAME = f'<label>Your name<input name="name" required maxlength="{NAME_LENGTH_MAX}" autocomplete="name"></label>'
TITLES = {
    "invitation": "Set up your account",
    "password": "Set a new password",
    "device": "Trust this device",
}
FIELDS = {"invitation": _NAME + _PASSWORD, "password": _PASSWORD, "device": ""}
DONE = {
    "invitation": "Your account is set up. You can log in now.",
    "password": "Your new password is set, and you are logged out everywhere. You can log in now.",
    "device": "This device is a trusted one. You can log in now.",
}
_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:28rem;margin:4rem auto;padding:0 1rem}"
    "label,input,button{display:block;width:100%;box-sizing:border-box;font:inherit;margin:.5rem 0}"
    "input,button{padding:.5rem}[role=alert]{color:#a00000}"
)

router = APIRouter(prefix="/account", include_in_schema=False)

Token = Annotated[str, Query(max_length=256)]


@router.get("/{page}")
async def show(page: str, token: Token = "") -> Response:
    """Show the form of a link; the link is not used up by that, because mail programs look ahead."""
    if page not in TITLES:
        return _draw(404, "There is no such page", "")
    return _draw(200, TITLES[page], _write_form(page, token, ""))


@router.post("/{page}")
async def use(page: str, request: Request, desk: Desk, place: FromPlace) -> Response:
    """Do what the form says."""
    if page not in TITLES:
        return _draw(404, "There is no such page", "")
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise MediaTypeWrong("send the form as a browser does")
    fields = await _read_form(request)
    try:
        device = await _do(desk, page, fields, place)
    except (LinkUnknown, LoginBusy, LoginRefused, PasswordWeak) as error:
        return _draw(422, TITLES[page], _write_form(page, fields.get("token", ""), str(error)))
    response = _draw(200, TITLES[page], f"<p>{escape(DONE[page])}</p>")
    if device is not None:
        keep_device(response, desk, device)
    return response


async def _do(desk: LoginDesk, page: str, fields: Mapping[str, str], place: Place) -> str | None:
    """Do it, and return what the device should keep, if anything."""
    token, password = fields.get("token", ""), fields.get("password", "")
    match page:
        case "invitation":
            name = "".join(letter for letter in fields.get("name", "") if letter.isprintable()).strip()
            if not name:
                raise PasswordWeak("say your name")
            await accept_invitation(desk, token, name=name[:NAME_LENGTH_MAX], password=password, place=place)
        case "password":
            await reset_password(desk, token, password, place)
        case _:
            return (await redeem_device(desk, token, place)).text
    return None


async def _read_form(request: Request) -> dict[str, str]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            return {}
    try:
        fields = parse_qs(body.decode(errors="replace"), max_num_fields=10, keep_blank_values=True)
    except ValueError:
        return {}
    return {name: values[0].replace("\x00", "") for name, values in fields.items()}


def _write_form(page: str, token: str, refusal: str) -> str:
    alert = f'<p role="alert">{escape(refusal)}</p>' if refusal else ""
    return (
        f'{alert}<form method="post" action="/account/{page}">'
        f'<input type="hidden" name="token" value="{escape(token)}">'
        f"{FIELDS[page]}<button>{escape(TITLES[page])}</button></form>"
    )


def _draw(status: int, title: str, body: str) -> Response:
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1>{body}</html>"
    )
    return Response(html, status_code=status, media_type="text/html", headers={"Content-Security-Policy": POLICY})
