"""The health of the service itself, for load balancers and people: no key, and no more than one look a second."""

import asyncio
from typing import Annotated, Literal, cast

import structlog
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from quantum_scheduler import __version__
from quantum_scheduler.jobs.pulse import Pulse, take_pulse
from quantum_scheduler.postgres.connect import Pool, transient
from quantum_scheduler.postgres.model import DatabaseUnavailable

TIMEOUT_S = 3.0
FRESH_S = 1.0

log = structlog.get_logger()
router = APIRouter(prefix="/v1", tags=["Service"])


class QueueHealth(BaseModel):
    """How the queue is."""

    depth: int = Field(description="Jobs that wait for a worker.")


class HealthDocument(BaseModel):
    """How the service is: `degraded` takes jobs that nobody works on yet, `down` takes none."""

    model_config = ConfigDict(title="Health")

    status: Literal["ok", "degraded", "down"]
    version: str
    database: Literal["up", "down"]
    queue: QueueHealth | None = Field(description="Null while the database is down.")
    workers: int | None = Field(description="Workers that are alive; null while the database is down.")


class ServicePulse:
    """The latest pulse of the service. However many ask, the database is asked once at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._taken: asyncio.Task[Pulse | None] | None = None
        self._stale_at = 0.0

    async def read(self) -> Pulse | None:
        """Tell the pulse, at most `FRESH_S` old, or None where the database does not answer in `TIMEOUT_S`."""
        loop = asyncio.get_running_loop()
        if self._taken is None or (self._taken.done() and loop.time() >= self._stale_at):
            self._taken = loop.create_task(self._take())
        return await asyncio.shield(self._taken)

    async def read_depth(self) -> int | None:
        """Tell how many jobs wait, at most `FRESH_S` ago."""
        pulse = await self.read()
        return None if pulse is None else pulse.queue_depth

    async def _take(self) -> Pulse | None:
        try:
            async with asyncio.timeout(TIMEOUT_S), self._pool.acquire() as conn:
                return await take_pulse(conn)
        except Exception as error:
            if not isinstance(error, DatabaseUnavailable) and not transient(error):
                raise
            log.warning("health.database_away", reason=str(error) or type(error).__name__)
            return None
        finally:
            self._stale_at = asyncio.get_running_loop().time() + FRESH_S


async def _find_pulse(request: Request) -> ServicePulse:
    return cast("ServicePulse", request.app.state.pulse)


@router.get(
    "/health",
    operation_id="getHealth",
    summary="Check the service",
    response_description="The service answers.",
    responses={503: {"model": HealthDocument, "description": "The database does not answer."}},
)
async def get_health(response: Response, service: Annotated[ServicePulse, Depends(_find_pulse)]) -> HealthDocument:
    """Tell how the service is, as of a second ago."""
    pulse = await service.read()
    if pulse is None:
        response.status_code = 503
        response.headers["Retry-After"] = "5"
        return HealthDocument(status="down", version=__version__, database="down", queue=None, workers=None)
    return HealthDocument(
        status="ok" if pulse.workers else "degraded",
        version=__version__,
        database="up",
        queue=QueueHealth(depth=pulse.queue_depth),
        workers=pulse.workers,
    )
