"""The status page over HTTP: read without a key by anybody, written by operators."""

from datetime import UTC, datetime
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from quantum_scheduler.accounts.login.desk import LoginDesk
from quantum_scheduler.accounts.routes import WholeDatabase
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.status.document import MaintenanceDocument, MaintenanceRequest, MaintenancesDocument
from quantum_scheduler.incidents.status.feed import render_feed
from quantum_scheduler.incidents.status.maintain import end_maintenance, schedule_maintenance
from quantum_scheduler.incidents.status.model import BODY_CHARS_MAX, ComponentState, UpdateStatus
from quantum_scheduler.incidents.status.publish import publish_update, set_component
from quantum_scheduler.incidents.status.render import StatusBoard, read_history
from quantum_scheduler.monitoring.maintenance.plan import list_all
from quantum_scheduler.notifications.routes import UNKNOWN, Operator, OperatorBody, Viewer, takes
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.problems.body import read_fields, read_object
from quantum_scheduler.problems.document import Document

COMPONENTS_MAX = 100

# The paths of Statuspage.
feed = APIRouter(tags=["Status page"])
summary = APIRouter(prefix="/api/v2", tags=["Status page"])
router = APIRouter(prefix="/v1", tags=["Status page"])


class StatusUnknown(Exception):  # noqa: N818  an error is named for what happened
    """The database is away, and no summary was ever written down."""

    def __init__(self) -> None:
        super().__init__("how the service is cannot be told at the moment")


class ComponentRequest(Document):
    """How a component is."""

    state: ComponentState


class UpdateRequest(Document):
    """What customers are told of an incident, and how the components are by it."""

    status: UpdateStatus
    body: Annotated[str, Field(min_length=1, max_length=BODY_CHARS_MAX, pattern=r"^[^\x00]*$")]
    components: Annotated[dict[str, ComponentState], Field(max_length=COMPONENTS_MAX, default_factory=dict)]


class DayDocument(BaseModel):
    """How a component was on one day, in UTC."""

    model_config = ConfigDict(title="StatusDay")

    day: str
    worst: ComponentState
    outage_s: float


class HistoryDocument(BaseModel):
    """How a component was, day by day, the oldest first."""

    model_config = ConfigDict(title="ComponentHistory")

    component: str
    days: list[DayDocument]


class HistoriesDocument(BaseModel):
    """How the components were."""

    model_config = ConfigDict(title="StatusHistory")

    items: list[HistoryDocument]


REQUEST_BODIES: tuple[type[BaseModel], ...] = (ComponentRequest, UpdateRequest, MaintenanceRequest)


async def _find_board(request: Request) -> StatusBoard:
    return cast("StatusBoard", request.app.state.status)


async def _find_pool(request: Request) -> Pool:
    return cast("Pool", request.app.state.pool)


@summary.get(
    "/summary.json",
    operation_id="getStatusSummary",
    summary="Read the status page",
    response_description="The summary, in the shape of Statuspage.",
)
async def get_summary(board: Annotated[StatusBoard, Depends(_find_board)]) -> dict[str, Any]:
    """Needs no key, and is answered from the last copy while the database is away."""
    found = await board.read()
    if found is None:
        raise StatusUnknown
    return found


@feed.get(
    "/history.atom",
    operation_id="getStatusFeed",
    summary="Subscribe to the status page by Atom",
    response_class=Response,
    response_description="The feed.",
    responses={200: {"content": {"application/atom+xml": {"schema": {"type": "string"}}}}},
)
async def get_feed(request: Request, pool: Annotated[Pool, Depends(_find_pool)]) -> Response:
    """Needs no key. An entry for each incident and maintenance that customers were told of."""
    public_url = cast("LoginDesk", request.app.state.desk).options.public_url
    async with pool.acquire() as conn:
        rendered = await render_feed(conn, public_url=public_url, now=datetime.now(UTC))
    return Response(rendered, media_type="application/atom+xml")


