"""Who is on call over HTTP, and the check at the door of everything that is for operators only."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel

from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.accounts.name import name_actor
from quantum_scheduler.accounts.routes import WholeDatabase, needs
from quantum_scheduler.notifications.oncall import arrange, find
from quantum_scheduler.notifications.oncall.document import (
    ContactsRequest,
    DutiesDocument,
    DutyDocument,
    GapDocument,
    GapsDocument,
    OverrideRequest,
    PersonRequest,
    PoliciesDocument,
    PolicyDocument,
    RotationRequest,
    ShiftDocument,
    ShiftsDocument,
    SwapRequest,
)
from quantum_scheduler.notifications.oncall.rotate import write_calendar
from quantum_scheduler.problems.body import check_media_type, read_document_body, read_fields, read_object

NAME_CHARS_MAX = 100
DAYS_MAX = 365
CALENDAR_DAYS = 90
# For the examples.
MONDAY, TUESDAY = "2026-11-23T09:00:00+01:00", "2026-11-24T09:00:00+01:00"

REQUEST_BODIES: tuple[type[BaseModel], ...] = (
    PersonRequest,
    RotationRequest,
    OverrideRequest,
    SwapRequest,
    ContactsRequest,
    PolicyDocument,
)


async def _admit_viewer(principal: Annotated[Principal, needs("ops:read")]) -> str:
    return name_actor(principal)


async def _admit_operator(principal: Annotated[Principal, needs("ops:write")]) -> str:
    return name_actor(principal)


async def _read_body(request: Request, _operator: Annotated[str, Depends(_admit_operator)]) -> bytes:
    check_media_type(request.headers)
    return await request.body()


# Who asks, as the timeline names them: one who may look, and one who may act.
Viewer = Annotated[str, Depends(_admit_viewer)]
Operator = Annotated[str, Depends(_admit_operator)]
OperatorBody = Annotated[bytes, Depends(_read_body)]
UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such thing."}}

Name = Annotated[str, Path(min_length=1, max_length=NAME_CHARS_MAX)]
Days = Annotated[int, Query(ge=1, le=DAYS_MAX, description="For so many days from now.")]

router = APIRouter(prefix="/v1/oncall", tags=["On call"])


def takes(model: type[BaseModel], **example: Any) -> dict[str, Any]:
    """Describe a body that a route reads by itself, with an example of one."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    content = {"schema": schema, "examples": {"usual": {"value": example}}}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


@router.get("", operation_id="getOnCall", summary="Show who is on call", response_description="Every role.")
async def show(_viewer: Viewer, pool: WholeDatabase) -> DutiesDocument:
    """The escalation matrix and the emergency contacts, with who stands behind each role now."""
    async with pool.acquire() as conn:
        duties = await find.find_duties(conn, datetime.now(UTC))
    return DutiesDocument(items=[DutyDocument.of(each) for each in duties])


@router.get("/gaps", operation_id="findGaps", summary="Find gaps", response_description="When nobody is on call.")
async def find_gaps(_viewer: Viewer, pool: WholeDatabase, days: Days = 30) -> GapsDocument:
    """Rotation by rotation, the times when nobody is on call."""
    now = datetime.now(UTC)
    async with pool.acquire() as conn:
        gaps = await find.find_all_gaps(conn, now, now + timedelta(days=days))
    return GapsDocument(
        items=[GapDocument(rotation=name, starts_at=gap.starts_at, ends_at=gap.ends_at) for name, gap in gaps]
    )


@router.put(
    "/people/{name}",
    operation_id="keepPerson",
    summary="Say how a person is reached",
    status_code=204,
    response_class=Response,
    response_description="Done.",
    openapi_extra=takes(PersonRequest, targets=[{"channel": "email", "address": "ann@example.com"}]),
)
async def keep_person(name: Name, _operator: Operator, pool: WholeDatabase, body: OperatorBody) -> None:
    """The first target is tried at once, the others two minutes apart until somebody answers."""
    person = read_fields(PersonRequest, read_object(body)).to_person(name)
    async with pool.acquire() as conn, conn.transaction():
        await arrange.keep_person(conn, person)


@router.put(
    "/rotations/{name}",
    operation_id="keepRotation",
    summary="Write a rotation down",
    status_code=204,
    response_class=Response,
    response_description="Done.",
    responses=UNKNOWN,
    openapi_extra=takes(RotationRequest, people=["ann", "bob"], starts_at=MONDAY, turn_days=7, zone="Europe/Berlin"),
)
async def keep_rotation(name: Name, _operator: Operator, pool: WholeDatabase, body: OperatorBody) -> None:
    """People take turns, handing over at the same time of day, summer and winter."""
    rotation = read_fields(RotationRequest, read_object(body)).to_rotation(name)
    async with pool.acquire() as conn, conn.transaction():
        await arrange.keep_rotation(conn, rotation)


