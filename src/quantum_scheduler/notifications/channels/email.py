"""E-mail: text and HTML, one thread an incident."""

import html
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib

from quantum_scheduler.accounts.mail.smtp import SmtpMailer
from quantum_scheduler.notifications.model import Delivery, Message, Receipt, SendFailed

TIMEOUT_S = 10.0


class Email:
    """Mail to one address each; what follows in an incident answers the first mail about it."""

    def __init__(self, mailer: SmtpMailer) -> None:
        self._mailer = mailer
        self._domain = mailer.sender.rpartition("@")[2] or "localhost"

    async def send(self, delivery: Delivery) -> Receipt:
        """Send one mail. Raises SendFailed."""
        try:
            await self._mailer.hand_over(self.write(delivery), timeout_s=TIMEOUT_S)
        except aiosmtplib.SMTPResponseException as error:
            # 4xx means later, 5xx never.
            raise SendFailed(f"the mail server said {error.code} {error.message}", is_final=error.code >= 500) from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [each.code for each in error.recipients]
            raise SendFailed(f"the mail server refused the address: {codes}", is_final=min(codes) >= 500) from None
        except aiosmtplib.SMTPException as error:
            raise SendFailed(f"the mail server cannot be used: {type(error).__name__}") from None
        return {"message_id": self._message_id(str(delivery.id))}

    def write(self, delivery: Delivery) -> EmailMessage:
        """Write the mail."""
        message = delivery.message
        mail = EmailMessage()
        mail["From"] = self._mailer.sender
        mail["To"] = delivery.target.address
        mail["Subject"] = " ".join(message.title.split())
        mail["Date"] = format_datetime(delivery.created_at)
        mail["Message-ID"] = self._message_id(str(delivery.id))
        if delivery.thread and delivery.thread.get("message_id"):
            mail["In-Reply-To"] = mail["References"] = delivery.thread["message_id"]
        mail["Auto-Submitted"] = "auto-generated"
        farewell = None
        if message.unsubscribe is not None:
            mail["List-Unsubscribe"] = f"<{message.unsubscribe}>"
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
            farewell = f"Unsubscribe: {message.unsubscribe}"
        parts = (message.title, message.text, message.url, farewell)
        mail.set_content("\n\n".join(each for each in parts if each) + "\n")
        mail.add_alternative(_write_html(message), subtype="html")
        return mail

    def _message_id(self, unique: str) -> str:
        return f"<{unique}@{self._domain}>"


def _write_html(message: Message) -> str:
    title, text = html.escape(message.title), html.escape(message.text).replace("\n", "<br>\n")
    label = "Open the incident" if message.incident else "Open"
    links = "".join(
        f'<p><a href="{html.escape(address)}">{said}</a></p>'
        for address, said in ((message.url, label), (message.unsubscribe, "Unsubscribe"))
        if address is not None
    )
    return f"<!doctype html><html><body><h2>{title}</h2><p>{text}</p>{links}</body></html>\n"
