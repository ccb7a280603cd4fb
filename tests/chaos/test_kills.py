"""Nothing acknowledged is lost and nothing ends twice, whatever is killed while it runs."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from quantum_scheduler.postgres.connect import connect
from quantum_scheduler.postgres.embed import start_postgres

JOBS = 200
CLIENTS = 8
PATIENCE_S = 600.0
FINAL = {"succeeded", "failed", "cancelled"}

# What must hold in the database once every job has ended.
COUNT_JOBS = "SELECT state, count(*) FROM job GROUP BY state"
COUNT_RESULTS = "SELECT count(*), count(DISTINCT job_id) FROM job_result"
COUNT_TASKS = "SELECT count(*) FROM task"
COUNT_ENDS = """
SELECT count(*) FROM (
    SELECT job_id FROM job_event WHERE kind = 'state' AND data ->> 'state' IN ('succeeded', 'failed', 'cancelled')
    GROUP BY job_id HAVING count(*) = 1
) AS ended_once
"""


class Service:
    """A running `up` with two workers, and what may be killed of it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        environ = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "quantum_scheduler", "up", "--port", "0", "--workers", "2", "--json"],
            env={**environ, "QUANTUM_SCHEDULER_DATA_DIR": str(data_dir), "LOG_LEVEL": "error"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.url = json.loads(self.process.stdout.readline())["url"]
        self.key = (data_dir / "api-key").read_text().strip()

    def workers(self) -> list[int]:
        """The process ids of the workers there are now."""
        listed = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=False
        )
        return [int(line.split()[0]) for line in listed.stdout.splitlines() if " worker " in line]


@pytest.fixture
def service() -> Iterator[Service]:
    with tempfile.TemporaryDirectory(prefix="qs-", ignore_cleanup_errors=True) as folder:
        running = Service(Path(folder) / "data")
        yield running
        running.process.terminate()
        running.process.wait(120)
        assert running.process.stdout is not None
        running.process.stdout.close()


def submit_and_follow(service: Service, number: int, stop_at: float) -> tuple[str, dict[str, Any]]:
    """Submit one job, however often it takes, and ask until it has ended."""
    body = {
        "problem": {
            "kind": "schedule",
            "agents": [{"id": "a"}, {"id": "b"}],
            "tasks": [{"id": task, "duration": 1 + (number * 7 + task) % 11} for task in range(8)],
        },
        "time_limit_s": 0.5,
        "use_cache": False,
    }
    headers = {"Authorization": f"Bearer {service.key}", "Idempotency-Key": str(uuid4())}
    with httpx2.Client(base_url=service.url, headers=headers, timeout=30, trust_env=False) as client:
        job_id = ""
        while time.monotonic() < stop_at:
            with suppress(httpx2.TransportError):
                answer = client.get(f"/v1/jobs/{job_id}") if job_id else client.post("/v1/jobs", json=body)
                assert answer.status_code in {200, 201, 503}, answer.text
                if answer.status_code != 503:
                    job = answer.json()
                    assert job_id in {"", job["id"]}
                    job_id = job["id"]
                    if job["state"] in FINAL:
                        return job_id, job
            time.sleep(0.2)
    raise AssertionError(f"job {number} ({job_id or 'not acknowledged'}) had not ended after {PATIENCE_S:g} s")


def wreak_havoc(service: Service, chance: random.Random, calm: threading.Event) -> Counter[str]:
    """Kill a worker now and then, and Postgres once in a while, until `calm` is set."""
    done: Counter[str] = Counter()
    server = start_postgres(service.data_dir)
    try:
        # A worker takes seconds to start: faster than this, and none would live to do anything.
        while not calm.wait(chance.uniform(3.0, 8.0)):
            if chance.random() < 0.2:
                server.restart("immediate")
                done["restarts"] += 1
            elif workers := service.workers():
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(workers), signal.SIGKILL)
                    done["kills"] += 1
    finally:
        server.let_go()
    return done


async def ask(dsn: str, statement: str) -> list[tuple[Any, ...]]:
    connection = await connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


def test_every_acknowledged_job_ends_once_while_workers_and_postgres_are_killed(service: Service) -> None:
    seed = random.randrange(2**32)
    stop_at = time.monotonic() + PATIENCE_S
    calm = threading.Event()
    with ThreadPoolExecutor(CLIENTS + 1) as threads:
        havoc = threads.submit(wreak_havoc, service, random.Random(seed), calm)
        try:
            ended = list(threads.map(lambda number: submit_and_follow(service, number, stop_at), range(JOBS)))
        finally:
            calm.set()
        done = havoc.result()
    assert done["kills"] > 0, f"seed {seed}: nothing was killed"
    assert len({job_id for job_id, _ in ended}) == JOBS
    assert Counter(job["state"] for _, job in ended) == {"succeeded": JOBS}, f"seed {seed}: {done}"
    assert all(job["result"]["verified"] for _, job in ended)

    server = start_postgres(service.data_dir)
    try:
        assert asyncio.run(ask(server.dsn, COUNT_JOBS)) == [("succeeded", JOBS)]
        assert asyncio.run(ask(server.dsn, COUNT_RESULTS)) == [(JOBS, JOBS)]
        assert asyncio.run(ask(server.dsn, COUNT_TASKS)) == [(0,)]
        assert asyncio.run(ask(server.dsn, COUNT_ENDS)) == [(JOBS,)]
    finally:
        server.let_go()
