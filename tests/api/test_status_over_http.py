"""The status page over HTTP: anybody reads it, operators write it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx2


def test_operators_write_what_anybody_reads(idle: Callable[..., AbstractContextManager[Any]]) -> None:
    with idle() as service, service.customer(service.make_operator_key()) as operator:
        incident = operator.post("/v1/incidents", json={"title": "Dynex is down", "severity": "P1"}).json()
        update = {"status": "identified", "body": "Others solve.", "components": {"dynex": "major_outage"}}
        assert operator.post(f"/v1/incidents/{incident['name']}/updates", json=update).status_code == 204
        assert operator.put("/v1/status/components/billing", json={"state": "maintenance"}).status_code == 204
        assert operator.put("/v1/status/components/moon", json={"state": "maintenance"}).status_code == 404
        with httpx2.Client(base_url=service.url, trust_env=False) as anybody:
            summary = anybody.get("/api/v2/summary.json").json()
            assert summary["status"]["indicator"] == "critical"
            assert [each["name"] for each in summary["incidents"]] == ["Dynex is down"]
            histories = anybody.get("/v1/status/history").json()["items"]
            assert {each["component"]: each["days"][-1]["worst"] for each in histories}["billing"] == "maintenance"
            assert anybody.put("/v1/status/components/api", json={"state": "degraded"}).status_code == 401


def test_maintenance_is_scheduled_by_operators_and_seen_by_anybody(
    idle: Callable[..., AbstractContextManager[Any]],
) -> None:
    times = {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-01-01T01:00:00Z"}
    ahead = {"starts_at": "2120-01-01T00:00:00Z", "ends_at": "2120-01-01T01:00:00Z"}
    plan = {"title": "New cables", "components": ["api"]}
    with idle() as service, service.customer(service.make_operator_key()) as operator:
        assert operator.post("/v1/maintenances", json=plan | times).status_code == 422
        assert operator.post("/v1/maintenances", json=plan | ahead | {"components": ["moon"]}).status_code == 404
        number = operator.post("/v1/maintenances", json=plan | ahead).json()["id"]
        with httpx2.Client(base_url=service.url, trust_env=False) as anybody:
            (shown,) = anybody.get("/api/v2/summary.json").json()["scheduled_maintenances"]
            assert shown["scheduled_for"].startswith("2120-01-01T00:00")
            assert anybody.post("/v1/maintenances", json=plan | ahead).status_code == 401
        assert operator.post(f"/v1/maintenances/{number}/end").json()["phase"] == "cancelled"
        assert operator.post(f"/v1/maintenances/{number}/end").status_code == 404
        assert [each["phase"] for each in operator.get("/v1/maintenances").json()["items"]] == ["cancelled"]
