"""Incidents over HTTP, for operators. A route opens the transaction; the watch hears of what is to be sent after it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from quantum_scheduler.accounts.routes import WholeDatabase
from quantum_scheduler.incidents import respond
from quantum_scheduler.incidents.document import (
    IncidentDocument,
    IncidentRequest,
    IncidentsDocument,
    ItemRequest,
    MergeRequest,
    NoteRequest,
    ResolveRequest,
    ReviewDocument,
    RoleRequest,
    SeverityRequest,
    WholeIncidentDocument,
)
from quantum_scheduler.incidents.look_up import find_incident, list_incidents, read_items, read_timeline
from quantum_scheduler.incidents.model import LISTED_MAX, UNRESOLVED, Incident
from quantum_scheduler.incidents.move import add_note, assign_role, tick_item
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.incidents.paging.escalate import read_pages
from quantum_scheduler.incidents.review import edit_review, read_review
from quantum_scheduler.notifications.model import NOTIFICATION_POSTED
from quantum_scheduler.notifications.routes import UNKNOWN, Operator, OperatorBody, Viewer, takes
from quantum_scheduler.postgres.connect import Connection, Pool
from quantum_scheduler.postgres.listen import Notifier
from quantum_scheduler.problems.body import read_fields, read_object

ITEMS_MAX = 10_000

MOVED = UNKNOWN | {409: {"description": "An incident in this state cannot be moved there."}}

router = APIRouter(prefix="/v1", tags=["Incidents"])


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDoor:
    """What the routes of incidents work with, besides the database: `app.state.incidents`."""

    audience: Audience
    notifier: Notifier


async def _find_door(request: Request) -> IncidentDoor:
    return cast("IncidentDoor", request.app.state.incidents)


Door = Annotated[IncidentDoor, Depends(_find_door)]
Which = Annotated[str, Path(min_length=1, max_length=50, description="Its id, or its name.")]
Change = Callable[[Connection, int, datetime], Awaitable[Incident]]


@router.get("/incidents", operation_id="listIncidents", summary="List incidents", response_description="The incidents.")
async def list_all(
    _viewer: Viewer,
    pool: WholeDatabase,
    *,
    unresolved: Annotated[bool, Query(description="Only those that are not over.")] = False,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="Only those of lower ids.")] = None,
    limit: Annotated[int, Query(ge=1, le=LISTED_MAX)] = 20,
) -> IncidentsDocument:
    """Incidents are listed newest first."""
    states = UNRESOLVED if unresolved else None
    async with pool.acquire() as conn:
        found = await list_incidents(conn, states=states, before=before, limit=limit)
    return IncidentsDocument(items=[IncidentDocument.of(each) for each in found])


@router.post(
    "/incidents",
    operation_id="declareIncident",
    summary="Declare an incident",
    status_code=201,
    response_description="The incident.",
    openapi_extra=takes(IncidentRequest, title="Dynex is down", severity="P1", impact="Jobs end on classical solvers."),
)
async def declare(operator: Operator, pool: WholeDatabase, door: Door, body: OperatorBody) -> IncidentDocument:
    """Whoever is on call is paged, and the channels are told; the page is in the same transaction."""
    asked = read_fields(IncidentRequest, read_object(body)).to_new_incident()
    async with pool.acquire() as conn, conn.transaction():
        incident, _ = await respond.raise_incident(conn, asked, door.audience, actor=operator, now=datetime.now(UTC))
    door.notifier.notify(NOTIFICATION_POSTED)
    return IncidentDocument.of(incident)


@router.get(
    "/incidents/{incident}",
    operation_id="getIncident",
    summary="Show an incident",
    response_description="All of it.",
    responses=UNKNOWN,
)
async def show(incident: Which, _viewer: Viewer, pool: WholeDatabase) -> WholeIncidentDocument:
    """With the timeline, the checklist and whom it pages."""
    async with pool.acquire() as conn:
        found = await find_incident(conn, incident)
        timeline, items = await read_timeline(conn, found.id), await read_items(conn, found.id)
        return WholeIncidentDocument.whole(found, timeline, items, await read_pages(conn, found.id))


@router.post(
    "/incidents/{incident}/acknowledge",
    operation_id="acknowledgeIncident",
    summary="Acknowledge an incident",
    response_description="The incident.",
    responses=MOVED,
)
async def acknowledge(incident: Which, operator: Operator, pool: WholeDatabase, door: Door) -> IncidentDocument:
    """Promise to be at it for half an hour: nobody further is paged meanwhile."""
    return await _change(
        pool,
        door,
        incident,
        lambda conn, id_, now: respond.acknowledge(conn, id_, door.audience, actor=operator, now=now),
    )


@router.post(
    "/incidents/{incident}/mitigate",
    operation_id="mitigateIncident",
    summary="Call an incident mitigated",
    response_description="The incident.",
    responses=MOVED,
)
async def mitigate(incident: Which, operator: Operator, pool: WholeDatabase, door: Door) -> IncidentDocument:
    """Customers do not feel it any more."""
    return await _change(
        pool, door, incident, lambda conn, id_, now: respond.mitigate(conn, id_, door.audience, actor=operator, now=now)
    )


@router.post(
    "/incidents/{incident}/resolve",
    operation_id="resolveIncident",
    summary="Resolve an incident",
    response_description="The incident.",
    responses=MOVED,
    openapi_extra=takes(ResolveRequest, resolution="The key had expired."),
)
async def resolve(
    incident: Which, operator: Operator, pool: WholeDatabase, door: Door, body: OperatorBody
) -> IncidentDocument:
    """End it, tell everybody, and draft the post-mortem."""
    asked = read_fields(ResolveRequest, read_object(body))
    return await _change(
        pool,
        door,
        incident,
        lambda conn, id_, now: respond.resolve(
            conn, id_, door.audience, actor=operator, now=now, resolution=asked.resolution
        ),
    )


@router.post(
    "/incidents/{incident}/reopen",
    operation_id="reopenIncident",
    summary="Open an incident again",
    response_description="The incident.",
    responses=MOVED,
)
async def reopen(incident: Which, operator: Operator, pool: WholeDatabase, door: Door) -> IncidentDocument:
    """Whoever is on call is paged anew."""
    return await _change(
        pool, door, incident, lambda conn, id_, now: respond.reopen(conn, id_, door.audience, actor=operator, now=now)
    )


@router.post(
    "/incidents/{incident}/severity",
    operation_id="changeSeverity",
    summary="Change the severity of an incident",
    response_description="The incident.",
    responses=MOVED,
    openapi_extra=takes(SeverityRequest, severity="P0", why="No quantum backend is left."),
)
async def change_severity(
    incident: Which, operator: Operator, pool: WholeDatabase, door: Door, body: OperatorBody
) -> IncidentDocument:
    """A worse incident pages anew, a milder one escalates at its own pace."""
    asked = read_fields(SeverityRequest, read_object(body))
    return await _change(
        pool,
        door,
        incident,
        lambda conn, id_, now: respond.change_severity(
            conn, id_, asked.severity, door.audience, actor=operator, now=now, why=asked.why
        ),
    )


@router.post(
    "/incidents/{incident}/roles",
    operation_id="assignRole",
    summary="Give a role to a person",
    response_description="The incident.",
    responses=MOVED,
    openapi_extra=takes(RoleRequest, role="scribe", person="ann"),
)
async def assign(
    incident: Which, operator: Operator, pool: WholeDatabase, door: Door, body: OperatorBody
) -> IncidentDocument:
    """Commander, communications or scribe."""
    asked = read_fields(RoleRequest, read_object(body))
    return await _change(
        pool,
        door,
        incident,
        lambda conn, id_, now: assign_role(conn, id_, asked.role, asked.person, actor=operator, now=now),
    )


@router.post(
    "/incidents/{incident}/merge",
    operation_id="mergeIncident",
    summary="Merge an incident into another",
    response_description="The incident.",
    responses=MOVED,
    openapi_extra=takes(MergeRequest, into="incident-2026-11-22-001"),
)
async def merge(
    incident: Which, operator: Operator, pool: WholeDatabase, door: Door, body: OperatorBody
) -> IncidentDocument:
    """It becomes part of another one, and pages nobody any more."""
    asked = read_fields(MergeRequest, read_object(body))

    async def change(conn: Connection, incident_id: int, now: datetime) -> Incident:
        into = await find_incident(conn, asked.into)
        return await respond.merge(conn, incident_id, into.id, door.audience, actor=operator, now=now)

    return await _change(pool, door, incident, change)


@router.post(
    "/incidents/{incident}/notes",
    operation_id="addNote",
    summary="Write a note",
    status_code=204,
    response_class=Response,
    response_description="Done.",
    responses=UNKNOWN,
    openapi_extra=takes(NoteRequest, text="Dynex confirms an outage."),
)
async def add(incident: Which, operator: Operator, pool: WholeDatabase, body: OperatorBody) -> None:
    """It becomes a row of the timeline."""
    asked = read_fields(NoteRequest, read_object(body))
    async with pool.acquire() as conn, conn.transaction():
        found = await find_incident(conn, incident)
        await add_note(conn, found.id, asked.text, actor=operator, now=datetime.now(UTC))


@router.post(
    "/incidents/{incident}/items/{position}",
    operation_id="tickItem",
    summary="Tick an item of the checklist",
    status_code=204,
    response_class=Response,
    response_description="Done.",
    responses=UNKNOWN,
    openapi_extra=takes(ItemRequest, done=True),
)
async def tick(
    incident: Which,
    position: Annotated[int, Path(ge=1, le=ITEMS_MAX)],
    operator: Operator,
    pool: WholeDatabase,
    body: OperatorBody,
) -> None:
    """Or untick it."""
    asked = read_fields(ItemRequest, read_object(body))
    async with pool.acquire() as conn, conn.transaction():
        found = await find_incident(conn, incident)
        await tick_item(conn, found.id, position, actor=operator, now=datetime.now(UTC), is_done=asked.done)


@router.get(
    "/incidents/{incident}/review",
    operation_id="getReview",
    summary="Show the post-mortem",
    response_description="The post-mortem.",
    responses=UNKNOWN,
)
async def get_review(incident: Which, _viewer: Viewer, pool: WholeDatabase) -> ReviewDocument:
    """It is drafted when the incident is resolved."""
    async with pool.acquire() as conn:
        found = await find_incident(conn, incident)
        return ReviewDocument(markdown=await read_review(conn, found.id))


@router.get(
    "/incidents/{incident}/review.md",
    operation_id="exportReview",
    summary="Export the post-mortem",
    response_class=Response,
    response_description="A Markdown file.",
    responses=UNKNOWN | {200: {"content": {"text/markdown": {"schema": {"type": "string"}}}}},
)
async def export_review(incident: Which, _viewer: Viewer, pool: WholeDatabase) -> Response:
    """As a file, to keep beside the others."""
    async with pool.acquire() as conn:
        found = await find_incident(conn, incident)
        review = await read_review(conn, found.id)
    headers = {"Content-Disposition": f'attachment; filename="{found.name}.md"'}
    return Response(review, media_type="text/markdown", headers=headers)


@router.put(
    "/incidents/{incident}/review",
    operation_id="editReview",
    summary="Edit the post-mortem",
    status_code=204,
    response_class=Response,
    response_description="Done.",
    responses=UNKNOWN,
    openapi_extra=takes(ReviewDocument, markdown="# Dynex was down"),
)
async def put_review(incident: Which, operator: Operator, pool: WholeDatabase, body: OperatorBody) -> None:
    """The text takes the place of the one that is there."""
    asked = read_fields(ReviewDocument, read_object(body))
    async with pool.acquire() as conn, conn.transaction():
        found = await find_incident(conn, incident)
        await edit_review(conn, found.id, asked.markdown, actor=operator, now=datetime.now(UTC))


async def _change(pool: Pool, door: IncidentDoor, incident: str, change: Change) -> IncidentDocument:
    """Change an incident in one transaction, and have told at once what is to be told of it."""
    async with pool.acquire() as conn, conn.transaction():
        found = await find_incident(conn, incident)
        changed = await change(conn, found.id, datetime.now(UTC))
    door.notifier.notify(NOTIFICATION_POSTED)
    return IncidentDocument.of(changed)
