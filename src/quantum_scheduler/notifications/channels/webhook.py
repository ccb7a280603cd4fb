"""Webhooks to anywhere, signed as https://www.standardwebhooks.com asks."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime

import httpx2

from quantum_scheduler.notifications.channels.send_json import send_json
from quantum_scheduler.notifications.model import Delivery, Receipt


class Webhook:
    """A URL that takes JSON; a repeated delivery carries the same webhook-id."""

    def __init__(self, http: httpx2.AsyncClient, secret: bytes, *, now: Callable[[], datetime]) -> None:
        self._http = http
        self._secret = secret
        self._now = now

    async def send(self, delivery: Delivery) -> Receipt:
        """Send one message. Raises SendFailed."""
        message = delivery.message
        body = json.dumps(
            {
                "type": f"incident.{message.kind}" if message.incident else "notice",
                "timestamp": delivery.created_at.isoformat(),
                "data": {
                    "title": message.title,
                    "text": message.text,
                    "incident": message.incident,
                    "severity": message.severity,
                    "url": message.url,
                    "unsubscribe": message.unsubscribe,
                },
            }
        ).encode()
        timestamp = str(int(self._now().timestamp()))
        headers = {
            "webhook-id": str(delivery.id),
            "webhook-timestamp": timestamp,
            "webhook-signature": sign(body, message_id=str(delivery.id), timestamp=timestamp, secret=self._secret),
        }
        await send_json(self._http, delivery.target.address, body, headers=headers)
        return {}


class StatusWebhook:
    """A URL that has subscribed to the status page; its secret is its own, made from that of the installation."""

    def __init__(self, http: httpx2.AsyncClient, secret: bytes, *, now: Callable[[], datetime]) -> None:
        self._http = http
        self._secret = secret
        self._now = now

    async def send(self, delivery: Delivery) -> Receipt:
        """Send one message. Raises SendFailed."""
        secret = derive_secret(self._secret, delivery.target.address)
        return await Webhook(self._http, secret, now=self._now).send(delivery)


def derive_secret(secret: bytes, url: str) -> bytes:
    """Make the secret of one webhook from that of the installation."""
    return hmac.new(secret, b"status webhook " + url.encode(), hashlib.sha256).hexdigest().encode()


def sign(body: bytes, *, message_id: str, timestamp: str, secret: bytes) -> str:
    """Sign a body with its id and time: `v1,` and the base64 of an HMAC-SHA256."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
