"""Incidents and on-call over HTTP: for operators only, from the declaration to the post-mortem."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import icalendar
import pytest


@pytest.fixture
def operator(service: Any) -> Iterator[httpx2.Client]:
    with service.customer(service.make_operator_key()) as client:
        yield client


def declare(operator: httpx2.Client, **changes: Any) -> dict[str, Any]:
    response = operator.post("/v1/incidents", json={"title": "Dynex is down", "severity": "P1", **changes})
    assert response.status_code == 201, response.text
    incident: dict[str, Any] = response.json()
    return incident


def test_an_incident_goes_from_its_declaration_to_its_post_mortem(operator: httpx2.Client) -> None:
    path = f"/v1/incidents/{declare(operator)['name']}"
    whole = operator.get(path).json()
    assert whole["state"] == "open"
    assert [event["kind"] for event in whole["timeline"]] == ["declared", "paged", "ticked"]
    assert whole["pages"][0]["fired_at"]
    assert operator.post(f"{path}/acknowledge").json()["state"] == "acknowledged"
    assert operator.post(f"{path}/severity", json={"severity": "P0"}).json()["severity"] == "P0"
    assert operator.post(f"{path}/roles", json={"role": "scribe", "person": "ann"}).json()["scribe"] == "ann"
    assert operator.post(f"{path}/notes", json={"text": "A cable."}).status_code == 204
    assert operator.post(f"{path}/items/3", json={"done": True}).status_code == 204
    assert operator.post(f"{path}/mitigate").json()["state"] == "mitigated"
    assert operator.get(f"{path}/review").status_code == 404
    assert operator.post(f"{path}/resolve", json={"resolution": "The cable."}).json()["state"] == "resolved"
    assert "The cable." in operator.get(f"{path}/review").json()["markdown"]
    assert operator.put(f"{path}/review", json={"markdown": "# Ours"}).status_code == 204
    assert operator.get(f"{path}/review").json() == {"markdown": "# Ours"}
    assert operator.post(f"{path}/reopen").json()["state"] == "open"
    assert [item["done_by"] for item in operator.get(path).json()["items"][:3]].count(None) == 0


def test_an_alert_is_acknowledged_on_the_path_of_the_playbook(operator: httpx2.Client) -> None:
    incident = declare(operator)
    answer = operator.post(f"/api/alerts/{incident['id']}/ack")
    assert (answer.json()["name"], answer.json()["state"]) == (incident["name"], "acknowledged")
    unresolved = operator.get("/v1/incidents", params={"unresolved": True, "limit": 1}).json()["items"]
    assert [each["id"] for each in unresolved] == [incident["id"]]
    older = operator.get("/v1/incidents", params={"before": incident["id"], "limit": 1}).json()["items"]
    assert all(each["id"] < incident["id"] for each in older)


def test_what_cannot_be_is_refused_with_the_reason(operator: httpx2.Client) -> None:
    incident, other = declare(operator), declare(operator)
    path = f"/v1/incidents/{incident['name']}"
    assert operator.post(f"{path}/merge", json={"into": other["name"]}).json()["merged_into"] == other["id"]
    assert operator.post(f"{path}/resolve", json={}).status_code == 409
    assert operator.post("/api/alerts/incident-2000-01-01-001/ack").status_code == 404
    assert operator.post("/v1/incidents", json={"title": "", "severity": "P1"}).status_code == 422
    assert operator.post(f"{path}/items/9999", json={"done": True}).status_code == 404


def test_only_those_who_run_the_service_may(customer: httpx2.Client, stranger: httpx2.Client) -> None:
    for method, path in (
        ("GET", "/v1/incidents"),
        ("POST", "/v1/incidents"),
        ("POST", "/api/alerts/1/ack"),
        ("GET", "/v1/oncall"),
        ("PUT", "/v1/oncall/people/ann"),
    ):
        assert customer.request(method, path).status_code == 403
        assert stranger.request(method, path).status_code == 401


def test_who_is_on_call_is_arranged_and_read(operator: httpx2.Client) -> None:
    for name in ("ann", "bob"):
        target = {"channel": "email", "address": f"{name}@example.com"}
        assert operator.put(f"/v1/oncall/people/{name}", json={"targets": [target]}).status_code == 204
    starts_at = (datetime.now(UTC) - timedelta(days=30)).isoformat()
    rotation = {"people": ["ann", "bob"], "starts_at": starts_at, "zone": "Europe/Berlin"}
    path = "/v1/oncall/rotations/primary"
    assert operator.put(path, json=rotation).status_code == 204
    shifts = operator.get(path, params={"days": 14}).json()["items"]
    assert {shift["person"] for shift in shifts} == {"ann", "bob"}
    swap = {"one": shifts[0]["starts_at"], "other": shifts[1]["starts_at"]}
    assert operator.post(f"{path}/swaps", json=swap).status_code == 204
    assert operator.get(path).json()["items"][0]["person"] == shifts[1]["person"]
    override = {"starts_at": shifts[0]["starts_at"], "ends_at": shifts[0]["ends_at"], "person": None}
    assert operator.post(f"{path}/overrides", json=override).status_code == 204
    gaps = operator.get("/v1/oncall/gaps").json()["items"]
    assert [gap["rotation"] for gap in gaps] == ["primary"]
    calendar = operator.get(f"{path}/calendar.ics")
    assert calendar.headers["content-type"].startswith("text/calendar")
    assert icalendar.Calendar.from_ical(calendar.content).walk("VEVENT")
    duties = operator.get("/v1/oncall").json()["items"]
    assert [duty["title"] for duty in duties][:2] == ["On-Call Engineer", "Senior Engineer"]


def test_a_rota_that_cannot_be_is_refused(operator: httpx2.Client) -> None:
    base = {"people": ["nobody-knows"], "starts_at": "2026-01-05T09:00:00Z"}
    assert operator.put("/v1/oncall/rotations/x", json=base).status_code == 404
    assert operator.put("/v1/oncall/rotations/x", json={**base, "zone": "Mars/Base"}).status_code == 422
    assert operator.put("/v1/oncall/rotations/x", json={**base, "starts_at": "soon"}).status_code == 422
    assert operator.put("/v1/oncall/people/a b", json={"targets": []}).status_code == 422
    assert operator.get("/v1/oncall/rotations/none").status_code == 404


def test_the_matrix_policies_and_inboxes_are_kept_over_http(operator: httpx2.Client, customer: httpx2.Client) -> None:
    assert operator.put("/v1/oncall/people/eve", json={"targets": []}).status_code == 204
    assert operator.put("/v1/oncall/roles/security", json={"contact": "eve"}).status_code == 204
    assert operator.put("/v1/oncall/roles/security", json={"contact": "nobody-known"}).status_code == 404
    levels = [{"after_share": 0, "roles": ["security"]}]
    assert operator.put("/v1/oncall/policies/night", json={"levels": levels}).status_code == 204
    assert operator.get("/v1/oncall/policies").json()["items"]["night"]["levels"][0]["roles"] == ["security"]
    assert operator.put("/v1/oncall/policies/night", json={"levels": []}).status_code == 422
    incident = declare(operator, policy="night")
    inbox = "/v1/oncall/people/eve/inbox"
    (page,) = operator.get(inbox, params={"unread": True}).json()["items"]
    assert (page["incident"], page["severity"]) == (incident["name"], "P1")
    assert operator.post(f"{inbox}/{page['id']}/read").status_code == 204
    assert operator.get(inbox, params={"unread": True}).json()["items"] == []
    assert operator.get(inbox, params={"before": page["id"]}).json()["items"] == []
    assert operator.post(f"/v1/oncall/people/ann/inbox/{page['id']}/read").status_code == 404
    # A key is nobody, and has no inbox.
    assert customer.get("/v1/inbox").status_code == 403
