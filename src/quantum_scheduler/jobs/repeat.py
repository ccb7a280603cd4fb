"""Keep taking a step, whatever becomes of it: a worker that stops at the first failure helps nobody."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from quantum_scheduler.postgres.connect import transient

PAUSE_AFTER_FAILURE_S = 0.5

log = structlog.get_logger(__name__)


async def attempt(step: Callable[[], Awaitable[None]]) -> None:
    """Take a step; if it fails, say so and pause instead of raising."""
    try:
        await step()
    except Exception as error:
        if transient(error):
            log.warning("worker.database_away", reason=str(error) or type(error).__name__)
        else:
            log.exception("worker.step_failed")
        await asyncio.sleep(PAUSE_AFTER_FAILURE_S)


async def repeat(step: Callable[[], Awaitable[None]], *, pause_s: float) -> None:
    """Take a step again and again, `pause_s` after the last, until cancelled."""
    while True:
        await attempt(step)
        await asyncio.sleep(pause_s)


async def end_all(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Cancel tasks and wait until they have ended, however they do."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
