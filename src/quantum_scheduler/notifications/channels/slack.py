"""Slack: incoming webhooks, and a bot that answers in threads and offers buttons.

Source: https://docs.slack.dev (incoming webhooks, chat.postMessage, verifying requests).
"""

import hashlib
import hmac
from typing import Any

import httpx2

from quantum_scheduler.notifications.channels.send_json import read_object, send_json
from quantum_scheduler.notifications.model import Delivery, Message, Receipt, SendFailed

API_URL = "https://slack.com/api"
REQUEST_AGE_MAX_S = 300.0
SECTION_CHARS_MAX = 3_000
# What another try cannot mend.
FINAL_ERRORS = frozenset({
    "invalid_auth", "account_inactive", "token_revoked", "token_expired", "not_authed", "missing_scope",
    "channel_not_found", "is_archived", "not_in_channel", "invalid_blocks", "msg_too_long", "restricted_action",
})  # fmt: skip


class SlackWebhook:
    """An incoming webhook; the address is its URL, which is a secret and is never logged."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    async def send(self, delivery: Delivery) -> Receipt:
        """Send one message. Raises SendFailed."""
        await send_json(self._http, delivery.target.address, write_blocks(delivery.message))
        return {}


class SlackBot:
    """A bot user; the address is a channel's name or id. What follows in an incident goes into its thread."""

    def __init__(self, http: httpx2.AsyncClient, token: str, *, api_url: str = API_URL) -> None:
        self._http = http
        self._token = token
        self._api_url = api_url.rstrip("/")

    async def send(self, delivery: Delivery) -> Receipt:
        """Send one message. Raises SendFailed."""
        body = {
            **write_blocks(delivery.message),
            "channel": delivery.target.address,
            "metadata": {"event_type": "quantum_scheduler", "event_payload": {"id": str(delivery.id)}},
        }
        if delivery.thread and delivery.thread.get("ts"):
            body["thread_ts"] = delivery.thread["ts"]
            body["reply_broadcast"] = delivery.message.kind == "resolved"
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = read_object(await send_json(self._http, f"{self._api_url}/chat.postMessage", body, headers=headers))
        if not answer.get("ok"):
            error = str(answer.get("error", "unknown"))
            raise SendFailed(f"Slack refused it: {error}", is_final=error in FINAL_ERRORS)
        return {"ts": answer.get("ts"), "channel": answer.get("channel")}


def write_blocks(message: Message) -> dict[str, Any]:
    """Write a message as Slack's blocks, with the text that notifications show."""
    text = f"*{_escape(message.title)}*\n{_escape(message.text)}"[:SECTION_CHARS_MAX]
    blocks: list[dict[str, Any]] = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]
    elements: list[dict[str, Any]] = [
        {
            "type": "button",
            "text": {"type": "plain_text", "text": button.label},
            "action_id": f"answer_{number}",
            "value": button.value,
        }
        for number, button in enumerate(message.buttons)
    ]
    if message.url is not None:
        link = {"type": "plain_text", "text": "Open"}
        elements.append({"type": "button", "text": link, "action_id": "open", "url": message.url})
    if elements:
        blocks.append({"type": "actions", "elements": elements})
    return {"text": message.title, "blocks": blocks}


def is_signed_by_slack(body: bytes, *, timestamp: str, signature: str, secret: str, now_s: float) -> bool:
    """Say whether a request carries Slack's signature of its body, made in the last `REQUEST_AGE_MAX_S`."""
    if not timestamp.isdecimal() or len(timestamp) > 12 or abs(now_s - int(timestamp)) > REQUEST_AGE_MAX_S:
        return False
    expected = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"v0={expected}".encode(), signature.encode())


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
