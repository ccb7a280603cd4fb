"""While the database is away the service says so, and is itself again when the database is back."""

import asyncio
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from quantum_scheduler.jobs.examples import BINARY_JOB
from quantum_scheduler.postgres.connect import connect
from quantum_scheduler.postgres.embed import EmbeddedPostgres, start_postgres
from quantum_scheduler.postgres.migrate import migrate

QUICK = {"fsync": "off"}
Start = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """A server of this test's own, with the migrations applied."""
    folder = Path(tempfile.mkdtemp(prefix="qs-"))
    try:
        with start_postgres(folder, settings=QUICK) as own:
            asyncio.run(_migrate(own.dsn))
            yield own
    finally:
        shutil.rmtree(folder)


async def _migrate(dsn: str) -> None:
    conn = await connect(dsn)
    try:
        await migrate(conn)
    finally:
        await conn.close()


def test_the_service_outlives_its_database(server: EmbeddedPostgres, idle: Start) -> None:
    with idle(dsn=server.dsn) as service, service.customer() as customer:
        path = f"/v1/jobs/{customer.post('/v1/jobs', json=BINARY_JOB).json()['id']}"
        job = customer.get(path).json()
        server.stop()
        somebody = {"email": "ada@example.com", "password": "marmalade orbit teacup violin"}
        for answer in (
            customer.get(path),
            customer.post("/v1/jobs", json=BINARY_JOB),
            customer.delete(path),
            customer.post("/v1/login", json=somebody),
        ):
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["type"] == "/problems/database-away"
            assert int(answer.headers["retry-after"]) > 0
            assert "postgres" not in answer.text
        time.sleep(1.1)  # the health is as of a second ago
        down = customer.get("/v1/health")
        assert (down.status_code, down.json()["status"], down.json()["database"]) == (503, "down", "down")
        with start_postgres(server.data_dir, settings=QUICK):
            assert _await_answer(customer, path).json() == job
            assert _await_answer(customer, "/v1/health").json()["database"] == "up"


def test_who_waits_for_a_job_is_not_told_otherwise_when_the_database_restarts(
    server: EmbeddedPostgres, idle: Start
) -> None:
    with idle(dsn=server.dsn) as service, service.customer() as customer:
        answers: list[httpx2.Response] = []
        waiting = threading.Thread(
            target=lambda: answers.append(customer.post("/v1/jobs", params={"wait": 5}, json=BINARY_JOB))
        )
        waiting.start()
        time.sleep(1)
        server.restart("immediate")
        waiting.join(60)
        assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [(201, "queued")]
        assert _await_answer(customer, answers[0].headers["location"]).json()["state"] == "queued"


def _await_answer(customer: httpx2.Client, path: str) -> httpx2.Response:
    give_up_at = time.monotonic() + 60
    while (answer := customer.get(path)).status_code == 503:
        assert time.monotonic() < give_up_at
        time.sleep(0.1)
    return answer
