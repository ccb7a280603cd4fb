"""The executor of a Ray cluster: each call is one task on some node, run there by a pool of that node."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import ray
import structlog
from ray.exceptions import RayError, RayTaskError

from quantum_scheduler.solving.frame import FRAME_BYTES_MAX
from quantum_scheduler.solving.host import News, answer_call
from quantum_scheduler.solving.port import ComputeCrashed, ComputeFailed, ComputeTimedOut

# The node keeps the deadline; this much later it is taken for one that cannot be heard of any more.
SILENCE_S = 30.0
# How long a call that is stopped may take to say that it has.
STOP_TIMEOUT_S = 10.0
# So many reports may be under way before the node waits for us.
REPORTS_AHEAD_MAX = 16

log = structlog.get_logger()


class RayExecutor:
    """An `Executor` on the Ray cluster at `address` (host:port of its head), joined at the first call.

    This process must run on a node of the cluster, and quantum-scheduler must be installed on every node, with the
    same Python and Ray. A call takes `cpus` of a node, and waits, without a limit, until one has them. `preload` names
    modules that each node's process imports before its first call. The loss of a node, or of Ray's process under a
    call, raises ComputeCrashed. Of a flood of reports only the latest arrive.
    """

    def __init__(self, address: str, preload: Sequence[str] = (), *, cpus: float = 1.0) -> None:
        if "://" in address:
            raise ValueError(f"the Ray address is {address!r}; it may be host:port of the head, or auto")
        self._address = address
        self._preload = tuple(preload)
        self._cpus = cpus
        self._task: Any = None
        self._joining = asyncio.Lock()
        self._running: set[Any] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        await self._join()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def run(
        self,
        function: str,
        argument: bytes,
        *,
        timeout_s: float,
        memory_mb: int,
        on_progress: Callable[[bytes], None] | None = None,
    ) -> bytes:
        """Run `function` as the port says; the deadline counts from when a process of a node takes it up.

        A cluster that cannot be joined raises ComputeFailed of kind `unavailable`.
        """
        if len(argument) > FRAME_BYTES_MAX:
            raise ComputeFailed(f"the argument is too large: {len(argument)} bytes", kind="too_large")
        task = await self._join()
        call = task.remote(function, argument, timeout_s, memory_mb, self._preload)
        self._running.add(call)
        ended = False
        try:
            answer = await _hear_out(call, timeout_s, on_progress)
            ended = True
        except RayTaskError as error:
            ended = True
            log.exception("ray.task_failed")
            raise ComputeFailed(_one_line(error.cause or error)) from None
        except RayError as error:
            ended = True
            reason = "the executor was closed" if self._closed else f"Ray lost it: {_one_line(error)}"
            raise ComputeCrashed(reason) from None
        finally:
            self._running.discard(call)
            if not ended:
                await _stop(call)
        return _read_answer(answer)

    def resize(self, calls: int) -> None:
        """Do nothing: how many calls run at once is a matter of the cluster's processors."""

    async def close(self) -> None:
        """Kill what still runs and leave the cluster; calls still waiting raise ComputeCrashed."""
        self._closed = True
        await asyncio.gather(*(_stop(call) for call in list(self._running)))
        async with self._joining:
            if self._task is not None:
                self._task = None
                await asyncio.to_thread(ray.shutdown)

    async def _join(self) -> Any:
        """The task to call, once this process is part of the cluster."""
        async with self._joining:
            if self._closed:
                raise ComputeCrashed("the executor is closed")
            if self._task is None:
                try:
                    # In a thread: it takes seconds, and on the main thread it would take SIGTERM for itself.
                    await asyncio.to_thread(
                        ray.init,
                        address=self._address,
                        namespace="quantum-scheduler",
                        logging_level="error",
                        log_to_driver=False,
                    )
                except (OSError, RuntimeError, RayError) as error:
                    message = f"the Ray cluster at {self._address} cannot be joined: {_one_line(error)}"
                    raise ComputeFailed(message, kind="unavailable") from error
                self._task = ray.remote(answer_call).options(
                    num_cpus=self._cpus,
                    num_returns="streaming",
                    max_retries=0,
                    _generator_backpressure_num_objects=REPORTS_AHEAD_MAX,
                )
            return self._task


async def _hear_out(call: Any, timeout_s: float, on_progress: Callable[[bytes], None] | None) -> News:
    """Take up what a call says until it has ended. Raises RayError, ComputeTimedOut."""
    try:
        async with asyncio.timeout(None) as deadline:
            async for each in call:
                news: News = await each
                match news:
                    case "began", _, _:
                        deadline.reschedule(asyncio.get_running_loop().time() + timeout_s + SILENCE_S)
                    case "report", report, _:
                        _tell(on_progress, report)
                    case _:
                        return news
    except TimeoutError:
        raise ComputeTimedOut(f"its node was silent {SILENCE_S:g} s after its {timeout_s:g} s; it was killed") from None
    raise ComputeCrashed("Ray ended it without an answer")


def _tell(on_progress: Callable[[bytes], None] | None, report: bytes) -> None:
    if on_progress is not None:
        try:
            on_progress(report)
        except Exception:
            log.exception("ray.progress_lost")


async def _stop(call: Any) -> None:
    """Kill the process under a call, with its children, and wait until Ray has heard of it."""
    with suppress(RayError, TimeoutError):
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await asyncio.to_thread(ray.cancel, call, force=True)
            await call.completed()


def _read_answer(news: News) -> bytes:
    """Return a result. Raises what any other end stands for."""
    match news:
        case "result", result, _:
            return result
        case "failed", message, kind:
            raise ComputeFailed(message.decode(), kind=kind)
        case "timed_out", message, _:
            raise ComputeTimedOut(message.decode())
        case _, message, _:
            raise ComputeCrashed(message.decode())


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:500]}" if text else type(error).__name__
