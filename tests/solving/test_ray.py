"""The Ray executor on a cluster of two nodes on this machine; a head that runs nothing, and one that does."""

import asyncio
import os
import select
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from quantum_scheduler.solving.port import ComputeCrashed, ComputeFailed, ComputeTimedOut

HERE = Path(__file__).parent
PATIENCE_S = 60.0
MEMORY_MB = 512

pytestmark = [
    pytest.mark.skipif(
        find_spec("ray") is None and not os.environ.get("REQUIRE_ALL"),
        reason="Ray is not installed: pip install 'quantum-scheduler[ray]'",
    ),
    # Ray's own, of every import and of every process it starts.
    pytest.mark.filterwarnings("default"),
]


class TwoNodes:
    """A head without a processor and one node with two, as processes of this machine."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster  # noqa: PLC0415  without Ray there is nothing to import

        self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        self.address: str = self._cluster.address
        self._node: Any = None
        self.add_node()

    def add_node(self) -> None:
        self._node = self._cluster.add_node(num_cpus=2, env_vars={"PYTHONPATH": str(HERE)})

    def lose_node(self) -> None:
        self._cluster.remove_node(self._node, allow_graceful=False)

    def shut_down(self) -> None:
        self._cluster.shutdown()


@pytest.fixture(scope="module")
def cluster() -> Iterator[TwoNodes]:
    nodes = TwoNodes()
    yield nodes
    nodes.shut_down()


@pytest.fixture
async def executor(cluster: TwoNodes) -> AsyncIterator[Any]:
    from quantum_scheduler.solving.ray import RayExecutor  # noqa: PLC0415  needs Ray

    async with RayExecutor(cluster.address) as joined:
        yield joined


async def call(executor: Any, function: str, argument: bytes = b"", **limits: Any) -> bytes:
    limits = {"timeout_s": PATIENCE_S, "memory_mb": MEMORY_MB, **limits}
    async with asyncio.timeout(2 * PATIENCE_S):
        answer: bytes = await executor.run(f"pool_functions:{function}", argument, **limits)
    return answer


async def ends(pid: int) -> None:
    """Wait until a process that is nobody's child here has died."""
    with suppress(ProcessLookupError):
        pidfd = os.pidfd_open(pid)
        ready, _, _ = await asyncio.to_thread(select.select, [pidfd], [], [], PATIENCE_S)
        os.close(pidfd)
        assert ready, f"process {pid} still lives"


async def test_bytes_come_back_and_reports_arrive_in_order_before_them(executor: Any) -> None:
    heard: list[bytes] = []
    assert await call(executor, "echo", b"\x00\xff" * 2**20) == b"\x00\xff" * 2**20
    assert await call(executor, "count_up", b"50", on_progress=heard.append) == b"counted"
    assert heard == [str(number).encode() for number in range(50)]


async def test_failures_and_crashes_are_those_of_the_local_pool(executor: Any) -> None:
    with pytest.raises(ComputeFailed, match="slow down") as caught:
        await call(executor, "fail_with_kind")
    assert caught.value.kind == "rate_limit"
    with pytest.raises(ComputeCrashed, match="SIGSEGV"):
        await call(executor, "segfault")
    with pytest.raises(ComputeCrashed, match="64 MB"):
        await call(executor, "allocate", b"100", memory_mb=64)
    assert await call(executor, "echo", b"alive") == b"alive"


async def test_a_call_is_killed_at_its_deadline_even_in_native_code(executor: Any) -> None:
    heard: list[bytes] = []
    with pytest.raises(ComputeTimedOut):
        await call(executor, "spin_in_c", timeout_s=2.0, on_progress=heard.append)
    await ends(int(heard[0]))


async def test_cancelling_a_call_kills_its_process(executor: Any) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    running = asyncio.create_task(call(executor, "spin_in_c", on_progress=heard.put_nowait))
    pid = int(await asyncio.wait_for(heard.get(), PATIENCE_S))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await ends(pid)
    assert await call(executor, "echo", b"alive") == b"alive"


async def test_the_loss_of_a_node_is_a_crash_and_another_node_goes_on(cluster: TwoNodes, executor: Any) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    running = asyncio.create_task(call(executor, "report_then_wait", on_progress=heard.put_nowait))
    pid = int(await asyncio.wait_for(heard.get(), PATIENCE_S))
    cluster.lose_node()  # Ray starts and stops nodes on the main thread only
    with pytest.raises(ComputeCrashed, match="Ray lost it"):
        await running
    await ends(pid)
    cluster.add_node()
    assert await call(executor, "echo", b"alive") == b"alive"


async def test_closing_ends_what_runs_and_refuses_more(cluster: TwoNodes, executor: Any) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    running = asyncio.create_task(call(executor, "report_then_wait", on_progress=heard.put_nowait))
    pid = int(await asyncio.wait_for(heard.get(), PATIENCE_S))
    await executor.close()
    for task in (running, asyncio.create_task(call(executor, "echo"))):
        with pytest.raises(ComputeCrashed, match="closed"):
            await task
    await ends(pid)
