"""The nouns of telling people something."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

ChannelName = Literal["slack", "slack_bot", "pagerduty", "email", "webhook", "status_webhook", "inbox", "apprise"]
MessageKind = Literal["alert", "update", "acknowledged", "resolved", "notice"]
Severity = Literal["P0", "P1", "P2", "P3"]
Receipt: TypeAlias = Mapping[str, Any]  # what a channel needs to find again what it has sent

# What the watch hears when somebody has put something into the outbox.
NOTIFICATION_POSTED = "notification_posted"

TITLE_CHARS_MAX = 250
TEXT_CHARS_MAX = 4_000


class SendFailed(Exception):  # noqa: N818  named for what happened
    """A channel could not send; `is_final` where another try would be no use."""

    def __init__(self, message: str, *, is_final: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.is_final = is_final
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Something that can be answered from where a message is read; `value` comes back signed by the channel."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is told: a title, the text below it, and for an incident its name, severity and where to look.

    `unsubscribe` is the address at which whoever has subscribed ends that.
    """

    kind: MessageKind
    title: str
    text: str = ""
    incident: str | None = None
    severity: Severity | None = None
    url: str | None = None
    buttons: tuple[Button, ...] = ()
    unsubscribe: str | None = None

    def write(self) -> dict[str, Any]:
        """Write it as JSON."""
        return asdict(self)

    @staticmethod
    def read(document: Mapping[str, Any]) -> "Message":
        """Read what `write` wrote."""
        buttons = tuple(Button(**each) for each in document["buttons"])
        return Message(**{**document, "buttons": buttons})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whom to tell: a channel, and an address that means something to it."""

    channel: ChannelName
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message on its way to one target. `thread` is the receipt of the first about its incident to that target."""

    id: UUID
    target: Target
    message: Message
    dedup_key: str
    attempts: int
    created_at: datetime
    thread: Receipt | None = field(default=None)
