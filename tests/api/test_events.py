"""Following a job as server-sent events."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx2

from quantum_scheduler.jobs.examples import BINARY_JOB

Start = Callable[..., AbstractContextManager[Any]]
Event = tuple[int, str, dict[str, Any]]
SLOW = {
    "problem": {"kind": "binary", "quadratic": [[u, v, (u * v) % 7 - 3] for u in range(150) for v in range(u)]},
    "backend": "simulator",
    "time_limit_s": 3,
    "use_cache": False,
}


@contextmanager
def _follow(customer: httpx2.Client, job_id: str, *, last: int | None = None) -> Iterator[Iterator[Event]]:
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    with customer.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield ((int(event.id), event.event, json.loads(event.data)) for event in httpx2.EventSource(response))


def test_a_stream_tells_every_state_and_the_progress_and_then_ends(customer: httpx2.Client) -> None:
    job = customer.post("/v1/jobs", json=SLOW).json()
    with _follow(customer, job["id"]) as stream:
        events = list(stream)
    assert [seq for seq, _, _ in events] == list(range(1, len(events) + 1))
    assert [data["state"] for _, kind, data in events if kind == "state"] == ["queued", "running", "succeeded"]
    progress = [data for _, kind, data in events if kind == "progress"]
    assert all({"elapsed_s", "objective", "bound", "at"} <= data.keys() for data in progress)
    assert progress


def test_a_stream_resumes_after_the_last_event_that_was_seen(customer: httpx2.Client) -> None:
    job = customer.post("/v1/jobs", params={"wait": 60}, json=BINARY_JOB).json()
    with _follow(customer, job["id"]) as stream:
        everything = list(stream)
    for seen in range(len(everything) + 1):
        with _follow(customer, job["id"], last=seen) as stream:
            assert list(stream) == everything[seen:]


def test_a_change_is_told_at_once(idle: Start) -> None:
    with idle() as service, service.customer() as customer:
        job_id = customer.post("/v1/jobs", json=BINARY_JOB).json()["id"]
        with _follow(customer, job_id) as stream:
            assert next(stream)[2]["state"] == "queued"
            began = time.monotonic()
            customer.delete(f"/v1/jobs/{job_id}")
            assert next(stream)[2]["state"] == "cancelled"
            assert time.monotonic() - began < 10
            assert list(stream) == []


def test_a_hundred_streams_share_one_listening_connection(idle: Start) -> None:
    with idle() as service, service.customer(limits=httpx2.Limits(max_connections=None)) as customer:
        job_id = customer.post("/v1/jobs", json=BINARY_JOB).json()["id"]
        told: list[list[str]] = []
        ready = threading.Barrier(101)

        def follow() -> None:
            with _follow(customer, job_id) as stream:
                states = [next(stream)[2]["state"]]
                ready.wait(60)
                told.append(states + [data["state"] for _, _, data in stream])

        followers = [threading.Thread(target=follow) for _ in range(100)]
        for follower in followers:
            follower.start()
        ready.wait(60)
        customer.delete(f"/v1/jobs/{job_id}")
        for follower in followers:
            follower.join(60)
        assert told == [["queued", "cancelled"]] * 100


def test_streams_end_when_the_service_stops(idle: Start) -> None:
    with idle() as service, service.customer() as customer:
        job_id = customer.post("/v1/jobs", json=BINARY_JOB).json()["id"]
        with _follow(customer, job_id) as stream:
            assert next(stream)[2]["state"] == "queued"
            began = time.monotonic()
            service.tell_to_stop()
            assert list(stream) == []
            assert time.monotonic() - began < 20


def test_over_the_limit_a_stream_is_refused_before_it_starts_and_who_leaves_gives_the_place_back(idle: Start) -> None:
    with idle(followers_max=2) as service, service.customer() as customer:
        job_id = customer.post("/v1/jobs", json=BINARY_JOB).json()["id"]
        with _follow(customer, job_id) as one, _follow(customer, job_id) as other:
            assert next(one)[2] == next(other)[2]
            refusal = customer.get(f"/v1/jobs/{job_id}/events")
            assert refusal.status_code == 503
            assert refusal.headers["content-type"] == "application/problem+json"
            assert int(refusal.headers["retry-after"]) > 0
            # Whoever only waits is answered at once instead.
            assert customer.post("/v1/jobs", params={"wait": 60}, json=BINARY_JOB).json()["state"] == "queued"
        for _ in range(5):
            _read_first(customer, job_id)


def _read_first(customer: httpx2.Client, job_id: str) -> None:
    """Open a stream, read one event and leave; a place that is being given back may be waited for."""
    give_up_at = time.monotonic() + 30
    while True:
        try:
            with _follow(customer, job_id) as stream:
                assert next(stream)[2]["state"] == "queued"
                return
        except AssertionError:
            assert time.monotonic() < give_up_at
            time.sleep(0.05)
