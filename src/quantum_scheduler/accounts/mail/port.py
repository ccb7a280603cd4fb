"""What sends mail."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One message in plain text. It holds a link that lets its reader in, so it is shown nowhere else."""

    to: str
    subject: str
    text: str = field(repr=False)


class MailRefused(Exception):  # noqa: N818  an error is named for what happened
    """The message could not be handed over; the reason holds nothing of its text."""


class Mailer(Protocol):
    """Sends mail."""

    async def send(self, mail: Mail) -> None:
        """Hand one message over. Raises MailRefused."""
