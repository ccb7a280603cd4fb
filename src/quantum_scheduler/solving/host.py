"""What a task on another machine does there: run one call in a pool of that machine, and stream what comes of it."""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Literal

from quantum_scheduler.solving.pool import ProcessPool
from quantum_scheduler.solving.port import ComputeCrashed, ComputeFailed, ComputeTimedOut

# What a call says, in order: once `began`, its reports, and once how it ended, with the kind of a failure.
News = tuple[Literal["began", "report", "result", "failed", "timed_out", "crashed"], bytes, str]

# Of a flood of reports that nobody takes up in time, only the last stay.
REPORTS_WAITING_MAX = 1_000


def answer_call(
    function: str, argument: bytes, timeout_s: float, memory_mb: int, preload: Sequence[str]
) -> Iterator[News]:
    """Run a call as `ProcessPool.run` does and yield its news as they come; no failure of the call is raised.

    The pool and its warm child stay in this process for the next call; if this process dies, so do they.
    """
    loop, pool = _pool(tuple(preload))
    news: deque[News] = deque(maxlen=REPORTS_WAITING_MAX)
    waits = threading.Semaphore(0)

    def tell(each: News) -> None:
        news.append(each)
        waits.release()

    async def run() -> None:
        try:
            result = await pool.run(
                function,
                argument,
                timeout_s=timeout_s,
                memory_mb=memory_mb,
                on_progress=lambda report: tell(("report", report, "")),
            )
            tell(("result", result, ""))
        except ComputeFailed as error:
            tell(("failed", str(error).encode(), error.kind))
        except ComputeTimedOut as error:
            tell(("timed_out", str(error).encode(), ""))
        except ComputeCrashed as error:
            tell(("crashed", str(error).encode(), ""))

    yield "began", b"", ""
    running = asyncio.run_coroutine_threadsafe(run(), loop)
    running.add_done_callback(lambda _: waits.release())
    while news or not running.done():
        waits.acquire()
        if news:
            yield news.popleft()
    running.result()


@cache
def _pool(preload: tuple[str, ...]) -> tuple[asyncio.AbstractEventLoop, ProcessPool]:
    """The pool of this process, and the loop it lives in. Its thread lasts, and so do the children started by it."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="solving.host", daemon=True).start()
    return loop, ProcessPool(1, preload)
