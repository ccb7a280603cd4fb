import asyncio
import os
import select
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from quantum_scheduler.solving.frame import FRAME_BYTES_MAX
from quantum_scheduler.solving.pool import CALLS_PER_CHILD_MAX, ProcessPool
from quantum_scheduler.solving.port import ComputeCrashed, ComputeFailed, ComputeTimedOut, ComputeUnavailable

HERE = Path(__file__).parent
MEMORY_MB = 512
# Long enough for any machine; a test that needs it has failed.
PATIENCE_S = 30.0


@pytest.fixture
def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(HERE)}


@pytest.fixture(params=[False, True], ids=["started", "forked"])
def forks(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def processes(environ: dict[str, str], forks: bool) -> AsyncIterator[ProcessPool]:
    async with ProcessPool(2, environ=environ, forks=forks) as pool:
        yield pool


async def call(
    pool: ProcessPool,
    function: str,
    argument: bytes = b"",
    *,
    timeout_s: float = PATIENCE_S,
    memory_mb: int = MEMORY_MB,
    on_progress: Callable[[bytes], None] | None = None,
) -> bytes:
    return await pool.run(
        f"pool_functions:{function}", argument, timeout_s=timeout_s, memory_mb=memory_mb, on_progress=on_progress
    )


def has_ended(pid: int, *, within_s: float = 0) -> bool:
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ready, _, _ = select.select([pidfd], [], [], within_s)
    os.close(pidfd)
    return bool(ready)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


async def test_a_pool_may_grow_and_shrink_while_calls_run(environ: dict[str, str]) -> None:
    async with ProcessPool(1, environ=environ) as pool:
        began = asyncio.Event()
        held = asyncio.create_task(call(pool, "report_then_wait", on_progress=lambda _: began.set()))
        await began.wait()
        waiting = asyncio.create_task(call(pool, "echo", b"second"))
        pool.resize(2)
        assert await waiting == b"second"
        children = children_of(os.getpid())
        pool.resize(1)
        async with asyncio.timeout(PATIENCE_S):
            while len(children_of(os.getpid())) >= len(children):  # noqa: ASYNC110  a process tells nobody
                await asyncio.sleep(0.01)
        assert not held.done()
        held.cancel()
        assert await call(pool, "echo", b"third") == b"third"


async def test_a_function_answers_with_its_bytes(processes: ProcessPool) -> None:
    assert await call(processes, "echo", b"\x00\xffbytes") == b"\x00\xffbytes"


async def test_a_function_runs_in_a_process_of_its_own(processes: ProcessPool) -> None:
    assert int(await call(processes, "pid")) != os.getpid()


async def test_reports_arrive_in_order_before_the_answer(processes: ProcessPool) -> None:
    heard: list[bytes] = []
    assert await call(processes, "count_up", b"1000", on_progress=heard.append) == b"counted"
    assert heard == [str(number).encode() for number in range(1000)]


async def test_a_report_arrives_while_the_function_still_runs(processes: ProcessPool) -> None:
    heard = asyncio.Event()
    running = asyncio.create_task(call(processes, "report_then_wait", on_progress=lambda _: heard.set()))
    async with asyncio.timeout(PATIENCE_S):
        await heard.wait()
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_failing_listener_harms_nothing(processes: ProcessPool) -> None:
    def stumble(_: bytes) -> None:
        raise RuntimeError("the listener fell over")

    assert await call(processes, "count_up", b"3", on_progress=stumble) == b"counted"
    assert await call(processes, "echo", b"after") == b"after"


async def test_a_report_after_the_end_reaches_nobody(environ: dict[str, str]) -> None:
    heard: list[bytes] = []
    async with ProcessPool(1, environ=environ) as pool:
        await call(pool, "report_late", on_progress=heard.append)
        assert await call(pool, "wait_a_little", b"x", on_progress=heard.append) == b"x"
    assert heard == [b"began"]


async def test_a_flood_of_reports_does_not_put_off_the_deadline(processes: ProcessPool) -> None:
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(ComputeTimedOut):
            await call(processes, "report_forever", timeout_s=0.3, on_progress=lambda _: None)


async def test_a_report_over_its_limit_fails_the_function(processes: ProcessPool) -> None:
    with pytest.raises(ComputeFailed, match="at most 1048576") as caught:
        await call(processes, "report_too_much")
    assert caught.value.kind == "too_large"


async def test_printing_does_not_reach_the_answer(processes: ProcessPool) -> None:
    heard: list[bytes] = []
    assert await call(processes, "print_much", b"answer", on_progress=heard.append) == b"answer"
    assert heard == [b"heard"]


async def test_large_arguments_and_results_pass(processes: ProcessPool) -> None:
    argument = os.urandom(2**20) * 40
    assert await call(processes, "echo", argument, memory_mb=2048) == argument


async def test_an_argument_over_the_limit_is_refused(processes: ProcessPool) -> None:
    with pytest.raises(ComputeFailed, match="too large") as caught:
        await call(processes, "echo", bytes(FRAME_BYTES_MAX + 1))
    assert caught.value.kind == "too_large"


@pytest.mark.parametrize(
    ("function", "kind", "message"),
    [
        ("fail_with_kind", "rate_limit", "slow down"),
        ("fail_as_invalid", "invalid", "tasks[0].duration: is negative"),
        ("fail", "error", "KeyError: 'colour'"),
        ("exit_politely", "error", "SystemExit: 7"),
        ("return_text", "error", "TypeError: pool_functions:return_text returned str instead of bytes"),
        ("missing", "error", "AttributeError: module 'pool_functions' has no attribute 'missing'"),
    ],
)
async def test_a_failure_carries_its_kind_and_one_line(
    processes: ProcessPool, function: str, kind: str, message: str
) -> None:
    with pytest.raises(ComputeFailed) as caught:
        await call(processes, function)
    assert (caught.value.kind, str(caught.value)) == (kind, message)


async def test_an_unknown_module_is_a_failure(processes: ProcessPool) -> None:
    with pytest.raises(ComputeFailed, match="No module named 'nowhere'"):
        await processes.run("nowhere:nothing", b"", timeout_s=PATIENCE_S, memory_mb=MEMORY_MB)


async def test_a_crash_in_native_code_is_told_with_its_signal_and_last_output(processes: ProcessPool) -> None:
    with pytest.raises(ComputeCrashed) as caught:
        await call(processes, "segfault")
    assert "SIGSEGV" in str(caught.value)
    assert "about to read address zero" in str(caught.value)
    assert await call(processes, "echo", b"alive") == b"alive"


async def test_an_exit_is_a_crash_that_names_its_status(processes: ProcessPool) -> None:
    with pytest.raises(ComputeCrashed, match="exited with 7"):
        await call(processes, "exit_at_once")


async def test_what_a_process_prints_holds_no_local_variables(processes: ProcessPool) -> None:
    with pytest.raises(ComputeCrashed, match=r"it\.stumbled") as caught:
        await call(processes, "log_and_die", b"opens-up")
    assert "No such file" in str(caught.value)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("function", ["report_then_wait", "spin_in_c"])
async def test_a_function_is_killed_at_its_deadline(processes: ProcessPool, function: str) -> None:
    heard: list[bytes] = []
    with pytest.raises(ComputeTimedOut):
        await call(processes, function, timeout_s=2.0, on_progress=heard.append)
    assert has_ended(int(heard[0]))
    assert await call(processes, "echo", b"alive") == b"alive"


async def test_cancelling_the_call_kills_the_process(processes: ProcessPool) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    running = asyncio.create_task(call(processes, "spin_in_c", on_progress=heard.put_nowait))
    pid = int(await asyncio.wait_for(heard.get(), PATIENCE_S))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert has_ended(pid)
    assert await call(processes, "echo", b"alive") == b"alive"


async def test_closing_the_pool_kills_what_runs(environ: dict[str, str]) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    pool = ProcessPool(1, environ=environ)
    running = asyncio.create_task(call(pool, "spin_in_c", on_progress=heard.put_nowait))
    pid = int(await asyncio.wait_for(heard.get(), PATIENCE_S))
    waiting = asyncio.create_task(call(pool, "echo"))
    await asyncio.sleep(0)
    await pool.close()
    for task in (running, waiting):
        with pytest.raises(ComputeUnavailable, match="closed"):
            await task
    assert has_ended(pid)
    with pytest.raises(ComputeUnavailable, match="closed"):
        await call(pool, "echo")
    await pool.close()


async def test_grandchildren_die_with_the_call(processes: ProcessPool) -> None:
    heard: list[bytes] = []
    with pytest.raises(ComputeTimedOut):
        await call(processes, "start_grandchildren", timeout_s=2.0, on_progress=heard.append)
    for pid in heard[0].split():
        assert has_ended(int(pid), within_s=PATIENCE_S)


async def test_a_death_is_noticed_though_a_fork_lives_on(processes: ProcessPool) -> None:
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(ComputeCrashed, match="exited with 9"):
            await call(processes, "fork_and_die")


async def test_memory_over_the_limit_is_a_crash(processes: ProcessPool) -> None:
    with pytest.raises(ComputeCrashed, match="64 MB"):
        await call(processes, "allocate", b"100", memory_mb=64)
    assert await call(processes, "allocate", b"100", memory_mb=256) == b"1"


async def test_memory_over_the_limit_in_native_code_is_a_crash(processes: ProcessPool) -> None:
    with pytest.raises(ComputeCrashed, match="SIGABRT"):
        await call(processes, "allocate_in_c", memory_mb=64)
    assert await call(processes, "echo", b"alive") == b"alive"


async def test_a_memory_limit_ends_with_its_call(environ: dict[str, str]) -> None:
    async with ProcessPool(1, environ=environ) as pool:
        first = await call(pool, "pid", memory_mb=1)
        assert await call(pool, "allocate", b"200", memory_mb=400) == b"1"
        assert await call(pool, "pid") == first


async def test_a_child_killed_while_idle_is_replaced_silently(environ: dict[str, str]) -> None:
    async with ProcessPool(1, environ=environ) as pool:
        for _ in range(10):
            os.kill(int(await call(pool, "pid")), signal.SIGKILL)
            assert await call(pool, "echo", b"alive") == b"alive"


async def test_no_more_than_size_calls_run_at_once(processes: ProcessPool) -> None:
    began: asyncio.Queue[bytes] = asyncio.Queue()
    running = [asyncio.create_task(call(processes, "report_then_wait", on_progress=began.put_nowait)) for _ in range(5)]
    for _ in range(2):
        await asyncio.wait_for(began.get(), PATIENCE_S)
    await asyncio.sleep(0.5)
    assert began.empty()
    for task in running:
        task.cancel()
    assert all(
        isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*running, return_exceptions=True)
    )
    assert await call(processes, "echo", b"alive") == b"alive"


