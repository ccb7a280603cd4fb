"""Send mail through an SMTP server."""

from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

import aiosmtplib

from quantum_scheduler.accounts.mail.port import Mail, MailRefused

TIMEOUT_S = 20.0
PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}


class SmtpUrlInvalid(ValueError):  # noqa: N818  an error is named for what happened
    """The URL of the mail server is not one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpMailer:
    """Sends through one server, over a new connection for each message.

    `smtps` is TLS from the start, `smtp` is STARTTLS and fails without it, `smtp+plain` is for a relay on this host.
    """

    host: str
    port: int
    scheme: str
    user: str | None
    password: str | None = field(repr=False)
    sender: str

    async def send(self, mail: Mail) -> None:
        """Hand one message over. Raises MailRefused."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, mail.to, mail.subject
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=self.sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        try:
            await self.hand_over(message, timeout_s=TIMEOUT_S)
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailRefused(f"{self.host}:{self.port}: {type(error).__name__}: {error}") from error

    async def hand_over(self, message: EmailMessage, *, timeout_s: float) -> None:
        """Hand a message that is written already to the server. Raises SMTPException, OSError."""
        await aiosmtplib.send(
            message,
            hostname=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            use_tls=self.scheme == "smtps",
            start_tls=self.scheme == "smtp",
            timeout=timeout_s,
        )


def read_smtp_url(url: str, *, sender: str) -> SmtpMailer:
    """Read `smtps://user:password@host:port`. Raises SmtpUrlInvalid."""
    parts = urlsplit(url)
    try:
        port = parts.port or PORTS[parts.scheme]
    except (KeyError, ValueError):
        port = 0
    if not port or not parts.hostname or "@" not in sender:
        raise SmtpUrlInvalid("the mail server looks like smtps://USER:PASSWORD@HOST:PORT, its sender like name@host")
    return SmtpMailer(
        host=parts.hostname,
        port=port,
        scheme=parts.scheme,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        sender=sender,
    )
