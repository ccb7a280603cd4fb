"""A pool whose children are forked from one process that has imported what they need."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tests.solving.test_pool import HERE, PATIENCE_S, call, children_of, has_ended

from quantum_scheduler.jobs.lease import measure_memory_mb
from quantum_scheduler.solving.pool import ProcessPool
from quantum_scheduler.solving.port import ComputeUnavailable

NICENESS = 5


@pytest.fixture
def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(HERE)}


@pytest.fixture
async def pool(environ: dict[str, str]) -> AsyncIterator[ProcessPool]:
    async with ProcessPool(2, ["pool_functions"], environ=environ, forks=True) as pool:
        yield pool


async def who(pool: ProcessPool) -> list[int]:
    return [int(number) for number in (await call(pool, "who")).split()]


def weigh_session(pid: int) -> list[str]:
    """The niceness of a process's session; nothing where the system does not weigh sessions."""
    return [path.read_text(encoding="ascii").split()[-1] for path in Path(f"/proc/{pid}").glob("autogroup")]


async def test_modules_are_imported_once_however_often_a_child_is_killed(pool: ProcessPool) -> None:
    seen = []
    for _ in range(5):
        imported_by, parent, own = await who(pool)
        assert imported_by == parent != own
        seen.append(parent)
        os.kill(own, signal.SIGKILL)
    assert len(set(seen)) == 1


async def test_a_stem_that_is_killed_takes_its_children_along_and_is_replaced(pool: ProcessPool) -> None:
    _, stem, child = await who(pool)
    os.kill(stem, signal.SIGKILL)
    assert has_ended(child, within_s=PATIENCE_S)
    parent = stem
    async with asyncio.timeout(PATIENCE_S):
        while parent == stem:
            with suppress(ComputeUnavailable):  # where one was just being forked
                imported_by, parent, _ = await who(pool)
    assert imported_by == parent


async def test_the_memory_that_forks_share_is_counted_once(pool: ProcessPool) -> None:
    _, stem, _ = await who(pool)
    async with asyncio.timeout(PATIENCE_S):
        while len(children_of(stem)) < 3:  # noqa: ASYNC110  a process tells nobody
            await asyncio.sleep(0.01)
    held_mb = psutil.Process(stem).memory_info().rss / 2**20
    assert measure_memory_mb(psutil.Process(stem)) < 2.5 * held_mb


async def test_processes_that_step_back_do_so_as_a_session_too(environ: dict[str, str]) -> None:
    preload = ["quantum_scheduler.solving.step_back", "pool_functions"]
    async with ProcessPool(1, preload, environ=environ, forks=True) as pool:
        _, stem, child = await who(pool)
        assert os.getpriority(os.PRIO_PROCESS, child) == os.getpriority(os.PRIO_PROCESS, 0) + NICENESS
        assert os.getsid(child) == stem
        weights = weigh_session(child)
    assert set(weights) <= {str(NICENESS)}


async def test_closing_leaves_no_process_behind(environ: dict[str, str]) -> None:
    async with ProcessPool(2, ["pool_functions"], environ=environ, forks=True) as pool:
        _, stem, _ = await who(pool)
        forked = children_of(stem)
    assert forked
    assert all(has_ended(pid) for pid in [stem, *forked])


async def test_a_pool_closed_before_its_stem_is_ready_leaves_no_process_behind(environ: dict[str, str]) -> None:
    before = set(children_of(os.getpid()))
    async with ProcessPool(2, ["pool_functions"], environ=environ, forks=True):
        pass
    assert set(children_of(os.getpid())) <= before


async def test_what_cannot_be_imported_beforehand_is_left_to_the_call_that_needs_it(environ: dict[str, str]) -> None:
    async with ProcessPool(1, ["no_such_module"], environ=environ, forks=True) as pool:
        assert await call(pool, "echo", b"x") == b"x"


async def test_a_stem_that_cannot_start_is_told_to_the_caller(environ: dict[str, str]) -> None:
    async with ProcessPool(1, ["ends_at_import"], environ=environ, forks=True) as pool:
        for _ in range(2):
            with pytest.raises(ComputeUnavailable, match="exited with 3"):
                await call(pool, "echo")


PARENT = """
import asyncio
from quantum_scheduler.solving.pool import ProcessPool

async def main():
    pool = ProcessPool(1, forks=True)
    await pool.run("pool_functions:start_grandchildren", b"", timeout_s=3600, memory_mb=512,
                   on_progress=lambda pids: print(pids.decode(), flush=True))

asyncio.run(main())
"""


async def test_when_the_parent_is_killed_the_stem_and_its_children_die(environ: dict[str, str]) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, env=environ, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        line = await parent.stdout.readline()
    (stem,) = children_of(parent.pid)
    forked = children_of(stem)
    assert len(forked) == 2
    parent.kill()
    await parent.wait()
    for pid in [stem, *forked, int(line.split()[0])]:
        assert has_ended(pid, within_s=PATIENCE_S)
