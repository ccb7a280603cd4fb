"""Keep something broken by a lease that is renewed: without whoever renews it, it ends by itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from quantum_scheduler.drills.beside import beside

LEASE_S = 20.0
RENEW_EVERY_S = 5.0

log = structlog.get_logger(__name__)


@asynccontextmanager
async def renewing(renew: Callable[[float], Awaitable[None]]) -> AsyncIterator[None]:
    """Take a lease, and renew it while the block runs. A renewal that fails is tried again at the next turn."""
    await renew(LEASE_S)
    async with beside(_renew_always(renew)):
        yield


async def _renew_always(renew: Callable[[float], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(RENEW_EVERY_S)
        try:
            await renew(LEASE_S)
        except Exception:
            log.warning("drill.not_renewed", exc_info=True)
