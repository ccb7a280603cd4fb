"""Answers from Slack and PagerDuty, in the format that they have on the wire: believed only when signed, done once."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import httpx2
import pytest

from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.paging.announce import NOBODY, write_page
from quantum_scheduler.notifications.channels.slack import write_blocks
from quantum_scheduler.postgres.connect import connect

SLACK, PAGERDUTY = "/api/slack/interactions", "/api/pagerduty/webhook"


@pytest.fixture
def operator(service: Any) -> Iterator[httpx2.Client]:
    with service.customer(service.make_operator_key()) as client:
        yield client


@pytest.fixture
def incident(operator: httpx2.Client) -> str:
    name: str = operator.post("/v1/incidents", json={"title": "Dynex is down", "severity": "P1"}).json()["name"]
    return name


async def read_buttons(service: Any, incident: str) -> list[dict[str, Any]]:
    """The buttons that Slack was sent."""
    conn = await connect(service.dsn)
    try:
        message = write_page(await find_incident(conn, incident), NOBODY)
    finally:
        await conn.close()
    elements: list[dict[str, Any]] = write_blocks(message)["blocks"][1]["elements"]
    return elements


def press(
    button: dict[str, Any], *, secret: str = "slack-secret", at_s: float | None = None
) -> tuple[bytes, dict[str, str]]:
    """What Slack sends when somebody presses a button."""
    timestamp = str(int(time.time() if at_s is None else at_s))
    payload = {
        "type": "block_actions",
        "user": {"id": "U1", "username": "ann", "name": "ann", "team_id": "T1"},
        "api_app_id": "A1",
        "token": "unused",
        "container": {"type": "message", "message_ts": "1.2", "channel_id": "C1", "is_ephemeral": False},
        "trigger_id": uuid4().hex,
        "response_url": "https://hooks.slack.example/actions/T1/1/x",
        "actions": [
            {
                "type": "button",
                "block_id": "b1",
                "action_id": button["action_id"],
                "text": button["text"],
                "value": button["value"],
                "action_ts": f"{timestamp}.1",
            }
        ],
    }
    body = urlencode({"payload": json.dumps(payload)}).encode()
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    return body, {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={digest}",
    }


def report(
    incident: str, kind: str, *, secret: str = "pagerduty-secret", **changes: Any
) -> tuple[bytes, dict[str, str]]:
    """What PagerDuty sends when somebody does something there."""
    event = {
        "id": uuid4().hex,
        "event_type": kind,
        "resource_type": "incident",
        "occurred_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "agent": {"html_url": "https://x.example/users/P1", "id": "P1", "summary": "Bob", "type": "user_reference"},
        "client": None,
        "data": {"id": "PGR0VU2", "type": "incident", "incident_key": incident, "status": "acknowledged"},
        **changes,
    }
    body = json.dumps({"event": event}).encode()
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return body, {"Content-Type": "application/json", "X-PagerDuty-Signature": f"v1=00,v1={digest}"}


def post(client: httpx2.Client, path: str, sent: tuple[bytes, dict[str, str]]) -> int:
    body, headers = sent
    return client.post(path, content=body, headers=headers).status_code


async def test_a_button_in_slack_acknowledges_and_resolves(
    service: Any, operator: httpx2.Client, stranger: httpx2.Client, incident: str
) -> None:
    acknowledge, resolve = await read_buttons(service, incident)
    assert post(stranger, SLACK, press(acknowledge)) == 200
    found = operator.get(f"/v1/incidents/{incident}").json()
    assert (found["state"], found["acknowledged_by"]) == ("acknowledged", "ann (slack)")
    assert post(stranger, SLACK, press(resolve)) == 200
    assert operator.get(f"/v1/incidents/{incident}").json()["state"] == "resolved"
    # It is too late now, and nobody is to blame for it.
    assert post(stranger, SLACK, press(acknowledge)) == 200
    assert operator.get(f"/v1/incidents/{incident}").json()["state"] == "resolved"


async def test_slack_is_believed_only_what_it_signed_lately_and_once(
    service: Any, operator: httpx2.Client, stranger: httpx2.Client, incident: str
) -> None:
    (acknowledge, _) = await read_buttons(service, incident)
    sent = press(acknowledge)
    assert [post(stranger, SLACK, sent) for _ in range(2)] == [200, 403]
    assert post(stranger, SLACK, press(acknowledge, secret="other")) == 403
    assert post(stranger, SLACK, press(acknowledge, at_s=time.time() - 400)) == 403
    assert post(stranger, SLACK, (sent[0] + b"&a=b", sent[1])) == 403
    assert post(stranger, SLACK, (sent[0], {"Content-Type": "application/x-www-form-urlencoded"})) == 403
    kinds = [each["kind"] for each in operator.get(f"/v1/incidents/{incident}").json()["timeline"]]
    assert kinds.count("acknowledged") == 1


def test_what_is_done_in_pagerduty_is_done_here_once(
    operator: httpx2.Client, stranger: httpx2.Client, incident: str
) -> None:
    acknowledged = report(incident, "incident.acknowledged")
    assert [post(stranger, PAGERDUTY, acknowledged) for _ in range(3)] == [200, 200, 200]
    note = {"incident": {"incident_key": incident}, "type": "incident_note", "content": "A cable.\x00"}
    assert post(stranger, PAGERDUTY, report(incident, "incident.annotated", data=note)) == 200
    assert post(stranger, PAGERDUTY, report(incident, "incident.resolved")) == 200
    found = operator.get(f"/v1/incidents/{incident}").json()
    assert (found["state"], found["acknowledged_by"]) == ("resolved", "Bob (pagerduty)")
    kinds = [each["kind"] for each in found["timeline"]]
    assert [kinds.count(kind) for kind in ("acknowledged", "note", "resolved")] == [1, 1, 1]


def test_pagerduty_is_believed_only_what_it_signed_and_people_did(
    operator: httpx2.Client, stranger: httpx2.Client, incident: str
) -> None:
    long_ago = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    resolved = "incident.resolved"
    assert post(stranger, PAGERDUTY, report(incident, resolved, secret="other")) == 403
    assert post(stranger, PAGERDUTY, report(incident, resolved, occurred_at=long_ago)) == 403
    echo = {"type": "service_reference", "id": "S1", "summary": "quantum-scheduler"}
    for sent in (
        report(incident, resolved, agent=echo),
        report(incident, resolved, agent=None),
        report("no-such-incident", resolved),
        report(incident, "pagey.ping", data={"type": "ping", "message": "Hello from your friend Pagey!"}),
    ):
        assert post(stranger, PAGERDUTY, sent) == 200
    assert operator.get(f"/v1/incidents/{incident}").json()["state"] == "open"


@pytest.mark.parametrize("content", [b"{}", b"not JSON", b'{"event": {"id": 7}}'])
def test_what_pagerduty_would_not_send_is_refused(stranger: httpx2.Client, content: bytes) -> None:
    digest = hmac.new(b"pagerduty-secret", content, hashlib.sha256).hexdigest()
    headers = {"X-PagerDuty-Signature": f"v1={digest}", "Content-Type": "application/json"}
    answer = stranger.post(PAGERDUTY, content=content, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
