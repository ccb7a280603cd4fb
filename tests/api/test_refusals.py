"""Bad input gets one clear error in one shape, early, and harms nobody."""

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from quantum_scheduler.problems.model import VARIABLES_MAX

JSON = {"Content-Type": "application/json"}
SMALL = {"kind": "binary", "linear": [["a", -1]]}
CYCLE = {
    "kind": "schedule",
    "tasks": [
        {"id": "a", "duration": 1, "agents": 0, "dependencies": ["b"]},
        {"id": "b", "duration": 1, "agents": 0, "dependencies": ["a"]},
    ],
}
UNKNOWN_JOB = "/v1/jobs/01a20017-1ad8-7760-bf8a-157a653641e0"


def _body(problem: str, **options: Any) -> bytes:
    """A body with the problem written as it is given."""
    return f'{{"problem": {problem}, {json.dumps(options)[1:-1]}}}'.replace(", }", "}").encode()


def _check(response: httpx2.Response, status: int, kind: str) -> dict[str, Any]:
    """Every error has the one shape of RFC 9457, whatever it is."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["type"] == f"/problems/{kind}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == response.url.raw_path.decode().partition("?")[0]
    assert problem["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    return problem


@pytest.mark.parametrize(
    ("body", "status", "kind", "field"),
    [
        (b"", 400, "body-malformed", None),
        (b"{", 400, "body-malformed", None),
        (b"[]", 400, "body-malformed", None),
        (b"null", 400, "body-malformed", None),
        (b'{"problem": 1} x', 400, "body-malformed", None),
        (b"\xef\xbb\xbf{}", 400, "body-malformed", None),
        (b'{"problem": {"kind": "binary", "linear": [["\xff", 1]]}}', 400, "body-malformed", None),
        (_body('{"kind": "binary", "linear": [["\\ud800", 1]]}'), 400, "body-malformed", None),
        (_body("[" * 100_000 + "]" * 100_000), 400, "body-malformed", None),
        (_body(f'{{"kind": "binary", "linear": [[0, {"9" * 5000}]]}}'), 400, "body-malformed", None),
        (b"{}", 422, "request-invalid", "problem"),
        (_body(json.dumps(SMALL), colour="red"), 422, "request-invalid", "colour"),
        (_body(json.dumps(SMALL), backend="abacus"), 422, "request-invalid", "backend"),
        (_body(json.dumps(SMALL), method="prayer"), 422, "request-invalid", "method"),
        (_body(json.dumps(SMALL), method="tabu", backend="simulator"), 422, "request-invalid", "method"),
        (_body(json.dumps(SMALL), method="m" * 41), 422, "request-invalid", "method"),
        (_body(json.dumps(SMALL), priority="urgent"), 422, "request-invalid", "priority"),
        (_body(json.dumps(SMALL), seed=-1), 422, "request-invalid", "seed"),
        (_body(json.dumps(SMALL), seed=10**400), 422, "request-invalid", "seed"),
        (_body(json.dumps(SMALL), seed=1.5), 422, "request-invalid", "seed"),
        (_body(json.dumps(SMALL), name="a\x00b"), 422, "request-invalid", "name"),
        (_body(json.dumps(SMALL), name="n" * 201), 422, "request-invalid", "name"),
        (_body(json.dumps(SMALL), time_limit_s=0), 422, "request-invalid", "time_limit_s"),
        (_body(json.dumps(SMALL), time_limit_s=float("nan")), 422, "request-invalid", "time_limit_s"),
        (_body(json.dumps(SMALL), deadline_s=float("inf")), 422, "request-invalid", "deadline_s"),
        (_body(json.dumps(SMALL), use_cache="yes"), 422, "request-invalid", "use_cache"),
        (_body("7"), 422, "problem-invalid", "problem"),
        (_body('{"kind": "riddle"}'), 422, "problem-invalid", "problem.kind"),
        (_body('{"linear": []}'), 422, "problem-invalid", "problem.kind"),
        (_body('{"kind": "binary"}'), 422, "problem-invalid", "problem"),
        (_body('{"kind": "binary", "linear": [["a", NaN]]}'), 422, "problem-invalid", "problem.linear[0][1]"),
        (_body('{"kind": "binary", "linear": [["a", 1e999]]}'), 422, "problem-invalid", "problem.linear[0][1]"),
        (_body('{"kind": "binary", "linear": [["\\u0000", 1]]}'), 422, "problem-invalid", "problem.linear[0][0]"),
        (_body('{"kind": "binary", "linear": [["a", 1]], "size": 1}'), 422, "problem-invalid", "problem.size"),
        (_body(json.dumps(CYCLE)), 422, "problem-invalid", "problem.tasks[0].dependencies"),
    ],
)
def test_a_bad_body_is_told_where_and_why(
    customer: httpx2.Client, body: bytes, status: int, kind: str, field: str | None
) -> None:
    response = customer.post("/v1/jobs", content=body, headers=JSON)
    problem = _check(response, status, kind)
    assert [error["field"] for error in problem.get("errors", ())][:1] == [field] * (field is not None)
    assert customer.get("/v1/jobs").json()["items"] == []


def test_a_body_may_hold_so_many_variables_and_not_one_more(customer: httpx2.Client) -> None:
    linear = [[at, 1] for at in range(VARIABLES_MAX + 1)]
    response = customer.post("/v1/jobs", json={"problem": {"kind": "binary", "linear": linear}})
    problem = _check(response, 422, "problem-too-large")
    assert f"{VARIABLES_MAX:,}" in problem["detail"]


def test_faults_in_a_large_body_are_told_as_those_in_a_small_one(customer: httpx2.Client) -> None:
    tasks = [{"id": at, "duration": 1, "agents": 0, "dependencies": ["nobody"]} for at in range(2_000)]
    response = customer.post("/v1/jobs", json={"problem": {"kind": "schedule", "tasks": tasks}})
    problem = _check(response, 422, "problem-invalid")
    assert problem["errors"][0] == {"field": "problem.tasks[0].dependencies[0]", "reason": "no task is called 'nobody'"}
    assert len(problem["errors"]) <= 20
    malformed = customer.post("/v1/jobs", content=b"[" * 100_000, headers=JSON)
    _check(malformed, 400, "body-malformed")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_only_json_is_read(customer: httpx2.Client, headers: dict[str, str]) -> None:
    for path in ("/v1/jobs", "/v1/estimate", f"{UNKNOWN_JOB}/priority"):
        _check(customer.post(path, content=b'{"priority": "high"}', headers=headers), 415, "media-type-wrong")


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(service: Any) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer "
            + service.make_key().encode()
            + b"\r\nContent-Length: 100000000\r\nExpect: 100-continue\r\n\r\n"
        )
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("streamed", [False, True])
def test_a_body_of_100_mb_is_refused_and_its_sender_learns_why(customer: httpx2.Client, streamed: bool) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield bytes(2**20)

    body: Any = chunks() if streamed else bytes(100 * 2**20)
    _check(customer.post("/v1/jobs", content=body, headers=JSON), 413, "body-too-large")
    assert customer.get("/v1/health").status_code == 200


def test_an_endless_body_is_cut_off(service: Any) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    endless = (b"100000\r\n" + bytes(2**20) + b"\r\n" for _ in range(2**20))
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(
            b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer " + service.make_key().encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            _send(connection, endless)
    assert next(endless)


def _send(connection: socket.socket, chunks: Iterator[bytes]) -> None:
    for chunk in chunks:
        connection.sendall(chunk)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/jobs?limit=0", "query.limit"),
        ("/v1/jobs?limit=101", "query.limit"),
        ("/v1/jobs?limit=many", "query.limit"),
        ("/v1/jobs?state=asleep", "query.state"),
        ("/v1/jobs?cursor=" + "a" * 201, "query.cursor"),
        ("/v1/jobs/1", "path.job_id"),
        ("/v1/jobs/%00", "path.job_id"),
        ("/v1/jobs/1/result", "path.job_id"),
        ("/v1/jobs/1/events", "path.job_id"),
    ],
)
def test_a_bad_parameter_is_named(customer: httpx2.Client, path: str, field: str) -> None:
    problem = _check(customer.get(path), 400, "parameter-invalid")
    assert [error["field"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize("cursor", ["x", "!!!", "e30", "bnVsbA", "W10", "eyJ2IjoxfQ", "eyJ2IjoxLCJiZWZvcmUiOjF9", "é"])
def test_a_cursor_of_ones_own_making_is_refused(customer: httpx2.Client, cursor: str) -> None:
    _check(customer.get("/v1/jobs", params={"cursor": cursor}), 400, "cursor-unreadable")


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "inf", "long"])
def test_nobody_waits_for_ever(customer: httpx2.Client, wait: str) -> None:
    response = customer.post("/v1/jobs", params={"wait": wait}, json={"problem": SMALL})
    assert _check(response, 400, "parameter-invalid")["errors"][0]["field"] == "query.wait"


@pytest.mark.parametrize("key", [b"", b"k" * 256, b"\xe9", b"a\tb"])
def test_an_idempotency_key_is_short_printable_text(customer: httpx2.Client, key: bytes) -> None:
    response = customer.post("/v1/jobs", json={"problem": SMALL}, headers={b"Idempotency-Key": key})
    assert _check(response, 400, "parameter-invalid")["errors"][0]["field"] == "header.Idempotency-Key"


@pytest.mark.parametrize("last", ["-1", "2147483648", "x", ""])
def test_the_last_event_is_a_number(customer: httpx2.Client, last: str) -> None:
    response = customer.get(f"{UNKNOWN_JOB}/events", headers={"Last-Event-ID": last})
    assert response.status_code in (400, 404)
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/v1/jobs/", "/v2/jobs", "/docs/", "/redoc", "/%00", "//v1/jobs"])
def test_a_path_that_leads_nowhere_is_not_found(stranger: httpx2.Client, path: str) -> None:
    with httpx2.Client(trust_env=False) as client:
        response = client.get(httpx2.URL(str(stranger.base_url).rstrip("/") + path))
    _check(response, 404, "path-unknown")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/jobs", "GET, POST"),
        ("OPTIONS", "/v1/jobs", "GET, POST"),
        ("POST", UNKNOWN_JOB, "DELETE, GET"),
        ("GET", "/v1/estimate", "POST"),
        ("DELETE", "/v1/health", "GET"),
        ("BREW", "/docs", "GET"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(stranger: httpx2.Client, method: str, path: str, allowed: str) -> None:
    response = stranger.request(method, path)
    _check(response, 405, "method-unknown")
    assert response.headers["allow"] == allowed


def test_every_route_but_the_descriptions_and_the_health_wants_a_key(stranger: httpx2.Client) -> None:
    document = stranger.get("/v1/openapi.json").json()
    operations = [(method, path, said) for path, entry in document["paths"].items() for method, said in entry.items()]
    closed = [(method, path) for method, path, operation in operations if "security" in operation]
    assert {path for _, path, operation in operations if "security" not in operation} == {
        "/.well-known/jwks.json",
        "/api/pagerduty/webhook",
        "/api/slack/interactions",
        "/api/v2/summary.json",
        "/metrics",
        "/v1/backends/health",
        "/v1/health",
        "/v1/join",
        "/v1/login",
        "/v1/login/challenge",
        "/v1/login/device",
        "/v1/login/link",
        "/v1/login/oidc",
        "/v1/login/oidc/callback",
        "/v1/openapi.json",
        "/v1/password/forgot",
        "/v1/password/reset",
        "/v1/problem-schema",
        "/history.atom",
        "/v1/status/history",
        "/v1/status/subscriptions",
        "/v1/token/refresh",
    }
    assert len(closed) >= 9
    keys = ["", "Bearer", "Bearer x", "Basic eDp5", "Bearer qsk_live_" + "0" * 32 + "_" + "0" * 48 + "_00000000"]
    for method, path in closed:
        for key in keys:
            url = re.sub(r"\{\w+\}", UNKNOWN_JOB.rpartition("/")[2], path)
            response = stranger.request(method, url, headers={"Authorization": key})
            assert response.status_code == 401, (method, path, key)
            assert response.headers["www-authenticate"].startswith("Bearer")
            assert response.json()["type"] in ("/problems/key-missing", "/problems/key-unknown")


def test_a_stranger_is_refused_before_the_body_is_read(stranger: httpx2.Client) -> None:
    _check(stranger.post("/v1/jobs", content=b"{", headers=JSON), 401, "key-missing")


def test_another_organisations_job_is_not_there(service: Any) -> None:
    with service.customer() as owner, service.customer() as other:
        job_id = owner.post("/v1/jobs", json={"problem": SMALL}).json()["id"]
        path = f"/v1/jobs/{job_id}"
        for response in (
            other.get(path),
            other.get(f"{path}/result"),
            other.get(f"{path}/events"),
            other.delete(path),
            other.post(f"{path}/priority", json={"priority": "high"}),
        ):
            _check(response, 404, "job-unknown")
        assert other.get("/v1/jobs").json() == {"items": [], "next_cursor": None}
        assert owner.get(path).status_code == 200


@pytest.mark.parametrize(("given", "kept"), [("abc-1.2_3", True), ("a b", False), ("x" * 129, False), ("", False)])
def test_every_answer_bears_the_id_of_its_request(stranger: httpx2.Client, given: str, kept: bool) -> None:
    for path in ("/v1/health", "/nowhere", "/v1/jobs"):
        answered = stranger.get(path, headers={"X-Request-Id": given}).headers["x-request-id"]
        assert (answered == given) == kept
        assert answered


def test_every_answer_is_strict_and_says_nothing_of_the_server(stranger: httpx2.Client) -> None:
    for path in ("/v1/health", "/nowhere", "/v1/jobs", "/docs", "/v1/openapi.json"):
        headers = stranger.get(path, headers={"Origin": "https://elsewhere.example"}).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers
