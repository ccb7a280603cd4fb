"""The nouns of subscriptions."""

import re
from datetime import timedelta
from typing import Literal

Channel = Literal["email", "status_webhook"]

ADDRESS_CHARS_MAX = 2_000
EMAIL_CHARS_MAX = 254
SUBSCRIBERS_MAX = 50_000
# Whoever does not confirm in that time is forgotten, and nobody is asked more often than this.
CONFIRM_WITHIN = timedelta(hours=24)
ASK_AGAIN_AFTER = timedelta(hours=1)
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f<>,;\"()]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+\Z")
_URL = re.compile(r"https?://[^\s\x00-\x1f\x7f]{1,1900}\Z")


class SubscriptionRefused(ValueError):  # noqa: N818  an error is named for what happened
    """Nobody can be told at such an address, or too many are told already."""


class WebhooksMissing(LookupError):  # noqa: N818
    """The secret that webhooks are signed with is not set here."""


class SubscriptionUnknown(LookupError):  # noqa: N818
    """There is no such subscription any more."""


def check_address(channel: Channel, address: str) -> None:
    """Refuse what is no address. Raises SubscriptionRefused."""
    if channel == "email" and (len(address) > EMAIL_CHARS_MAX or not _EMAIL.match(address)):
        raise SubscriptionRefused("this is no e-mail address")
    if channel == "status_webhook" and not _URL.match(address):
        raise SubscriptionRefused("a webhook is an address that begins with https:// or http://")
