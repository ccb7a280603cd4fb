"""Alerts over HTTP: the real Alertmanager delivers, and so may Grafana and anything that can post JSON."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.debian import needs, run_alertmanager, wait_for

CONFIG = """
route: {{receiver: quantum-scheduler, group_wait: 0s, group_interval: 1s, group_by: ["..."]}}
receivers:
  - name: quantum-scheduler
    webhook_configs:
      - url: {url}/api/alerts/alertmanager
        send_resolved: true
        http_config: {{authorization: {{credentials: {key}}}}}
"""
GRAFANA = {
    "receiver": "quantum-scheduler",
    "status": "firing",
    "orgId": 1,
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "Queue", "severity": "warning", "grafana_folder": "Ours"},
            "annotations": {"summary": "The queue is long"},
            "startsAt": "2020-11-22T12:00:00.123456789+01:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "values": {"B": 120.5},
            "generatorURL": "https://grafana.example/alerting/1/edit",
            "fingerprint": "57c6d9296de2ad39",
            "silenceURL": "https://grafana.example/alerting/silence/new",
            "dashboardURL": "",
            "panelURL": "",
            "valueString": "[ metric='q' value=120.5 ]",
        }
    ],
    "groupLabels": {},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "https://grafana.example/",
    "version": "1",
    "groupKey": "{}:{}",
    "truncatedAlerts": 0,
    "title": "[FIRING:1] Queue",
    "state": "alerting",
    "message": "...",
}


@pytest.fixture
def operator(service: Any) -> Iterator[httpx2.Client]:
    with service.customer(service.make_operator_key()) as client:
        yield client


@pytest.fixture
def sender(service: Any) -> Iterator[httpx2.Client]:
    with service.customer(service.make_sender_key()) as client:
        yield client


@needs("prometheus-alertmanager", "prometheus-alertmanager")
def test_the_real_alertmanager_raises_an_incident_and_clears_it(
    service: Any, operator: httpx2.Client, tmp_path: Path
) -> None:
    labels = {"alertname": "DynexDown", "severity": "P1", "runbook": "alertmanager-test", "key": "dynex"}
    began_at = datetime.now(UTC) - timedelta(minutes=1)
    alert = {"labels": labels, "annotations": {"summary": "Dynex is down"}, "startsAt": began_at.isoformat()}

    def find(state: str) -> dict[str, Any] | None:
        found = operator.get("/v1/incidents", params={"limit": 100}).json()["items"]
        return next((each for each in found if (each["runbook"], each["state"]) == (labels["runbook"], state)), None)

    config = CONFIG.format(url=service.url, key=service.make_sender_key())
    with run_alertmanager(config, tmp_path) as alertmanager:
        alertmanager.post("/api/v2/alerts", json=[alert]).raise_for_status()
        incident = wait_for(lambda: find("open"))
        assert (incident["title"], incident["severity"], incident["key"]) == ("Dynex is down", "P1", "dynex")
        (shown,) = alertmanager.get("/api/v2/alerts").json()
        acknowledged = operator.post(f"/api/alerts/{shown['fingerprint']}/ack").json()
        assert (acknowledged["name"], acknowledged["state"]) == (incident["name"], "acknowledged")
        over = alert | {"endsAt": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()}
        alertmanager.post("/api/v2/alerts", json=[over]).raise_for_status()
        assert wait_for(lambda: find("mitigated"))["id"] == incident["id"]


def test_grafana_says_more_than_is_read(sender: httpx2.Client, operator: httpx2.Client) -> None:
    (taken,) = sender.post("/api/alerts/grafana", json=GRAFANA).json()["items"]
    assert taken["outcome"] in {"new", "reopened"}
    incident = operator.get(f"/v1/incidents/{taken['incident']}").json()
    assert (incident["title"], incident["severity"]) == ("The queue is long", "P2")
    assert incident["began_at"] == "2020-11-22T11:00:00.123456Z"
    listed = operator.get("/api/alerts", params={"limit": 100}).json()["items"]
    assert taken["fingerprint"] in {each["fingerprint"] for each in listed}


def test_anything_may_send_an_alert_and_its_end(sender: httpx2.Client) -> None:
    alert = {"title": "The disk is full", "severity": "P3", "labels": {"host": "db-1"}}
    first = sender.post("/api/alerts", json=alert).json()
    assert first["outcome"] == "new"
    assert sender.post("/api/alerts", json=alert).json() == first | {"outcome": "same"}
    ended = sender.post("/api/alerts", json=alert | {"status": "resolved"}).json()
    assert ended == first | {"outcome": "cleared", "status": "resolved"}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/alerts", b"{", 400),
        ("/api/alerts", b"{}", 422),
        ("/api/alerts", b'{"title": "a", "severity": "P9"}', 422),
        ("/api/alerts", b'{"title": "a", "colour": "red"}', 422),
        ("/api/alerts/alertmanager", b'{"alerts": 1}', 422),
        ("/api/alerts/alertmanager", b'{"alerts": [{"status": "firing", "labels": {"a": 1}}]}', 422),
        ("/api/alerts/grafana", b'{"alerts": [{"status": "odd", "labels": {}}]}', 422),
    ],
)
def test_what_is_no_alert_is_refused_with_the_reason(
    sender: httpx2.Client, path: str, body: bytes, status: int
) -> None:
    answer = sender.post(path, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_only_who_may_send_alerts_does_and_nothing_else(
    sender: httpx2.Client, customer: httpx2.Client, stranger: httpx2.Client
) -> None:
    alert = {"title": "Not ours"}
    assert customer.post("/api/alerts", json=alert).status_code == 403
    assert stranger.post("/api/alerts/alertmanager", json={"alerts": []}).status_code == 401
    assert sender.get("/v1/incidents").status_code == 403
    assert sender.get("/api/alerts").status_code == 403
