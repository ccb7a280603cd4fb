"""A customer who submits jobs whatever happens to the service, and asks until each has ended."""

import time
from contextlib import suppress
from typing import Any
from uuid import uuid4

import httpx2
from tests.chaos.service import Service

FINAL = {"succeeded", "failed", "cancelled"}
ASK_EVERY_S = 0.5
TASKS = (8, 60)


def submit_and_follow(service: Service, number: int, acknowledged: dict[str, str], give_up_at: float) -> dict[str, Any]:
    """Submit one job, however often it takes, note it under its idempotency key, and return what it ended as.

    Every other one is done at once, and the rest take most of a second.

    Once it has been acknowledged the service may never deny it again.
    """
    key = str(uuid4())
    body = {
        "problem": {
            "kind": "schedule",
            "agents": [{"id": "a"}, {"id": "b"}],
            "tasks": [
                {"id": task, "duration": 1 + (number * 7 + task * task) % 11} for task in range(8 + number % 2 * 52)
            ],
        },
        "time_limit_s": 0.5,
        "use_cache": False,
    }
    with httpx2.Client(timeout=30, trust_env=False) as client:
        while time.monotonic() < give_up_at:
            with suppress(httpx2.TransportError):
                headers = {"Authorization": f"Bearer {service.key}", "Idempotency-Key": key}
                known = acknowledged.get(key)
                answer = (
                    client.get(f"{service.url}/v1/jobs/{known}", headers=headers)
                    if known
                    else client.post(f"{service.url}/v1/jobs", headers=headers, json=body)
                )
                assert answer.status_code in {200, 201, 503}, f"job {number}: {answer.status_code} {answer.text}"
                if answer.status_code != 503:
                    job: dict[str, Any] = answer.json()
                    assert acknowledged.setdefault(key, job["id"]) == job["id"]
                    if job["state"] in FINAL:
                        return job
            time.sleep(ASK_EVERY_S)
    raise AssertionError(f"job {number} ({acknowledged.get(key, 'not acknowledged')}) had not ended in time")
