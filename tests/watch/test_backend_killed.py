"""A vendor dies under load: somebody is paged, and customers are told, within half a minute; no answer is lost.

Everything is real but the vendors: the service and its API, a worker, the watch and the SDKs; the stand-ins run
as processes of their own.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.chaos.service import Service
from tests.vendors.gate_cases import sixteen_variables

from quantum_scheduler.postgres.connect import Connection, connect
from quantum_scheduler.postgres.embed import start_postgres
from quantum_scheduler.problems.read import write_document

pytestmark = pytest.mark.long

PATIENCE_S = 180.0
LOOK_EVERY_S = 0.05
SUBMIT_EVERY_S = 0.5
WARM_ANSWERS = 5
ALL_S = 30.0
PAGE_S = 1.0
FINAL = ("succeeded", "failed", "cancelled")
PROBLEM = json.loads(write_document(sixteen_variables()))
INCIDENT = "SELECT id, declared_at FROM incident WHERE runbook = 'dynex-outage'"
PAGE = "SELECT min(created_at) FROM notification WHERE incident_id = $1"
ANSWERED = "SELECT count(*) FROM quantum_attempt WHERE backend = 'dynex' AND state = 'answered'"

Document = dict[str, Any]


@contextmanager
def stand_in(name: str, folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", Mapping[str, str]]]:
    """Run the stand-in of one vendor in a process of its own; lend that, and the environment that points at it."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "quantum_scheduler", "vendors", "up", "--only", name, "--json"],
        env={**os.environ, "QUANTUM_SCHEDULER_DATA_DIR": str(folder / name)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        with process.stdout as output:
            yield process, json.loads(output.readline())["environment"]
    finally:
        process.kill()
        process.wait()


class Load:
    """A customer who submits one job after the other, and remembers each that was acknowledged."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._submit_always, name="load")
        self.acknowledged: list[str] = []

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _submit_always(self) -> None:
        body = {"problem": PROBLEM, "backend": "auto", "time_limit_s": 1.0, "use_cache": False}
        while not self._stop.wait(SUBMIT_EVERY_S):
            answer = self._client.post("/v1/jobs", json=body).raise_for_status()
            self.acknowledged.append(answer.json()["id"])


@pytest.fixture
def dynex() -> Iterator[tuple[Service, "subprocess.Popen[bytes]"]]:
    """The service at its default settings, with two vendors, and the process of the first of them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qs-", ignore_cleanup_errors=True)))
        process, first = stack.enter_context(stand_in("dynex", folder))
        _, second = stack.enter_context(stand_in("dwave", folder))
        environ = {**first, **second, "QUANTUM_BACKEND_PRIORITY": "dynex,dwave"}
        service = Service(folder / "data", workers=1, environ=environ)
        stack.callback(service.stop)
        service.start()
        yield service, process


async def wait_for(look: Callable[[], Awaitable[Any]]) -> tuple[Any, float]:
    """Look until there is something to see: it, and when that was."""
    give_up_at = time.monotonic() + PATIENCE_S
    while (seen := await look()) is None:  # others act in processes that tell nobody here
        assert time.monotonic() < give_up_at
        await asyncio.sleep(LOOK_EVERY_S)
    return seen, time.monotonic()


async def kill_and_wait(
    process: "subprocess.Popen[bytes]", conn: Connection, client: httpx2.Client
) -> dict[str, float]:
    """Kill the stand-in once it has answered: the seconds from then to the incident, its page and the status page."""

    async def find_answers() -> int | None:
        count = await conn.fetchval(ANSWERED)
        return count if count >= WARM_ANSWERS else None

    async def find_incident() -> Any:
        return await conn.fetchrow(INCIDENT)

    async def find_page() -> Any:
        return await conn.fetchval(PAGE, incident["id"])

    async def find_trouble() -> str | None:
        listed = client.get("/api/v2/summary.json").raise_for_status().json()["components"]
        states = {each["id"]: each["status"] for each in listed}
        return None if states["dynex"] == "operational" else states["dynex"]

    await wait_for(find_answers)
    assert await find_incident() is None
    assert await find_trouble() is None
    process.kill()
    killed_at = time.monotonic()
    incident, declared_at = await wait_for(find_incident)
    page, paged_at = await wait_for(find_page)
    _, shown_at = await wait_for(find_trouble)
    return {
        "declared": declared_at - killed_at,
        "paged": paged_at - killed_at,
        "shown": shown_at - killed_at,
        "page after declare": (page - incident["declared_at"]).total_seconds(),
    }


def wait_for_end(client: httpx2.Client, job_id: str) -> Document:
    give_up_at = time.monotonic() + PATIENCE_S
    while (job := client.get(f"/v1/jobs/{job_id}").raise_for_status().json())["state"] not in FINAL:
        assert time.monotonic() < give_up_at, job
        time.sleep(LOOK_EVERY_S)
    found: Document = job
    return found


async def test_a_vendor_killed_under_load_is_paged_and_shown_and_no_answer_is_lost(
    dynex: tuple[Service, "subprocess.Popen[bytes]"],
) -> None:
    service, process = dynex
    headers = {"Authorization": f"Bearer {service.key}"}
    server = start_postgres(service.data_dir)
    conn = await connect(server.dsn)
    try:
        with httpx2.Client(base_url=service.url, headers=headers, timeout=60.0, trust_env=False) as client:
            with Load(client) as load:
                seconds = await kill_and_wait(process, conn, client)
            sys.stdout.write(f"\nseconds after the kill, and jobs: {json.dumps(seconds)} {len(load.acknowledged)}\n")
            ended = [wait_for_end(client, each) for each in load.acknowledged]
    finally:
        await conn.close()
        server.let_go()
    assert all(job["state"] == "succeeded" and job["result"]["verified"] for job in ended)
    assert seconds["page after declare"] < PAGE_S
    assert seconds["paged"] - seconds["declared"] < PAGE_S
    assert max(seconds.values()) < ALL_S
