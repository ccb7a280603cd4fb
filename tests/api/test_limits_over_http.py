"""Limits and quotas as customers and operators meet them."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from quantum_scheduler.accounts.issue import issue_key
from quantum_scheduler.accounts.limits.model import LimitSettings, Rate
from quantum_scheduler.accounts.model import LOCAL_ORG_ID
from quantum_scheduler.accounts.network import read_networks
from quantum_scheduler.jobs.examples import BINARY_JOB
from quantum_scheduler.postgres.connect import connect

Start = Callable[..., AbstractContextManager[Any]]
FEW = Rate(requests=3, window_s=3600)


def ask(url: str, forwarded_for: str | None = None) -> int:
    """The status of the answer to somebody without a key."""
    headers = {} if forwarded_for is None else {"X-Forwarded-For": forwarded_for}
    return httpx2.get(url, headers=headers, timeout=60, trust_env=False).status_code


def execute(dsn: str, statement: str, *arguments: object) -> Any:
    async def run() -> Any:
        conn = await connect(dsn)
        try:
            return await conn.fetchval(statement, *arguments)
        finally:
            await conn.close()

    return asyncio.run(run())


def make_operator_key(dsn: str) -> str:
    async def make() -> str:
        conn = await connect(dsn)
        try:
            async with conn.transaction():
                await conn.execute(
                    "INSERT INTO organisation (id, name, plan) VALUES ($1, 'us', 'operator') ON CONFLICT DO NOTHING",
                    LOCAL_ORG_ID,
                )
                return await issue_key(conn, LOCAL_ORG_ID, scopes=["ops:read", "ops:write"])
        finally:
            await conn.close()

    return asyncio.run(make())


def give_plan(dsn: str, plan: str) -> None:
    """Give every organisation a plan."""
    execute(dsn, "UPDATE organisation SET plan = $1", plan)


def test_a_network_over_its_rate_is_told_so_in_one_shape(idle: Start) -> None:
    with idle(limits=LimitSettings(network=FEW)) as service, service.customer() as customer:
        answers = [customer.get("/v1/jobs") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert '"network";q=3;w=3600' in answers[0].headers["ratelimit-policy"]
        assert '"key";q=' in answers[0].headers["ratelimit-policy"]
        refused = answers[3]
        assert refused.headers["ratelimit-policy"] == '"network";q=3;w=3600'
        assert refused.headers["ratelimit"].startswith('"network";r=0;t=')
        assert [1100 < int(answer.headers["retry-after"]) < 1501 for answer in answers[3:]] == [True, True]
        problem = refused.json()
        assert refused.headers["content-type"] == "application/problem+json"
        assert (problem["type"], problem["violated-policies"]) == ("/problems/rate-limited", ["network"])
        assert problem["request_id"] == refused.headers["x-request-id"]


def test_health_and_description_answer_whoever_asks_however_often(idle: Start) -> None:
    with idle(limits=LimitSettings(network=FEW)) as service, service.customer() as customer:
        for path in ("/v1/health", "/v1/openapi.json", "/docs"):
            answers = [customer.get(path) for _ in range(5)]
            assert {answer.status_code for answer in answers} == {200}
            assert "ratelimit" not in answers[0].headers


def test_who_has_no_key_and_what_is_not_there_is_limited_too(idle: Start) -> None:
    with idle(limits=LimitSettings(network=FEW)) as service:
        paths = ("/v1/jobs", "/nowhere", "/v1/jobs", "/nowhere")
        assert [ask(f"{service.url}{path}") for path in paths] == [401, 404, 401, 429]


@pytest.mark.parametrize(
    ("trusted", "expected"), [("", [404, 404, 404, 429, 429]), ("127.0.0.0/8", [404, 404, 404, 404, 404])]
)
def test_only_a_trusted_proxy_is_believed_where_a_request_comes_from(
    idle: Start, trusted: str, expected: list[int]
) -> None:
    with idle(limits=LimitSettings(network=FEW), proxies=read_networks(trusted)) as service:
        assert [ask(f"{service.url}/nowhere", f"198.51.{n}.1") for n in range(5)] == expected


def test_what_a_client_wrote_itself_before_a_trusted_proxy_did_changes_nothing(idle: Start) -> None:
    with idle(limits=LimitSettings(network=FEW), proxies=read_networks("127.0.0.0/8")) as service:
        claims = [f"203.0.113.{n}, 198.51.100.7" for n in range(5)]
        assert [ask(f"{service.url}/nowhere", claim) for claim in claims] == [404, 404, 404, 429, 429]


def test_in_shadow_nobody_is_refused(idle: Start) -> None:
    with idle(limits=LimitSettings(network=FEW, is_shadow=True)) as service, service.customer() as customer:
        assert {customer.get("/v1/jobs").status_code for _ in range(6)} == {200}


def test_a_job_over_the_quota_is_refused_and_its_customer_sees_why(idle: Start, dsn: str) -> None:
    with idle() as service, service.customer() as customer:
        give_plan(dsn, "free")
        assert customer.post("/v1/jobs", json={**BINARY_JOB, "time_limit_s": 3000}).status_code == 201
        refused = customer.post("/v1/jobs", json={**BINARY_JOB, "time_limit_s": 3000})
        assert (refused.status_code, refused.json()["type"]) == (429, "/problems/quota-exceeded")
        assert refused.json()["violated-policies"] == ["solve_ms"]
        assert int(refused.headers["retry-after"]) > 0
        quotas = {each["meter"]: each for each in customer.get("/v1/quota").json()["items"]}
        assert (quotas["solve_ms"]["reserved"], quotas["solve_ms"]["used"]) == (3_000_000, 0)
        assert sorted(each["percent"] for each in quotas["solve_ms"]["notices"]) == [80, 100]
        assert quotas["solve_ms"]["resets_at"] is not None
        assert customer.get("/v1/limits").json()["plan"] == "free"


def test_jobs_that_matter_less_are_shed_while_too_many_wait(idle: Start) -> None:
    with idle(limits=LimitSettings(shed_depth=1)) as service, service.customer() as customer:
        for _ in range(3):
            assert customer.post("/v1/jobs", json={**BINARY_JOB, "priority": "high"}).status_code == 201
        # The depth is looked at once a second.
        refused = _await_refusal(customer, {**BINARY_JOB, "priority": "low"})
        assert refused.json()["type"] == "/problems/temporary-reduced-capacity"
        assert int(refused.headers["retry-after"]) >= 30
        assert customer.post("/v1/jobs", json={**BINARY_JOB, "priority": "high"}).status_code == 201


def test_a_request_that_is_repeated_is_not_shed(idle: Start) -> None:
    with idle(limits=LimitSettings(shed_depth=1)) as service, service.customer() as customer:
        low, once = {**BINARY_JOB, "priority": "low"}, {"Idempotency-Key": "once"}
        made = customer.post("/v1/jobs", json=low, headers=once)
        for _ in range(3):
            customer.post("/v1/jobs", json={**BINARY_JOB, "priority": "high"})
        _await_refusal(customer, low)
        again = customer.post("/v1/jobs", json=low, headers=once)
        assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
        other = customer.post("/v1/jobs", json={**low, "seed": 99}, headers=once)
        assert other.json()["type"] == "/problems/idempotency-conflict"
        assert customer.post("/v1/jobs", json=low, headers={"Idempotency-Key": "new"}).status_code == 503


def _await_refusal(customer: httpx2.Client, job: dict[str, Any]) -> httpx2.Response:
    answer = customer.post("/v1/jobs", json=job)
    for _ in range(1_000):
        if answer.status_code == 503:
            break
        answer = customer.post("/v1/jobs", json=job)
    assert answer.status_code == 503
    return answer


def test_what_was_asked_is_counted_when_the_service_has_stopped(idle: Start, dsn: str) -> None:
    with idle() as service, service.customer() as customer:
        for _ in range(4):
            customer.get("/v1/jobs")
        customer.get(f"/v1/jobs/{uuid4()}")
    counts = "SELECT sum(requests)::int FROM request_slot WHERE route = $1 AND status = $2"
    assert (execute(dsn, counts, "/v1/jobs", 200), execute(dsn, counts, "/v1/jobs/{job_id}", 404)) == (4, 1)
    with idle() as service, service.customer(key=make_operator_key(dsn)) as operator:
        shown = operator.get("/v1/admin/limits").json()
        assert [(each["requests"], each["refused"]) for each in shown["top_consumers"]] == [(5, 0)]
        assert shown["response_p95_s_by_route"].keys() >= {"/v1/jobs"}
        assert operator.get("/v1/usage").json() == {"requests": 0, "refused": 0, "hours": []}


def test_operators_set_plans_multipliers_and_quotas_and_all_is_audited(idle: Start, dsn: str) -> None:
    with idle() as service, service.customer() as customer, service.customer(key=make_operator_key(dsn)) as operator:
        org_id = execute(dsn, "SELECT id FROM organisation WHERE plan = 'standard'")
        said = {"reason": "a test", "incident_id": "INC-7"}
        rate = {"requests": 50, "window_s": 60}
        quotas = {"solve_ms": {"amount": 1000}}
        terms = {"key": rate, "organisation": rate, "requests_at_once": 9, "quotas": quotas}
        assert (
            operator.put("/v1/admin/plans/tiny", json={**terms, **said}).json()["quotas"]["solve_ms"]["amount"] == 1000
        )
        choice = {"plan": "tiny", **said}
        assert operator.put(f"/v1/admin/organisations/{org_id}/plan", json=choice).json()["organisations"] == 1
        assert customer.get("/v1/limits").json()["requests_at_once"] == 9
        half = {"multiplier": 0.5, "minutes": 5, **said}
        assert operator.put("/v1/admin/limits/tiny/multiplier", json=half).json()["ramp_s"] == 300
        assert '"key";q=25;w=60' in customer.get("/v1/limits").headers["ratelimit-policy"]
        raised = operator.put(f"/v1/admin/organisations/{org_id}/quota/solve_ms", json={"to": 5000, **said})
        assert raised.json()["amount"] == 5000
        assert operator.get(f"/v1/admin/organisations/{org_id}/quota").json()["items"][0]["amount"] == 5000
        overview = operator.get("/v1/admin/quota").json()
        assert overview["quota_usage"] == {"customer": 0, "upstream": 0}
        assert "tiny" in [plan["name"] for plan in operator.get("/v1/admin/plans").json()["items"]]
        for path, body in (
            ("/v1/admin/limits/nothing/multiplier", half),
            (f"/v1/admin/organisations/{org_id}/plan", {"plan": "none", **said}),
            (f"/v1/admin/organisations/{uuid4()}/plan", choice),
            (f"/v1/admin/organisations/{org_id}/quota/qpu_ms", {"to": 1, **said}),
        ):
            assert operator.put(path, json=body).status_code == 404
        assert operator.put("/v1/admin/limits/tiny/multiplier", json={**half, "multiplier": 0}).status_code == 400
        actions = "SELECT string_agg(action, ' ' ORDER BY seq) FROM audit_entry WHERE incident_id = 'INC-7'"
        assert execute(dsn, actions) == "limits.define_plan limits.set_plan limits.set_multiplier quota.raise"


def test_a_customer_may_not_do_what_operators_do(idle: Start) -> None:
    with idle() as service, service.customer() as customer:
        for path in ("/v1/admin/plans", "/v1/admin/limits", "/v1/admin/quota"):
            assert customer.get(path).status_code == 403
        answer = customer.put(f"/v1/admin/organisations/{uuid4()}/plan", json={"plan": "operator", "reason": "mine"})
        assert answer.status_code == 403
