"""Keep the embedded Postgres running while the service is up."""

import asyncio

import structlog

from quantum_scheduler.postgres.embed import EmbeddedPostgres
from quantum_scheduler.postgres.model import PostgresUnavailable

LOOK_EVERY_S = 1.0

log = structlog.get_logger(__name__)


async def keep_postgres(server: EmbeddedPostgres) -> None:
    """Start the embedded Postgres again whenever it has died. Runs until it is cancelled."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        if await asyncio.to_thread(server.is_running):
            continue
        log.warning("postgres.died", folder=str(server.cluster))
        try:
            await asyncio.to_thread(server.start)
            log.info("postgres.started", folder=str(server.cluster))
        except PostgresUnavailable as error:
            log.warning("postgres.start_failed", reason=str(error))
