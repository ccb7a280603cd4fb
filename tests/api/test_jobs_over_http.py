"""The life of a job as its customer sees it over HTTP."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from quantum_scheduler.jobs.examples import BINARY_JOB, SCHEDULE_JOB

Start = Callable[..., AbstractContextManager[Any]]
QUBO = {"problem": BINARY_JOB["problem"], "time_limit_s": 1}


@pytest.mark.parametrize(("job", "objective"), [(SCHEDULE_JOB, 7), (BINARY_JOB, -2)])
def test_the_documented_examples_are_solved_while_the_customer_waits(
    customer: httpx2.Client, job: dict[str, Any], objective: int
) -> None:
    response = customer.post("/v1/jobs", params={"wait": 60}, json=job)
    assert response.status_code == 201
    solved = response.json()
    assert response.headers["location"] == f"/v1/jobs/{solved['id']}"
    assert solved["state"] == "succeeded"
    assert solved["name"] == job["name"]
    assert solved["result"]["verified"] is True
    assert solved["result"]["objective"] == objective
    assert customer.get(response.headers["location"]).json() == solved
    assert customer.get(f"{response.headers['location']}/result").json() == solved["result"]


def test_a_large_problem_is_read_apart_and_solved_like_any_other(customer: httpx2.Client) -> None:
    linear = [[f"variable {at}", at % 2 * 2 - 1] for at in range(5_000)]
    body = {"problem": {"kind": "binary", "linear": linear}, "time_limit_s": 1, "name": "large", "priority": "high"}
    solved = customer.post("/v1/jobs", params={"wait": 60}, json=body).json()
    assert solved["problem"]["variables"] == 5_000
    assert (solved["name"], solved["priority"], solved["time_limit_s"]) == ("large", "high", 1)
    assert solved["result"]["objective"] == -2_500


def test_a_job_waits_in_the_queue_until_somebody_works(idle: Start) -> None:
    with idle() as service, service.customer() as customer:
        began = time.monotonic()
        response = customer.post("/v1/jobs", params={"wait": 0.5}, json={**QUBO, "deadline_s": 3600})
        job = response.json()
        assert response.status_code == 201
        assert 0.4 < time.monotonic() - began < 20
        assert (job["state"], job["attempts"], job["result"], job["error"]) == ("queued", 0, None, None)
        assert job["deadline_at"] > job["created_at"]
        refusal = customer.get(f"/v1/jobs/{job['id']}/result")
        assert refusal.status_code == 409
        assert refusal.json()["type"] == "/problems/result-missing"
        assert "queued" in refusal.json()["detail"]


def test_a_request_that_is_sent_twice_makes_one_job(idle: Start) -> None:
    with idle() as service, service.customer() as customer:
        headers = {"Idempotency-Key": "order 66"}
        first = customer.post("/v1/jobs", json=QUBO, headers=headers)
        # The same request, written in another way.
        spelt_out = {"priority": "normal", "seed": 0, **dict(reversed(QUBO.items())), "deadline_s": None}
        again = customer.post("/v1/jobs", json=spelt_out, headers=headers)
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json() == first.json()
        assert again.headers["location"] == first.headers["location"]
        assert again.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in first.headers
        assert len(customer.get("/v1/jobs").json()["items"]) == 1


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"name": "x"}, {"priority": "high"}, {"problem": {"kind": "binary", "linear": [["a", 1]]}}]
)
def test_a_key_that_names_another_request_is_refused(idle: Start, other: dict[str, Any]) -> None:
    with idle() as service, service.customer() as customer:
        headers = {"Idempotency-Key": "order 66"}
        job = customer.post("/v1/jobs", json=QUBO, headers=headers).json()
        refusal = customer.post("/v1/jobs", json={**QUBO, **other}, headers=headers)
        assert refusal.status_code == 409
        assert refusal.json()["type"] == "/problems/idempotency-conflict"
        assert job["id"] in refusal.json()["detail"]


def test_two_organisations_may_use_the_same_idempotency_key(idle: Start) -> None:
    with idle() as service, service.customer() as one, service.customer() as other:
        jobs = [c.post("/v1/jobs", json=QUBO, headers={"Idempotency-Key": "1"}) for c in (one, other)]
        assert [job.status_code for job in jobs] == [201, 201]


def test_the_same_request_sent_by_eight_at_once_makes_one_job(idle: Start) -> None:
    with idle() as service:
        key = service.make_key()
        answers: list[httpx2.Response] = []

        def send() -> None:
            with service.customer(key) as customer:
                answers.append(customer.post("/v1/jobs", json=QUBO, headers={"Idempotency-Key": "once"}))

        senders = [threading.Thread(target=send) for _ in range(8)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
        assert len({answer.json()["id"] for answer in answers}) == 1


def test_pages_show_every_job_once_newest_first(idle: Start) -> None:
    with idle() as service, service.customer() as customer:
        made = [customer.post("/v1/jobs", json={**QUBO, "name": str(n)}).json()["id"] for n in range(7)]
        shown: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            params = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
            page = customer.get("/v1/jobs", params=params).json()
            shown += [job["id"] for job in page["items"]]
            cursor = page["next_cursor"]
        assert shown == made[::-1]


def test_a_list_may_be_of_one_state_only(idle: Start) -> None:
    with idle() as service, service.customer() as customer:
        kept, dropped = (customer.post("/v1/jobs", json=QUBO).json()["id"] for _ in range(2))
        customer.delete(f"/v1/jobs/{dropped}")
        for state, ids in (("queued", [kept]), ("cancelled", [dropped]), ("running", [])):
            items = customer.get("/v1/jobs", params={"state": state}).json()["items"]
            assert [job["id"] for job in items] == ids


def test_a_job_may_be_cancelled_twice_but_not_once_it_has_ended_otherwise(customer: httpx2.Client, idle: Start) -> None:
    with idle() as service, service.customer() as waiting:
        path = f"/v1/jobs/{waiting.post('/v1/jobs', json=QUBO).json()['id']}"
        for _ in range(2):
            cancelled = waiting.delete(path)
            assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
        assert waiting.get(f"{path}/result").status_code == 409
        assert waiting.post(f"{path}/priority", json={"priority": "low"}).status_code == 409
    solved = customer.post("/v1/jobs", params={"wait": 60}, json=QUBO).json()
    refusal = customer.delete(f"/v1/jobs/{solved['id']}")
    assert refusal.status_code == 409
    assert refusal.json()["type"] == "/problems/job-finished"


def test_a_running_job_stops_when_it_is_cancelled(customer: httpx2.Client) -> None:
    pairs = [[u, v, (u * v) % 7 - 3] for u in range(150) for v in range(u)]
    body = {"problem": {"kind": "binary", "quadratic": pairs}, "backend": "simulator", "time_limit_s": 60}
    path = f"/v1/jobs/{customer.post('/v1/jobs', json=body).json()['id']}"
    _await_state(customer, path, "running")
    assert customer.delete(path).status_code == 200
    assert _await_state(customer, path, "cancelled")["result"] is None


def test_a_waiting_job_may_be_moved_forward(idle: Start) -> None:
    with idle() as service, service.customer() as customer:
        path = f"/v1/jobs/{customer.post('/v1/jobs', json=QUBO).json()['id']}"
        assert customer.post(f"{path}/priority", json={"priority": "critical"}).json()["priority"] == "critical"
        assert customer.get(path).json()["priority"] == "critical"
        refusal = customer.post(f"{path}/priority", json={"priority": "top", "now": True})
        assert refusal.status_code == 422
        assert {error["field"] for error in refusal.json()["errors"]} == {"priority", "now"}


def test_what_is_not_there_is_not_found(customer: httpx2.Client) -> None:
    path = f"/v1/jobs/{uuid4()}"
    answers = [
        customer.get(path),
        customer.get(f"{path}/result"),
        customer.get(f"{path}/events"),
        customer.delete(path),
        customer.post(f"{path}/priority", json={"priority": "low"}),
    ]
    assert [answer.status_code for answer in answers] == [404] * 5


def test_an_estimate_names_every_backend_and_makes_no_job(customer: httpx2.Client) -> None:
    document = customer.post("/v1/estimate", json=SCHEDULE_JOB).json()
    assert document["problem"]["kind"] == "schedule"
    every = {backend["name"] for backend in customer.get("/v1/backends").json()["items"]}
    assert {estimate["backend"] for estimate in document["estimates"]} == every
    assert all(estimate["fits"] for estimate in document["estimates"])
    one = customer.post("/v1/estimate", json={**SCHEDULE_JOB, "backend": "classical"}).json()
    assert [estimate["backend"] for estimate in one["estimates"]] == ["classical"]
    assert customer.get("/v1/jobs").json()["items"] == []


def test_who_waits_is_answered_when_the_service_stops(idle: Start) -> None:
    with idle() as service, service.customer() as customer:
        answers: list[httpx2.Response] = []
        waiting = threading.Thread(
            target=lambda: answers.append(customer.post("/v1/jobs", params={"wait": 60}, json=QUBO))
        )
        waiting.start()
        time.sleep(0.5)
        began = time.monotonic()
        service.tell_to_stop()
        waiting.join(30)
        assert time.monotonic() - began < 20
    assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [(201, "queued")]


def _await_state(customer: httpx2.Client, path: str, state: str) -> dict[str, Any]:
    give_up_at = time.monotonic() + 60
    while (job := customer.get(path).json())["state"] != state:
        assert time.monotonic() < give_up_at, job
        time.sleep(0.05)
    return dict(job)
