"""The routing over HTTP: what an operator may do to the breakers."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.accounts.routes import WholeDatabase, needs
from quantum_scheduler.solving.actions import reset_breakers
from quantum_scheduler.solving.routing_model import BreakerState

router = APIRouter(prefix="/v1/admin", tags=["Operations"])


class BreakerDocument(BaseModel):
    """Whether jobs go to a backend."""

    model_config = ConfigDict(title="Breaker")

    backend: str
    state: BreakerState
    since: datetime


class BreakersDocument(BaseModel):
    """Whether jobs go to the backends."""

    model_config = ConfigDict(title="Breakers")

    items: list[BreakerDocument]


@router.post(
    "/circuit-breaker/reset",
    operation_id="resetBreakers",
    summary="Close breakers",
    response_description="The breakers that were closed.",
    responses={404: {"description": "There is no such backend."}},
)
async def reset(
    _operator: Annotated[Principal, needs("ops:write")],
    pool: WholeDatabase,
    backend: Annotated[str | None, Query(max_length=100, description="Only this backend's; without it, all.")] = None,
) -> BreakersDocument:
    """Let jobs go to a backend again, or to all, and forget what they have failed. It needs no body."""
    async with pool.acquire() as conn:
        closed = await reset_breakers(conn, backend)
    return BreakersDocument(
        items=[BreakerDocument(backend=each.backend, state=each.state, since=each.since) for each in closed]
    )