@router.get(
    "/rotations/{name}",
    operation_id="listShifts",
    summary="List the shifts of a rotation",
    response_description="The shifts, without a break.",
    responses=UNKNOWN,
)
async def list_shifts(name: Name, _viewer: Viewer, pool: WholeDatabase, days: Days = 30) -> ShiftsDocument:
    """A shift without a person is a gap."""
    now = datetime.now(UTC)
    async with pool.acquire() as conn:
        shifts = await find.find_shifts(conn, name, now, now + timedelta(days=days))
    return ShiftsDocument(items=[ShiftDocument.of(each) for each in shifts])


@router.get(
    "/rotations/{name}/calendar.ics",
    operation_id="getCalendar",
    summary="Subscribe to a rotation",
    response_class=Response,
    response_description="An iCalendar file.",
    responses=UNKNOWN | {200: {"content": {"text/calendar": {"schema": {"type": "string"}}}}},
)
async def get_calendar(name: Name, _viewer: Viewer, pool: WholeDatabase) -> Response:
    """The shifts of the next 90 days, for calendars that can send the key."""
    now = datetime.now(UTC)
    async with pool.acquire() as conn:
        rotation = await find.find_rotation(conn, name)
        shifts = await find.find_shifts(conn, name, now, now + timedelta(days=CALENDAR_DAYS))
    return Response(write_calendar(rotation, shifts, now=now), media_type="text/calendar")


@router.post(
    "/rotations/{name}/overrides",
    operation_id="overrideShift",
    summary="Override a rotation",
    status_code=204,
    response_class=Response,
    response_description="Done.",
    responses=UNKNOWN,
    openapi_extra=takes(OverrideRequest, starts_at=MONDAY, ends_at=TUESDAY, person="bob"),
)
async def override(name: Name, operator: Operator, pool: WholeDatabase, body: OperatorBody) -> None:
    """Let somebody else, or nobody, be on call for a while; of two overrides the later one counts."""
    wanted = read_fields(OverrideRequest, read_object(body)).to_override()
    async with pool.acquire() as conn, conn.transaction():
        await arrange.override_shift(conn, name, wanted, actor=operator, now=datetime.now(UTC))


@router.post(
    "/rotations/{name}/swaps",
    operation_id="swapShifts",
    summary="Swap two shifts",
    status_code=204,
    response_class=Response,
    response_description="Done.",
    responses=UNKNOWN,
    openapi_extra=takes(SwapRequest, one=MONDAY, other="2026-11-30T09:00:00+01:00"),
)
async def swap(name: Name, operator: Operator, pool: WholeDatabase, body: OperatorBody) -> None:
    """Each of two people takes the other's shift: the shifts that hold two moments."""
    wanted = read_fields(SwapRequest, read_object(body))
    async with pool.acquire() as conn, conn.transaction():
        await arrange.swap(conn, name, wanted.one, wanted.other, actor=operator, now=datetime.now(UTC))


@router.put(
    "/roles/{name}",
    operation_id="keepContacts",
    summary="Say who stands behind a role",
    status_code=204,
    response_class=Response,
    response_description="Done.",
    responses=UNKNOWN,
    openapi_extra=takes(ContactsRequest, contact="oncall-primary", backup="oncall-backup"),
)
async def keep_contacts(name: Name, _operator: Operator, pool: WholeDatabase, body: OperatorBody) -> None:
    """A rotation of that name takes its place in the matrix, or else a person does."""
    wanted = read_fields(ContactsRequest, read_object(body))
    async with pool.acquire() as conn, conn.transaction():
        await arrange.keep_contacts(conn, name, wanted.contact, wanted.backup)


@router.get("/policies", operation_id="listPolicies", summary="List policies", response_description="The policies.")
async def list_policies(_viewer: Viewer, pool: WholeDatabase) -> PoliciesDocument:
    """Which roles are paged after which share of the time to respond."""
    async with pool.acquire() as conn:
        found = await find.list_policies(conn)
    return PoliciesDocument(items={name: PolicyDocument.of(levels) for name, levels in found.items()})


@router.put(
    "/policies/{name}",
    operation_id="keepPolicy",
    summary="Write a policy down",
    status_code=204,
    response_class=Response,
    response_description="Done.",
    responses=UNKNOWN,
    openapi_extra=takes(PolicyDocument, levels=[{"after_share": 0, "roles": ["on-call-engineer"]}]),
)
async def keep_policy(name: Name, _operator: Operator, pool: WholeDatabase, body: OperatorBody) -> None:
    """The first level pages at once; it counts for incidents that are declared from now on."""
    levels = read_document_body(PolicyDocument, body).to_levels()
    async with pool.acquire() as conn, conn.transaction():
        await arrange.keep_policy(conn, name, levels)
