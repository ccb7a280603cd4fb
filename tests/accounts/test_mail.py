"""Mail: a real SMTP server on the loopback, and what becomes of mail where there is none."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy

import pytest
from structlog.testing import capture_logs

from quantum_scheduler.accounts.mail.local import LocalMailer
from quantum_scheduler.accounts.mail.port import Mail, MailRefused
from quantum_scheduler.accounts.mail.post import WAITING_MAX, Postbox
from quantum_scheduler.accounts.mail.smtp import SmtpMailer, SmtpUrlInvalid, read_smtp_url

MAIL = Mail(
    to="ada@example.com", subject="Your invitation - quantum-scheduler", text="Öffne https://x/y?token=secret\n"
)
SENDER = "scheduler@example.com"


@dataclass
class Inbox:
    """An SMTP server (RFC 5321) that wants a password and refuses one reader; and what it was handed."""

    received: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 loopback\r\n")
        is_known = False
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                word, said = line.split()[0].upper(), line.strip()
                if word == b"DATA":
                    writer.write(b"354 go on\r\n")
                    text = await reader.readuntil(b"\r\n.\r\n")
                    self.received.append(text.removesuffix(b".\r\n"))
                is_known = is_known or said == b"AUTH PLAIN " + base64.b64encode(b"\0user\0pass word")
                writer.write(self.answer(word, said, is_known=is_known))
                await writer.drain()
        writer.close()

    def answer(self, word: bytes, said: bytes, *, is_known: bool) -> bytes:
        if word == b"EHLO":
            return b"250-loopback\r\n250 AUTH PLAIN\r\n"
        if word == b"QUIT":
            return b"221 bye\r\n"
        if not is_known:
            return b"535 who are you?\r\n" if word == b"AUTH" else b"530 say who you are\r\n"
        if word == b"AUTH":
            return b"235 welcome\r\n"
        return b"550 no such mailbox\r\n" if b"nobody" in said else b"250 OK\r\n"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def server(inbox: Inbox) -> AsyncIterator[asyncio.Server]:
    async with await asyncio.start_server(inbox.serve, "127.0.0.1", 0) as opened:
        yield opened


def mailer(server: asyncio.Server, *, user: str = "user:pass%20word@", scheme: str = "smtp+plain") -> SmtpMailer:
    port = server.sockets[0].getsockname()[1]
    return read_smtp_url(f"{scheme}://{user}127.0.0.1:{port}", sender=SENDER)


async def test_a_message_arrives_as_it_was_written(server: asyncio.Server, inbox: Inbox) -> None:
    await mailer(server).send(MAIL)
    message = message_from_bytes(inbox.received[0], policy=policy.default)
    assert (message["From"], message["To"], message["Subject"]) == (SENDER, MAIL.to, MAIL.subject)
    assert message["Message-ID"].endswith("@example.com>")
    body = message.get_body()
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == MAIL.text


@pytest.mark.parametrize(
    ("options", "to"),
    [
        ({}, "nobody@example.com"),
        ({"user": "user:wrong@"}, "ada@example.com"),
        ({"user": ""}, "ada@example.com"),
        ({"scheme": "smtp"}, "ada@example.com"),
        ({"scheme": "smtps"}, "ada@example.com"),
    ],
)
async def test_what_the_server_does_not_take_is_refused_without_telling_the_text(
    server: asyncio.Server, inbox: Inbox, options: dict[str, str], to: str
) -> None:
    with pytest.raises(MailRefused) as refused:
        await mailer(server, **options).send(Mail(to=to, subject="x", text="secret"))
    assert "secret" not in str(refused.value)
    assert inbox.received == []


async def test_a_server_that_is_not_there_is_refused() -> None:
    with pytest.raises(MailRefused):
        await read_smtp_url("smtp+plain://127.0.0.1:9", sender=SENDER).send(MAIL)


@pytest.mark.parametrize("url", ["", "smtp://", "http://x", "smtp://host:port", "smtps://:1"])
def test_what_is_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(SmtpUrlInvalid):
        read_smtp_url(url, sender=SENDER)


def test_each_scheme_has_its_port_and_the_password_is_shown_nowhere() -> None:
    assert [read_smtp_url(f"{s}://u:p%40ss@h", sender=SENDER).port for s in ("smtp", "smtps", "smtp+plain")] == [
        587,
        465,
        25,
    ]
    assert "p@ss" not in repr(read_smtp_url("smtp://u:p%40ss@h", sender=SENDER))


async def test_without_a_server_the_message_is_in_the_log() -> None:
    with capture_logs() as logs:
        await LocalMailer().send(MAIL)
    assert logs[0]["text"] == MAIL.text


async def test_a_message_that_is_refused_does_not_keep_the_next_ones() -> None:
    sent: list[Mail] = []

    class Moody:
        async def send(self, mail: Mail) -> None:
            if mail.subject == "refuse":
                raise MailRefused("no")
            if mail.subject == "fail":
                raise RuntimeError
            sent.append(mail)

    with capture_logs() as logs:
        async with Postbox(Moody()) as postbox:
            for subject in ("refuse", "fail", "send"):
                postbox.post(Mail(to="a@b", subject=subject, text="secret"))
            await postbox.drain()
    assert [mail.subject for mail in sent] == ["send"]
    assert [line["event"] for line in logs] == ["mail.refused", "mail.failed"]


async def test_more_messages_than_can_wait_are_dropped_and_said_so() -> None:
    stuck = asyncio.Event()

    class Slow:
        async def send(self, _mail: Mail) -> None:
            await stuck.wait()

    with capture_logs() as logs:
        async with Postbox(Slow()) as postbox:
            for _ in range(WAITING_MAX + 5):
                postbox.post(MAIL)
            stuck.set()
    assert {line["event"] for line in logs} == {"mail.dropped"}
