"""Channels: what goes over the wire is what each service documents, and its answers are understood."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import UUID

import httpx2
import pytest
from tests.notifications.loopback import Server, serve_http

from quantum_scheduler.accounts.mail.smtp import read_smtp_url
from quantum_scheduler.notifications.channels.any_service import AnyService
from quantum_scheduler.notifications.channels.email import Email
from quantum_scheduler.notifications.channels.pagerduty import PagerDuty, is_signed_by_pagerduty
from quantum_scheduler.notifications.channels.slack import SlackBot, SlackWebhook, is_signed_by_slack
from quantum_scheduler.notifications.channels.webhook import StatusWebhook, Webhook, derive_secret, sign
from quantum_scheduler.notifications.model import Button, ChannelName, Delivery, Message, SendFailed, Target
from quantum_scheduler.notifications.templates import write_alert, write_resolution

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
NAME = "incident-2026-11-22-001"
ALERT = write_alert(incident=NAME, severity="P1", title="Dynex is <down> & out", url="https://qs.example/i/1")
OVER = write_resolution(
    incident=NAME, severity="P1", title="Dynex", root_cause="The key.", began_at=NOW, resolved_at=NOW, review_at=NOW
)


def delivery(channel: ChannelName, address: str, message: Message = ALERT) -> Delivery:
    return Delivery(
        id=UUID(int=7),
        target=Target(channel=channel, address=address),
        message=message,
        dedup_key="k",
        attempts=1,
        created_at=NOW,
    )


@pytest.fixture
def server() -> Iterator[Server]:
    with serve_http({"ok": True, "ts": "1.2", "channel": "C1", "status": "success", "dedup_key": NAME}) as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(trust_env=False) as client:
        yield client


def test_the_words_are_those_of_the_playbook() -> None:
    assert ALERT.title == "🚨 INCIDENT: P1 - Dynex is <down> & out"
    assert ALERT.text.splitlines() == [
        "Status: Investigating",
        "Impact: not known yet",
        "ETA: not known yet",
        "Incident Channel: #incident-2026-11-22-001",
    ]
    assert OVER.title == "✅ RESOLVED: P1 - Dynex"
    assert OVER.text.splitlines()[:2] == ["Root Cause: The key.", "Duration: 1 minutes"]


async def test_slack_gets_blocks_in_which_nothing_is_markup_that_was_not_ours(
    server: Server, http: httpx2.AsyncClient
) -> None:
    await SlackWebhook(http).send(delivery("slack", f"{server.url}/services/T/B/x"))
    (request,) = server.requests
    assert request.headers["content-type"] == "application/json"
    section, actions = request.json()["blocks"]
    assert "Dynex is &lt;down&gt; &amp; out" in section["text"]["text"]
    assert actions["elements"][0]["url"] == "https://qs.example/i/1"


async def test_a_slack_bot_keeps_an_incident_in_one_thread_and_its_buttons_carry_their_value(
    server: Server, http: httpx2.AsyncClient
) -> None:
    bot = SlackBot(http, "xoxb-1", api_url=f"{server.url}/api")
    asked = replace(ALERT, buttons=(Button(label="Approve", value="run:4:approve"),))
    receipt = await bot.send(delivery("slack_bot", "#alerts", asked))
    await bot.send(replace(delivery("slack_bot", "#alerts", OVER), thread=receipt))
    first, second = server.requests
    assert first.path == "/api/chat.postMessage"
    assert first.headers["authorization"] == "Bearer xoxb-1"
    assert "thread_ts" not in first.json()
    assert first.json()["blocks"][1]["elements"][0]["value"] == "run:4:approve"
    assert (second.json()["thread_ts"], second.json()["reply_broadcast"]) == ("1.2", True)


@pytest.mark.parametrize(("error", "is_final"), [("invalid_auth", True), ("service_unavailable", False)])
async def test_what_slack_refuses_with_200_is_a_failure(
    server: Server, http: httpx2.AsyncClient, error: str, is_final: bool
) -> None:
    server.answers.append((200, {}, {"ok": False, "error": error}))
    with pytest.raises(SendFailed, match=error) as failed:
        await SlackBot(http, "x", api_url=server.url).send(delivery("slack_bot", "#a"))
    assert failed.value.is_final is is_final


def test_only_a_fresh_request_with_slacks_signature_is_believed() -> None:
    body, secret = b"payload=%7B%7D", "s3cret"
    signature = "v0=" + hmac.new(secret.encode(), b"v0:1000:" + body, hashlib.sha256).hexdigest()
    given = {"timestamp": "1000", "signature": signature, "secret": secret}
    assert is_signed_by_slack(body, now_s=1100.0, **given)
    assert not is_signed_by_slack(body, now_s=1301.0, **given)
    assert not is_signed_by_slack(body + b"x", now_s=1100.0, **given)
    assert not is_signed_by_slack(body, now_s=1100.0, **{**given, "timestamp": "x"})
    assert not is_signed_by_slack(body, now_s=1100.0, **{**given, "signature": "é"})


async def test_pagerduty_gets_one_alert_an_incident_and_its_end(server: Server, http: httpx2.AsyncClient) -> None:
    pagerduty = PagerDuty(http, source="qs", events_url=server.url)
    await pagerduty.send(delivery("pagerduty", "R" * 32))
    await pagerduty.send(delivery("pagerduty", "R" * 32, OVER))
    trigger, resolve = (request.json() for request in server.requests)
    assert server.requests[0].path == "/v2/enqueue"
    assert (trigger["routing_key"], trigger["event_action"], trigger["dedup_key"]) == ("R" * 32, "trigger", NAME)
    assert trigger["payload"]["severity"] == "error"
    assert trigger["payload"]["source"] == "qs"
    assert resolve == {"routing_key": "R" * 32, "event_action": "resolve", "dedup_key": NAME}


def test_one_right_signature_of_pagerduty_is_enough() -> None:
    right = "v1=" + hmac.new(b"k", b"{}", hashlib.sha256).hexdigest()
    assert is_signed_by_pagerduty(b"{}", signatures=f"v1=00, {right}", secret="k")
    assert not is_signed_by_pagerduty(b"{ }", signatures=right, secret="k")
    assert not is_signed_by_pagerduty(b"{}", signatures="", secret="k")


async def test_a_webhook_is_signed_so_that_its_receiver_can_check_it(server: Server, http: httpx2.AsyncClient) -> None:
    await Webhook(http, b"secret", now=lambda: NOW).send(delivery("webhook", f"{server.url}/hook"))
    (request,) = server.requests
    signed = f"{UUID(int=7)}.{int(NOW.timestamp())}.".encode() + request.body
    expected = base64.b64encode(hmac.new(b"secret", signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-id"] == str(UUID(int=7))
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert json.loads(request.body)["type"] == "incident.alert"


async def test_a_subscribed_webhook_is_signed_with_a_secret_of_its_own(
    server: Server, http: httpx2.AsyncClient
) -> None:
    url = f"{server.url}/status"
    message = Message(kind="notice", title="Identified: Dynex", incident=NAME, unsubscribe="https://qs.example/u")
    await StatusWebhook(http, b"secret", now=lambda: NOW).send(delivery("status_webhook", url, message))
    (request,) = server.requests
    timestamp = str(int(NOW.timestamp()))
    own = derive_secret(b"secret", url)
    expected = sign(request.body, message_id=str(UUID(int=7)), timestamp=timestamp, secret=own)
    assert request.headers["webhook-signature"] == expected
    assert request.json()["data"]["unsubscribe"] == "https://qs.example/u"
    assert own != derive_secret(b"secret", url + "/other")


def test_a_mail_to_a_subscriber_is_ended_with_one_click() -> None:
    mailer = read_smtp_url("smtp+plain://127.0.0.1:25", sender="qs@example.com")
    message = Message(kind="notice", title="Identified: Dynex", unsubscribe="https://qs.example/u")
    mail = Email(mailer).write(delivery("email", "ann@example.com", message))
    assert mail["List-Unsubscribe"] == "<https://qs.example/u>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    plain = mail.get_body(("plain",))
    assert plain is not None
    assert "Unsubscribe: https://qs.example/u" in plain.get_content()


@pytest.mark.parametrize(
    ("status", "headers", "is_final", "retry_after_s"),
    [
        (429, {"Retry-After": "30"}, False, 30.0),
        (429, {"Retry-After": "999999"}, False, 3600.0),
        (503, {"Retry-After": "soon"}, False, None),
        (500, {}, False, None),
        (404, {}, True, None),
        (302, {"Location": "/"}, True, None),
    ],
)
async def test_an_answer_says_whether_another_try_is_of_use(
    server: Server, http: httpx2.AsyncClient, status: int, headers: dict[str, str], is_final: bool, retry_after_s: float
) -> None:
    server.answers.append((status, headers, "no"))
    with pytest.raises(SendFailed) as failed:
        await SlackWebhook(http).send(delivery("slack", f"{server.url}/secret-path"))
    assert (failed.value.is_final, failed.value.retry_after_s) == (is_final, retry_after_s)
    assert "secret-path" not in str(failed.value)


async def test_what_cannot_be_reached_is_tried_again(http: httpx2.AsyncClient) -> None:
    for address in ("http://127.0.0.1:1/x", "nonsense://", "http://[::bad"):
        with pytest.raises(SendFailed) as failed:
            await SlackWebhook(http).send(delivery("slack", address))
        assert not failed.value.is_final


async def test_apprise_reaches_a_service_by_its_url(server: Server) -> None:
    address = server.url.replace("http://", "json://") + "/notify"
    await AnyService().send(delivery("apprise", address))
    assert server.requests[0].json()["title"] == ALERT.title
    with pytest.raises(SendFailed, match="does not know"):
        await AnyService().send(delivery("apprise", "nonsense"))
    server.answers += [(500, {}, "no")]
    with pytest.raises(SendFailed, match="did not take it"):
        await AnyService().send(delivery("apprise", address))


class Mailbox:
    """An SMTP server (RFC 5321) that takes mail for anybody but `full` and `nobody`."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.connections: list[asyncio.Task[None]] = []

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(asyncio.create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 loopback\r\n")
        while line := await reader.readline():
            word = line.split()[0].upper()
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                text = (await reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n")
                mail = message_from_bytes(text, _class=EmailMessage, policy=policy.default)
                self.mails.append(mail)
            refusals = {b"full": b"452 later\r\n", b"nobody": b"550 no such mailbox\r\n", b"QUIT": b"221 bye\r\n"}
            writer.write(next((answer for sign, answer in refusals.items() if sign in line), b"250 OK\r\n"))
            await writer.drain()
        writer.close()
        await writer.wait_closed()


async def test_mail_has_text_and_html_and_an_incident_is_one_thread() -> None:
    mailbox = Mailbox()
    async with await asyncio.start_server(mailbox.accept, "127.0.0.1", 0) as smtp:
        port = smtp.sockets[0].getsockname()[1]
        email = Email(read_smtp_url(f"smtp+plain://127.0.0.1:{port}", sender="qs@example.com"))
        receipt = await email.send(delivery("email", "ann@example.com"))
        await email.send(replace(delivery("email", "ann@example.com", OVER), id=UUID(int=8), thread=receipt))
        for person, is_final in (("full", False), ("nobody", True)):
            with pytest.raises(SendFailed) as failed:
                await email.send(delivery("email", f"{person}@example.com"))
            assert failed.value.is_final is is_final
        await asyncio.gather(*mailbox.connections)
    first, second = mailbox.mails
    assert first["Subject"] == ALERT.title
    assert first["Message-ID"] == f"<{UUID(int=7)}@example.com>"
    text, html = first.get_body(("plain",)), first.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "Incident Channel" in text.get_content()
    assert "Dynex is &lt;down&gt; &amp; out" in html.get_content()
    assert second["In-Reply-To"] == first["Message-ID"]


async def test_a_mail_server_that_is_away_is_tried_again() -> None:
    with pytest.raises(SendFailed) as failed:
        await Email(read_smtp_url("smtp://127.0.0.1:1", sender="qs@example.com")).send(delivery("email", "a@b.c"))
    assert not failed.value.is_final
