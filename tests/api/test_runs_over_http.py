"""Runbooks and runs over HTTP: for operators only, from the start to the last answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

TEXT = """\
---
runbook: {name}
service: s
owner: o
review_by: 2099-01-01
on_call: quantum
---
# Test
## Detection
## First
1. Look at the machine.
2. **Rotate the key.**
   - do: `breaker.open("dynex")`
   - ask: approve, by security, within 15m, else `escalate("security")`
   - undo: `breaker.close("dynex")`
## Second
### If it is the key
1. **Say so.**
   - do: `incident.note("the key")`
### Otherwise
1. **Say so.**
   - do: `incident.note("something else")`
"""


@pytest.fixture
def operator(service: Any) -> Iterator[httpx2.Client]:
    with service.customer(service.make_operator_key()) as client:
        yield client


@pytest.fixture
def runbook(service: Any) -> Iterator[str]:
    path: Path = service.runbooks_dir / f"{uuid4().hex}.md"
    path.write_text(TEXT.format(name=path.stem))
    yield path.stem
    path.unlink()


def test_a_run_is_started_shown_answered_and_aborted(operator: httpx2.Client, runbook: str) -> None:
    incident = operator.post("/v1/incidents", json={"title": "Dynex is down", "severity": "P1"}).json()["name"]
    listed = {each["name"]: each for each in operator.get("/v1/runbooks").json()["items"]}
    assert (listed[runbook]["steps"], listed[runbook]["manual"]) == (4, 1)
    assert operator.get(f"/v1/runbooks/{runbook}").json()["text"].startswith("---")
    started = operator.post(f"/v1/runbooks/{runbook}/start", json={"incident": incident})
    assert started.status_code == 201, started.text
    run = f"/v1/runs/{started.json()['id']}"
    whole = operator.get(run).json()
    assert [(each["gate"], each["title"]) for each in whole["gates"]] == [
        ("tick", "Look at the machine."),
        ("approve", "Rotate the key."),
    ]
    assert [each["kind"] for each in whole["story"]] == ["run_started", "phase_started", "asked", "asked"]
    assert operator.post(f"{run}/tick", json={"step": "1.1"}).json()["waiting_for"] == ["Rotate the key."]
    refused = operator.post(f"{run}/approve", json={})
    assert (refused.status_code, "for security" in refused.json()["detail"]) == (409, True)
    assert operator.post(f"{run}/choose", json={"choice": "Otherwise", "step": "2"}).status_code == 200
    assert operator.post(f"{run}/approve", json={"role": "security"}).json()["waiting_for"] == []
    assert operator.post(f"{run}/abort", json={"why": "A false alarm."}).json()["status"] == "aborting"
    runs = operator.get("/v1/runs", params={"incident": incident, "unfinished": True}).json()["items"]
    assert [each["status"] for each in runs] == ["aborting"]
    timeline = operator.get(f"/v1/incidents/{incident}").json()["timeline"]
    assert [each["kind"] for each in timeline if each["kind"] == "answered"] == ["answered"] * 2


def test_what_cannot_be_is_refused(operator: httpx2.Client, runbook: str) -> None:
    run = operator.post(f"/v1/runbooks/{runbook}/start", json={}).json()["id"]
    assert operator.post(f"/v1/runbooks/{runbook}/start", json={}).status_code == 409
    assert operator.post("/v1/runbooks/nothing/start", json={}).status_code == 404
    assert operator.post(f"/v1/runbooks/{runbook}/start", json={"incident": "9999999"}).status_code == 404
    assert operator.get("/v1/runs/999999").status_code == 404
    assert operator.post("/v1/runs/999999/abort", json={}).status_code == 404
    assert operator.post(f"/v1/runs/{run}/tick", json={"step": "9.9"}).status_code == 409
    assert operator.post(f"/v1/runs/{run}/choose", json={"choice": "nothing"}).status_code == 409
    assert operator.post(f"/v1/runs/{run}/approve", json={"step": "1.1"}).status_code == 409


def test_customers_have_no_business_with_runbooks(customer: httpx2.Client, stranger: httpx2.Client) -> None:
    paths = [("GET", "/v1/runbooks"), ("POST", "/v1/runbooks/x/start"), ("GET", "/v1/runs"), ("GET", "/v1/runs/1")]
    paths += [("POST", f"/v1/runs/1/{verb}") for verb in ("approve", "choose", "tick", "abort")]
    for method, path in paths:
        assert customer.request(method, path, json={}).status_code == 403, path
        assert stranger.request(method, path, json={}).status_code == 401, path