async def test_a_child_is_replaced_after_many_calls(environ: dict[str, str]) -> None:
    async with ProcessPool(1, environ=environ) as pool:
        pids = {await call(pool, "pid") for _ in range(CALLS_PER_CHILD_MAX + 1)}
    assert len(pids) == 2


async def test_many_calls_from_many_tasks_each_get_their_own_answer(processes: ProcessPool) -> None:
    arguments = [str(number).encode() for number in range(500)]
    assert await asyncio.gather(*(call(processes, "echo", argument) for argument in arguments)) == arguments


async def test_pools_live_side_by_side(environ: dict[str, str]) -> None:
    async with ProcessPool(1, environ=environ) as first, ProcessPool(1, environ=environ) as second:
        with pytest.raises(ComputeCrashed):
            await call(first, "exit_at_once")
        assert await call(first, "pid") != await call(second, "pid")
        await first.close()
        assert await call(second, "echo", b"alive") == b"alive"


async def test_a_preload_that_cannot_be_imported_is_told_to_the_caller(environ: dict[str, str]) -> None:
    async with ProcessPool(1, preload=["no_such_module"], environ=environ) as pool:
        for _ in range(2):
            with pytest.raises(ComputeUnavailable, match="No module named 'no_such_module'"):
                await call(pool, "echo")


async def test_preloaded_modules_are_imported_before_the_first_call(environ: dict[str, str]) -> None:
    async with ProcessPool(1, preload=["pool_functions"], environ=environ) as pool:
        assert await call(pool, "echo", b"x") == b"x"


def test_a_pool_without_processes_is_refused() -> None:
    with pytest.raises(ValueError, match="0 processes"):
        ProcessPool(0)


PARENT = """
import asyncio
from quantum_scheduler.solving.pool import ProcessPool

async def main():
    pool = ProcessPool(2)
    await asyncio.gather(*(
        pool.run("pool_functions:start_grandchildren" if spawns else "pool_functions:spin_in_c", b"", timeout_s=3600,
                 memory_mb=512, on_progress=lambda pids: print(pids.decode(), flush=True))
        for spawns in (True, False)
    ))

asyncio.run(main())
"""


async def test_when_the_parent_is_killed_every_child_dies(environ: dict[str, str]) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, env=environ, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        lines = [await parent.stdout.readline() for _ in range(2)]
    children = children_of(parent.pid)
    assert len(children) == 3
    parent.kill()
    await parent.wait()
    forked = [int(line.split()[0]) for line in lines]
    for pid in [*children, *forked]:
        assert has_ended(pid, within_s=PATIENCE_S)
