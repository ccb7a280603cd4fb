"""Subscriptions over HTTP: anybody subscribes by mail, operators add webhooks, and links in messages lead here."""

import secrets
from datetime import UTC, datetime
from html import escape
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from quantum_scheduler.accounts.login.desk import LoginDesk
from quantum_scheduler.accounts.routes import WholeDatabase
from quantum_scheduler.incidents.status.subscriptions import subscribe
from quantum_scheduler.incidents.status.subscriptions.model import (
    ADDRESS_CHARS_MAX,
    EMAIL_CHARS_MAX,
    SubscriptionUnknown,
    WebhooksMissing,
)
from quantum_scheduler.notifications.channels.webhook import derive_secret
from quantum_scheduler.notifications.model import NOTIFICATION_POSTED
from quantum_scheduler.notifications.routes import OperatorBody, takes
from quantum_scheduler.postgres.listen import Notifier
from quantum_scheduler.problems.body import check_media_type, read_fields, read_object
from quantum_scheduler.problems.document import Document

# Nothing is loaded, nothing is framed, and the form goes to this service only.
POLICY = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
TOKEN_BYTES = 24

router = APIRouter(prefix="/v1/status", tags=["Status page"])
pages = APIRouter(prefix="/status/subscriptions", include_in_schema=False)

Token = Annotated[str, Path(min_length=1, max_length=100)]


class SubscriptionRequest(Document):
    """Who wants to be told."""

    email: Annotated[str, Field(min_length=3, max_length=EMAIL_CHARS_MAX)]


class StatusWebhookRequest(Document):
    """What wants to be told."""

    url: Annotated[str, Field(min_length=8, max_length=ADDRESS_CHARS_MAX)]


class StatusWebhookDocument(BaseModel):
    """The secret with which what is sent to a webhook is signed, as Standard Webhooks asks."""

    model_config = ConfigDict(title="StatusWebhook")

    secret: str


REQUEST_BODIES: tuple[type[BaseModel], ...] = (SubscriptionRequest, StatusWebhookRequest)


async def _find_desk(request: Request) -> LoginDesk:
    return cast("LoginDesk", request.app.state.desk)


async def _find_secret(request: Request) -> str | None:
    return cast("str | None", request.app.state.webhook_secret)


async def _read_body(request: Request) -> bytes:
    check_media_type(request.headers)
    return await request.body()


async def _find_notifier(request: Request) -> Notifier:
    return cast("Notifier", request.app.state.notifier)


ToldToWatch = Annotated[Notifier, Depends(_find_notifier)]
Desk = Annotated[LoginDesk, Depends(_find_desk)]


@router.post(
    "/subscriptions",
    operation_id="subscribe",
    summary="Subscribe by mail",
    status_code=202,
    response_class=Response,
    response_description="The address is asked, unless it is told already or was asked within the hour.",
    openapi_extra=takes(SubscriptionRequest, email="ann@example.com"),
)
async def subscribe_by_mail(
    pool: WholeDatabase, notifier: ToldToWatch, desk: Desk, body: Annotated[bytes, Depends(_read_body)]
) -> None:
    """Needs no key. The address gets a mail, and is told nothing before it has agreed."""
    asked = read_fields(SubscriptionRequest, read_object(body))
    token, public_url = secrets.token_urlsafe(TOKEN_BYTES), desk.options.public_url
    async with pool.acquire() as conn, conn.transaction():
        await subscribe.subscribe(conn, "email", asked.email, token=token, public_url=public_url, now=datetime.now(UTC))
    notifier.notify(NOTIFICATION_POSTED)


@router.post(
    "/webhooks",
    operation_id="subscribeWebhook",
    summary="Subscribe a webhook",
    status_code=201,
    response_description="The secret of its signatures.",
    responses={404: {"description": "ALERT_WEBHOOK_SECRET is not set here."}},
    openapi_extra=takes(StatusWebhookRequest, url="https://example.com/status"),
)
async def subscribe_webhook(
    pool: WholeDatabase,
    notifier: ToldToWatch,
    desk: Desk,
    secret: Annotated[str | None, Depends(_find_secret)],
    body: OperatorBody,
) -> StatusWebhookDocument:
    """It is sent a signed message with a `url`, and told nothing before somebody has posted to that `/confirm`."""
    if secret is None:
        raise WebhooksMissing("ALERT_WEBHOOK_SECRET is not set here")
    asked = read_fields(StatusWebhookRequest, read_object(body))
    token, public_url = secrets.token_urlsafe(TOKEN_BYTES), desk.options.public_url
    async with pool.acquire() as conn, conn.transaction():
        await subscribe.subscribe(
            conn, "status_webhook", asked.url, token=token, public_url=public_url, now=datetime.now(UTC)
        )
    notifier.notify(NOTIFICATION_POSTED)
    return StatusWebhookDocument(secret=derive_secret(secret.encode(), asked.url).decode())


@pages.get("/{token}")
async def show(token: Token) -> Response:
    """Show the form of a link; the link does nothing by itself, because mail programs look ahead."""
    return _draw(200, "Your subscription", _form(token, "confirm") + _form(token, "unsubscribe"))


@pages.get("/{token}/unsubscribe")
async def show_end(token: Token) -> Response:
    """Show the form that ends a subscription."""
    return _draw(200, "Your subscription", _form(token, "unsubscribe"))


@pages.post("/{token}/confirm")
async def confirm(token: Token, pool: WholeDatabase) -> Response:
    """Agree to be told."""
    try:
        async with pool.acquire() as conn:
            await subscribe.confirm(conn, token, now=datetime.now(UTC))
    except SubscriptionUnknown as error:
        return _draw(404, "Your subscription", f"<p>{escape(str(error))}</p>")
    return _draw(200, "Your subscription", "<p>It is confirmed: you are told of incidents and maintenance.</p>")


@pages.post("/{token}/unsubscribe")
async def end(token: Token, pool: WholeDatabase) -> Response:
    """End a subscription; a mail program may do so with one click, as RFC 8058 says."""
    async with pool.acquire() as conn:
        await subscribe.unsubscribe(conn, token)
    return _draw(200, "Your subscription", "<p>It has ended: you are told nothing any more.</p>")


def _form(token: str, verb: str) -> str:
    action = f"/status/subscriptions/{escape(token)}/{verb}"
    return f'<form method="post" action="{action}"><button>{verb.capitalize()}</button></form>'


def _draw(status: int, title: str, body: str) -> Response:
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><main><h1>{title}</h1>{body}</main></html>'
    )
    return Response(html, status_code=status, media_type="text/html", headers=HEADERS)
