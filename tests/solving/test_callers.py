"""The processes that talk to vendors, and how they come by the SDKs of others."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs
from tests.solving.test_pool import HERE, MEMORY_MB, PATIENCE_S, children_of, has_ended

from quantum_scheduler.backends.load import list_modules
from quantum_scheduler.solving.callers import Callers
from quantum_scheduler.solving.port import ComputeUnavailable

# It is installed everywhere, and takes little time to import.
OTHER = "simulator"
(MODULE,) = list_modules(OTHER)


@pytest.fixture
async def callers() -> AsyncIterator[Callers]:
    callers = Callers(1, ["pool_functions"], environ={**os.environ, "PYTHONPATH": str(HERE)})
    yield callers
    await callers.close()


async def call(callers: Callers, function: str, argument: bytes = b"") -> bytes:
    return await callers.run(f"pool_functions:{function}", argument, timeout_s=PATIENCE_S, memory_mb=MEMORY_MB)


async def prepare(callers: Callers) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while callers.prepare([OTHER]):  # noqa: ASYNC110  it is asked for at each job, and tells nobody
            await asyncio.sleep(0.01)


async def test_what_is_prepared_is_imported_before_a_call_needs_it(callers: Callers) -> None:
    assert callers.prepare([]) == frozenset()
    assert await call(callers, "holds", MODULE.encode()) == b"no"
    assert callers.prepare([OTHER, "nobody knows this one"]) == {OTHER}
    await prepare(callers)
    assert await call(callers, "holds", MODULE.encode()) == b"yes"


async def test_what_is_under_way_goes_on_where_it_is_and_then_that_is_let_go_of(callers: Callers) -> None:
    stem = int((await call(callers, "who")).split()[1])
    began = asyncio.Event()
    held = asyncio.create_task(
        callers.run(
            "pool_functions:wait_a_little",
            b"held",
            timeout_s=PATIENCE_S,
            memory_mb=MEMORY_MB,
            on_progress=lambda _: began.set(),
        )
    )
    await began.wait()
    await prepare(callers)
    assert int((await call(callers, "who")).split()[1]) != stem
    assert await held == b"held"
    assert await asyncio.to_thread(has_ended, stem, within_s=PATIENCE_S)


async def test_closing_leaves_no_process_behind_even_while_something_is_prepared() -> None:
    before = set(children_of(os.getpid()))
    callers = Callers(1, ["pool_functions"], environ={**os.environ, "PYTHONPATH": str(HERE)})
    await call(callers, "who")
    callers.prepare([OTHER])
    await asyncio.sleep(0)
    await callers.close()
    assert set(children_of(os.getpid())) <= before
    with pytest.raises(ComputeUnavailable):
        await call(callers, "who")


async def test_what_cannot_be_prepared_is_not_tried_again_at_every_job() -> None:
    callers = Callers(1, ["ends_at_import"], environ={**os.environ, "PYTHONPATH": str(HERE)})
    with capture_logs() as logs:
        async with asyncio.timeout(PATIENCE_S):
            while not any(each["event"] == "callers.unprepared" for each in logs):
                assert callers.prepare([OTHER]) == {OTHER}
                await asyncio.sleep(0.01)
    before = children_of(os.getpid())
    assert callers.prepare([OTHER]) == {OTHER}
    await asyncio.sleep(0.2)  # in which one would have been started
    assert set(children_of(os.getpid())) <= set(before)
    await callers.close()


def test_an_adapter_is_loaded_without_its_sdk() -> None:
    """Processes that solve nothing load adapters too, in passing."""
    line = (
        "import sys; import quantum_scheduler.app;"
        "from quantum_scheduler.backends.load import list_backends, list_modules;"
        "[list_modules(name) for name in list_backends()];"
        "sys.exit(' '.join({'dimod', 'dwave.cloud', 'dynex', 'boto3', 'qiskit'} & set(sys.modules)) or 0)"
    )
    loading = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=False)
    assert loading.returncode == 0, loading.stderr
