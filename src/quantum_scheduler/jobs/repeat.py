"""Keep taking a step, whatever becomes of it: a worker that stops at the first failure helps nobody."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import structlog

from quantum_scheduler.postgres.connect import transient

PAUSE_AFTER_FAILURE_S = 0.5

log = structlog.get_logger(__name__)

Step: TypeAlias = Callable[[], Awaitable[None]]


async def attempt(step: Step, *, room: str = "worker", failed: str = "step_failed") -> None:
    """Take a step; if it fails, tell the log as `tell_failure` does, and pause instead of raising."""
    try:
        await step()
    except Exception as error:
        tell_failure(error, room, failed)
        await asyncio.sleep(PAUSE_AFTER_FAILURE_S)


async def repeat(step: Step, *, pause_s: float, room: str = "worker", failed: str = "step_failed") -> None:
    """Take a step again and again, `pause_s` after the last, until cancelled."""
    while True:
        await attempt(step, room=room, failed=failed)
        await asyncio.sleep(pause_s)


def tell_failure(error: Exception, room: str, failed: str = "step_failed") -> None:
    """Say in the log that the database is away, or that something of a room failed in a way that does not pass."""
    if transient(error):
        log.warning(f"{room}.database_away", reason=str(error) or type(error).__name__)
    else:
        log.error(f"{room}.{failed}", exc_info=error)


async def end_all(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Cancel tasks and wait until they have ended, however they do."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
