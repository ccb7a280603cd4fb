"""Where no mail server is configured: the message is for whoever reads the log of this machine."""

import structlog

from quantum_scheduler.accounts.mail.port import Mail

log = structlog.get_logger(__name__)


class LocalMailer:
    """Writes mail to the log. Whoever can read that runs the installation."""

    async def send(self, mail: Mail) -> None:
        """Write one message down."""
        log.warning("mail.not_sent", why="SMTP_URL is not set", to=mail.to, subject=mail.subject, text=mail.text)
