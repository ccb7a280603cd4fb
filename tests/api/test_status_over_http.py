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
