"""A whole job against each vendor's stand-in, through its own SDK: routed, raced and verified, whatever it does."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.jobs.conftest import open_desk
from tests.jobs.racing import Track, is_right, open_pools, open_track
from tests.vendors.gate_cases import SCHEDULE, sixteen_variables

from quantum_scheduler.backends.load import list_modules
from quantum_scheduler.jobs.model import Succeeded
from quantum_scheduler.postgres.connect import open_pool
from quantum_scheduler.problems.read import write_document
from quantum_scheduler.solving.breaker import COUNT_MIN
from quantum_scheduler.solving.pool import ProcessPool
from quantum_scheduler.solving.routing_model import Rules
from quantum_scheduler.testing.faults import Fault
from quantum_scheduler.testing.port import VendorServer
from quantum_scheduler.testing.vendors import VENDORS

# What each fault is called once it is told as an error; it does not show on every vendor in the same call.
KINDS: dict[Fault, set[str]] = {
    "rate_limit": {"rate_limit"},
    "server_error": {"unavailable"},
    "auth": {"auth"},
    "offline": {"offline"},
    "quota": {"quota"},
    "stuck": {"timeout"},
    "job_failed": {"job_failed"},
    "wrong_energy": {"integrity"},
    "dropped": {"unavailable"},
}
STUCK_TIMEOUT_S = 1.0
# The SDKs are imported before any test begins.
START_TIMEOUT_S = 120.0

# One loop, and so one pool of processes that have imported the SDKs, serves the whole file.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def processes(
    tmp_path_factory: pytest.TempPathFactory, clouds: dict[str, VendorServer]
) -> AsyncIterator[tuple[ProcessPool, Path]]:
    folder = tmp_path_factory.mktemp("vendors")
    environment = {name: value for server in clouds.values() for name, value in server.environment().items()}
    modules = [module for name in VENDORS for module in list_modules(name)]
    async with open_pools(folder, environment, size=1, preload=modules) as pool:
        await pool.run("tests.solving.pool_functions:echo", b"", timeout_s=START_TIMEOUT_S, memory_mb=512)
        yield pool, folder


@pytest_asyncio.fixture(loop_scope="module")
async def track(dsn: str, processes: tuple[ProcessPool, Path], clouds: dict[str, VendorServer]) -> AsyncIterator[Track]:
    pool = await open_pool(dsn)
    yield open_track(await open_desk(pool), *processes)
    for server in clouds.values():
        server.switch.set("none")
    pool.terminate()


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_job_is_solved_at_the_vendor_and_beside_it(
    track: Track, clouds: dict[str, VendorServer], vendor: str
) -> None:
    """A QUBO of 16 variables, and a small schedule."""
    for document in (json.loads(write_document(sixteen_variables())), SCHEDULE):
        job = await track.desk.submit(document, backend=vendor)
        result = await track.finish(job)
        assert result["verified"]
        assert result["objective"] == result["race"]["classical"]["objective"]
        assert result["race"]["quantum"]["objective"] >= result["objective"]
        last = (await track.attempts(job))[-1]  # on a busy machine the first may have taken too long
        assert (last.backend, last.state) == (vendor, "answered")
        assert clouds[vendor].submissions()


@pytest.mark.long
@pytest.mark.parametrize("fault", KINDS)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_every_fault_ends_in_a_verified_answer_and_opens_the_breaker(
    track: Track, clouds: dict[str, VendorServer], vendor: str, fault: Fault
) -> None:
    clouds[vendor].switch.set(fault)
    track.configure(environment=Rules(), timeout_s=STUCK_TIMEOUT_S if fault == "stuck" else 60.0)
    jobs = [await track.submit(backend=vendor) for _ in range(COUNT_MIN)]
    for job in jobs:
        await track.desk.execute("UPDATE breaker SET rest_until = NULL")
        assert is_right(await track.finish(job))
    assert (await track.breaker(vendor)).state == "open"
    attempts = [attempt for job in jobs for attempt in await track.attempts(job)]
    told = {attempt.error["kind"] for attempt in attempts if attempt.error}
    assert told == KINDS[fault]
    assert all(attempt.error["message"] for attempt in attempts if attempt.error)


@pytest.mark.long
@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_slow_vendor_keeps_no_proven_answer_waiting(
    track: Track, clouds: dict[str, VendorServer], vendor: str
) -> None:
    clouds[vendor].switch.set("slow")
    track.configure(environment=Rules(priority=(vendor,)))
    job = await track.submit()
    outcome = await track.step(job)
    assert isinstance(outcome, Succeeded)
    assert is_right(dict(outcome.result))
    assert track.bench.quantum is not None
    for stray in list(track.bench.quantum.strays):
        stray.cancel()
    await asyncio.gather(*track.bench.quantum.strays, return_exceptions=True)
