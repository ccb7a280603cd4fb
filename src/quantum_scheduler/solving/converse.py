"""Say a call to a child of the pool, and hear what it answers."""

import asyncio
import json
from collections.abc import Callable

import structlog

from quantum_scheduler.solving.frame import Kind
from quantum_scheduler.solving.port import ComputeCrashed, ComputeFailed
from quantum_scheduler.solving.spawn import Child

ANSWERS = {Kind.RESULT, Kind.FAILED, Kind.NO_MEMORY}

log = structlog.get_logger()


class NeverBegan(Exception):  # noqa: N818
    """The child died before it began the call, so that another may run it."""


async def converse(child: Child, call: bytes, on_progress: Callable[[bytes], None] | None) -> tuple[Kind, bytes]:
    """Send one call and hear it out: the frame that ends it. Raises NeverBegan, EOFError, ValueError."""
    child.forget_output()
    try:
        await child.send(call)
        kind, payload = await child.receive()
    except (EOFError, OSError):
        raise NeverBegan from None
    while kind not in ANSWERS:
        if kind is Kind.PROGRESS and on_progress is not None:
            try:
                on_progress(payload)
            except Exception:
                log.exception("pool.progress_lost")
            # Else a flood of reports would keep the loop from everything else, the deadline too.
            await asyncio.sleep(0)
        kind, payload = await child.receive()
    return kind, payload


def read_answer(kind: Kind, payload: bytes, memory_mb: int) -> bytes:
    """Return a result. Raises what any other answer stands for."""
    if kind is Kind.RESULT:
        return payload
    if kind is Kind.FAILED:
        failure = json.loads(payload)
        if failure["kind"] == "error":
            log.error("pool.function_failed", trace=failure["trace"])
        raise ComputeFailed(failure["message"], kind=failure["kind"])
    raise ComputeCrashed(f"it asked for more than the {memory_mb} MB of memory it may use")
