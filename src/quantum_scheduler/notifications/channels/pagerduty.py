"""PagerDuty: Events API v2 out, webhooks v3 in.

Source: https://developer.pagerduty.com/docs (Send an alert event; webhook signatures).
"""

import hashlib
import hmac

import httpx2

from quantum_scheduler.notifications.channels.send_json import read_object, send_json
from quantum_scheduler.notifications.model import Delivery, MessageKind, Receipt, Severity

EVENTS_URL = "https://events.pagerduty.com"
SUMMARY_CHARS_MAX = 1_024
_ACTIONS: dict[MessageKind, str] = {
    "alert": "trigger",
    "update": "trigger",
    "notice": "trigger",
    "acknowledged": "acknowledge",
    "resolved": "resolve",
}
_SEVERITIES: dict[Severity, str] = {"P0": "critical", "P1": "error", "P2": "warning", "P3": "info"}


class PagerDuty:
    """The Events API; the address is an integration's routing key. All of an incident is one alert there."""

    def __init__(self, http: httpx2.AsyncClient, *, source: str, events_url: str = EVENTS_URL) -> None:
        self._http = http
        self._source = source
        self._url = f"{events_url.rstrip('/')}/v2/enqueue"

    async def send(self, delivery: Delivery) -> Receipt:
        """Send one event. Raises SendFailed."""
        message = delivery.message
        body: dict[str, object] = {
            "routing_key": delivery.target.address,
            "event_action": _ACTIONS[message.kind],
            "dedup_key": message.incident or delivery.dedup_key,
        }
        if body["event_action"] == "trigger":
            body["payload"] = {
                "summary": message.title[:SUMMARY_CHARS_MAX],
                "source": self._source,
                "severity": _SEVERITIES[message.severity or "P3"],
                "timestamp": delivery.created_at.isoformat(),
                "custom_details": {"text": message.text, "notification": str(delivery.id)},
            }
            body["links"] = [] if message.url is None else [{"href": message.url, "text": "Incident"}]
        answer = read_object(await send_json(self._http, self._url, body))
        return {"dedup_key": answer.get("dedup_key")}


def is_signed_by_pagerduty(body: bytes, *, signatures: str, secret: str) -> bool:
    """Say whether one of the signatures of a webhook is that of its body."""
    expected = "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(expected.encode(), each.strip().encode()) for each in signatures.split(","))