@router.get(
    "/status/history",
    operation_id="getStatusHistory",
    summary="Read how the service was",
    response_description="Ninety days of every component.",
)
async def get_history(pool: Annotated[Pool, Depends(_find_pool)]) -> HistoriesDocument:
    """Needs no key. Of each day the worst state is told, and for how long the component was out."""
    async with pool.acquire() as conn:
        histories = await read_history(conn, now=datetime.now(UTC))
    return HistoriesDocument(
        items=[
            HistoryDocument(
                component=each.component,
                days=[DayDocument(day=day.day, worst=day.worst, outage_s=day.outage_s) for day in each.days],
            )
            for each in histories
        ]
    )


@router.put(
    "/status/components/{name}",
    operation_id="setComponent",
    summary="Say how a component is",
    status_code=204,
    response_class=Response,
    response_description="Done.",
    responses=UNKNOWN,
    openapi_extra=takes(ComponentRequest, state="maintenance"),
)
async def put_component(
    name: Annotated[str, Path(min_length=1, max_length=100)],
    operator: Operator,
    pool: WholeDatabase,
    body: OperatorBody,
) -> None:
    """Customers see it at once."""
    asked = read_fields(ComponentRequest, read_object(body))
    async with pool.acquire() as conn, conn.transaction():
        await set_component(conn, name, asked.state, actor=operator, now=datetime.now(UTC))


@router.post(
    "/incidents/{incident}/updates",
    operation_id="publishUpdate",
    summary="Tell customers of an incident",
    status_code=204,
    response_class=Response,
    response_description="Done.",
    responses=UNKNOWN,
    openapi_extra=takes(
        UpdateRequest,
        status="identified",
        body="Jobs for Dynex are solved by other backends.",
        components={"dynex": "major_outage"},
    ),
)
async def publish(
    incident: Annotated[str, Path(min_length=1, max_length=50)],
    operator: Operator,
    pool: WholeDatabase,
    body: OperatorBody,
) -> None:
    """From the first update on, the incident is on the status page."""
    asked = read_fields(UpdateRequest, read_object(body))
    async with pool.acquire() as conn, conn.transaction():
        found = await find_incident(conn, incident)
        await publish_update(
            conn,
            found.id,
            asked.body,
            status=asked.status,
            components=asked.components,
            actor=operator,
            now=datetime.now(UTC),
        )


@router.get(
    "/maintenances",
    operation_id="listMaintenances",
    summary="List maintenances",
    response_description="The maintenances.",
)
async def list_maintenances(_viewer: Viewer, pool: WholeDatabase) -> MaintenancesDocument:
    """A hundred of them, the latest one first."""
    now = datetime.now(UTC)
    async with pool.acquire() as conn:
        found = await list_all(conn)
    return MaintenancesDocument(items=[MaintenanceDocument.of(each, now) for each in found])


@router.post(
    "/maintenances",
    operation_id="scheduleMaintenance",
    summary="Schedule a maintenance",
    status_code=201,
    response_description="The maintenance.",
    responses=UNKNOWN,
    openapi_extra=takes(
        MaintenanceRequest,
        title="A new version of the database",
        components=["api"],
        starts_at="2030-11-22T22:00:00Z",
        ends_at="2030-11-22T23:00:00Z",
    ),
)
async def schedule(operator: Operator, pool: WholeDatabase, body: OperatorBody) -> MaintenanceDocument:
    """Customers see it coming, and its components under maintenance while it lasts."""
    plan, now = read_fields(MaintenanceRequest, read_object(body)).to_plan(), datetime.now(UTC)
    async with pool.acquire() as conn, conn.transaction():
        planned = await schedule_maintenance(conn, plan, actor=operator, now=now)
    return MaintenanceDocument.of(planned, now)


@router.post(
    "/maintenances/{number}/end",
    operation_id="endMaintenance",
    summary="End or cancel a maintenance",
    response_description="The maintenance.",
    responses=UNKNOWN,
)
async def end(
    number: Annotated[int, Path(ge=1, le=2**62)], operator: Operator, pool: WholeDatabase
) -> MaintenanceDocument:
    """One that has not begun is cancelled."""
    now = datetime.now(UTC)
    async with pool.acquire() as conn, conn.transaction():
        ended = await end_maintenance(conn, number, actor=operator, now=now)
    return MaintenanceDocument.of(ended, now)
