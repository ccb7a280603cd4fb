"""Backends over HTTP: what they take and how they are."""

import asyncio
from typing import Annotated, Literal, cast

import structlog
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from quantum_scheduler.accounts.routes import Caller
from quantum_scheduler.backends.check import HealthBoard
from quantum_scheduler.backends.load import list_backends, load_backend
from quantum_scheduler.backends.model import ErrorKind
from quantum_scheduler.problems.problem import ProblemType

log = structlog.get_logger()
router = APIRouter(prefix="/v1/backends", tags=["Backends"])


class BackendDocument(BaseModel):
    """A place that solves problems."""

    model_config = ConfigDict(title="Backend")

    name: str
    is_quantum: bool
    problem_types: list[ProblemType] = Field(description="What it takes as it is; a schedule can always be encoded.")
    variables_max: int
    methods: dict[ProblemType, list[str]] = Field(description="What a job's `method` may name, beside `auto`.")


class BackendsDocument(BaseModel):
    """The places that solve problems."""

    model_config = ConfigDict(title="Backends")

    items: list[BackendDocument]


class BackendHealthDocument(BaseModel):
    """Whether a backend would take a job now."""

    model_config = ConfigDict(title="BackendHealth")

    name: str
    status: Literal["up", "degraded", "down"]
    latency_ms: float | None
    queue_depth: int | None
    error: ErrorKind | None
    message: str


class BackendsHealthDocument(BaseModel):
    """How the backends are."""

    model_config = ConfigDict(title="BackendsHealth")

    items: list[BackendHealthDocument]


async def _find_board(request: Request) -> HealthBoard:
    return cast("HealthBoard", request.app.state.backend_health)


@router.get("", operation_id="listBackends", summary="List backends", response_description="The backends.")
async def list_all(_caller: Caller) -> BackendsDocument:
    """Each backend says what it takes."""
    return BackendsDocument(items=await asyncio.to_thread(_describe_backends))


@router.get(
    "/health", operation_id="checkBackends", summary="Check backends", response_description="How the backends are."
)
async def check_all(board: Annotated[HealthBoard, Depends(_find_board)]) -> BackendsHealthDocument:
    """Tell how each backend is, as of a few seconds ago; like the service's own health, this needs no key."""
    return BackendsHealthDocument(
        items=[
            BackendHealthDocument(
                name=name,
                status=health.status,
                latency_ms=health.latency_ms,
                queue_depth=health.queue_depth,
                error=health.error,
                message=health.message,
            )
            for name, health in (await board.read()).items()
        ]
    )


def _describe_backends() -> list[BackendDocument]:
    described = (_describe_backend(name) for name in list_backends())
    return [document for document in described if document is not None]


def _describe_backend(name: str) -> BackendDocument | None:
    """What a backend takes, or None where it cannot be loaded; its health says why."""
    try:
        backend = load_backend(name)
    except Exception:
        log.exception("backend.load_failed", backend=name)
        return None
    try:
        capabilities = backend.capabilities()
    finally:
        backend.close()
    return BackendDocument(
        name=name,
        is_quantum=capabilities.is_quantum,
        problem_types=sorted(capabilities.problem_types),
        variables_max=capabilities.variables_max,
        methods={kind: list(names) for kind, names in sorted(capabilities.methods.items())},
    )
