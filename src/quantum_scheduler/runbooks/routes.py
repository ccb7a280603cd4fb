"""Runbooks and runs over HTTP, for operators. A route opens the transaction, and tells after it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path as FilePath
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Query, Request

from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.accounts.name import find_names, name_actor
from quantum_scheduler.accounts.routes import WholeDatabase, needs
from quantum_scheduler.expressions.registry import Registry
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.notifications.routes import UNKNOWN, Operator, OperatorBody, Viewer, takes
from quantum_scheduler.postgres.connect import Connection, Pool
from quantum_scheduler.postgres.listen import Notifier
from quantum_scheduler.problems.body import read_fields, read_object
from quantum_scheduler.runbooks.answer import Speaker, abort_run, answer_run, find_consent
from quantum_scheduler.runbooks.carry import Notices
from quantum_scheduler.runbooks.document import (
    AbortRequest,
    ApproveRequest,
    ChooseRequest,
    RunbookDocument,
    RunbooksDocument,
    RunDocument,
    RunsDocument,
    StartRequest,
    TickRequest,
    WholeRunbookDocument,
    WholeRunDocument,
)
from quantum_scheduler.runbooks.look_up import list_runs, read_run
from quantum_scheduler.runbooks.run_model import RUNS_LISTED_MAX, Run
from quantum_scheduler.runbooks.shelf import read_shelf
from quantum_scheduler.runbooks.start import check_runnable, start_run

NAME_CHARS_MAX = 100
REFUSED: dict[int | str, dict[str, Any]] = UNKNOWN | {409: {"description": "The run cannot be answered so."}}

router = APIRouter(prefix="/v1", tags=["Runbooks"])


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookDoor:
    """What the routes of runbooks work with, besides the database: `app.state.runbooks`."""

    audience: Audience
    notifier: Notifier
    registry: Registry
    own: FilePath | None


async def _find_door(request: Request) -> RunbookDoor:
    return cast("RunbookDoor", request.app.state.runbooks)


Door = Annotated[RunbookDoor, Depends(_find_door)]
Name = Annotated[str, Path(min_length=1, max_length=NAME_CHARS_MAX)]
RunId = Annotated[int, Path(ge=1, le=2**62)]
Caller = Annotated[Principal, needs("ops:write")]
Move = Callable[[Connection, Speaker, datetime], Awaitable[tuple[Run, Notices]]]


@router.get("/runbooks", operation_id="listRunbooks", summary="List runbooks", response_description="The runbooks.")
async def list_all(_viewer: Viewer, door: Door) -> RunbooksDocument:
    """Those of the library, and those of one's own folder."""
    books = read_shelf(door.own).books
    return RunbooksDocument(items=[RunbookDocument.of(books[name].runbook) for name in sorted(books)])


@router.get(
    "/runbooks/{name}",
    operation_id="getRunbook",
    summary="Show a runbook",
    response_description="The runbook with its text.",
    responses=UNKNOWN,
)
async def show(name: Name, _viewer: Viewer, door: Door) -> WholeRunbookDocument:
    """As Markdown."""
    book = read_shelf(door.own).find(name)
    return WholeRunbookDocument(**RunbookDocument.of(book.runbook).model_dump(), text=book.text)


@router.post(
    "/runbooks/{name}/start",
    operation_id="startRunbook",
    summary="Start a runbook",
    status_code=201,
    response_description="The run.",
    responses=REFUSED,
    openapi_extra=takes(StartRequest, incident="incident-2026-11-22-001"),
)
async def start(name: Name, operator: Operator, pool: WholeDatabase, door: Door, body: OperatorBody) -> RunDocument:
    """A run of this runbook for this incident that goes on already is that run."""
    asked = read_fields(StartRequest, read_object(body))
    book = read_shelf(door.own).find(name)
    check_runnable(book, door.registry)
    async with pool.acquire() as conn, conn.transaction():
        incident = None if asked.incident is None else await find_incident(conn, asked.incident)
        run, notices = await start_run(conn, book, incident, door.audience, by=operator, now=datetime.now(UTC))
    _tell(door, notices)
    return RunDocument.of(run)


@router.get("/runs", operation_id="listRuns", summary="List runs", response_description="The runs.")
async def list_some(
    _viewer: Viewer,
    pool: WholeDatabase,
    *,
    unfinished: Annotated[bool, Query(description="Only those that go on.")] = False,
    incident: Annotated[str | None, Query(min_length=1, max_length=50, description="Only those for it.")] = None,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="Only those of lower ids.")] = None,
    limit: Annotated[int, Query(ge=1, le=RUNS_LISTED_MAX)] = 20,
) -> RunsDocument:
    """Runs are listed newest first."""
    async with pool.acquire() as conn:
        incident_id = None if incident is None else (await find_incident(conn, incident)).id
        runs = await list_runs(conn, unfinished=unfinished, incident_id=incident_id, before=before, limit=limit)
    return RunsDocument(items=[RunDocument.of(each) for each in runs])


@router.get(
    "/runs/{run}", operation_id="getRun", summary="Show a run", response_description="All of it.", responses=UNKNOWN
)
async def show_run(run: RunId, _viewer: Viewer, pool: WholeDatabase) -> WholeRunDocument:
    """With its steps, the gates at which people are awaited, and its story."""
    async with pool.acquire() as conn:
        return WholeRunDocument.whole(await read_run(conn, run))


@router.post(
    "/runs/{run}/approve",
    operation_id="approveStep",
    summary="Approve, confirm, acknowledge or reject a step",
    response_description="The run.",
    responses=REFUSED,
    openapi_extra=takes(ApproveRequest, step="3.a.1", role="security"),
)
async def approve(run: RunId, caller: Caller, pool: WholeDatabase, door: Door, body: OperatorBody) -> RunDocument:
    """It counts as well before the step asks."""
    asked = read_fields(ApproveRequest, read_object(body))

    async def move(conn: Connection, speaker: Speaker, now: datetime) -> tuple[Run, Notices]:
        said = "reject" if asked.reject else await find_consent(conn, run, asked.step)
        return await answer_run(conn, run, asked.step, said, speaker, door.audience, now=now)

    return await _move(pool, door, caller, asked.role, move)


@router.post(
    "/runs/{run}/choose",
    operation_id="chooseInRun",
    summary="Choose a branch, or what to do about a step that failed",
    response_description="The run.",
    responses=REFUSED,
    openapi_extra=takes(ChooseRequest, choice="If our credentials are refused", role="quantum-lead"),
)
async def choose(run: RunId, caller: Caller, pool: WholeDatabase, door: Door, body: OperatorBody) -> RunDocument:
    """The open gates say what may be chosen."""
    asked = read_fields(ChooseRequest, read_object(body))
    return await _move(
        pool,
        door,
        caller,
        asked.role,
        lambda conn, speaker, now: answer_run(conn, run, asked.step, asked.choice, speaker, door.audience, now=now),
    )


@router.post(
    "/runs/{run}/tick",
    operation_id="tickStep",
    summary="Tick a step that a person does",
    response_description="The run.",
    responses=REFUSED,
    openapi_extra=takes(TickRequest, step="2.3"),
)
async def tick(run: RunId, caller: Caller, pool: WholeDatabase, door: Door, body: OperatorBody) -> RunDocument:
    """Or skip it."""
    asked = read_fields(TickRequest, read_object(body))
    said = "skip" if asked.skip else "done"
    return await _move(
        pool,
        door,
        caller,
        None,
        lambda conn, speaker, now: answer_run(conn, run, asked.step, said, speaker, door.audience, now=now),
    )


@router.post(
    "/runs/{run}/abort",
    operation_id="abortRun",
    summary="Abort a run",
    response_description="The run.",
    responses=REFUSED,
    openapi_extra=takes(AbortRequest, why="It was a false alarm."),
)
async def abort(run: RunId, caller: Caller, pool: WholeDatabase, door: Door, body: OperatorBody) -> RunDocument:
    """It stops, and what it did is taken back, the last thing first."""
    asked = read_fields(AbortRequest, read_object(body))
    return await _move(
        pool,
        door,
        caller,
        None,
        lambda conn, speaker, now: abort_run(conn, run, door.audience, by=speaker.by, why=asked.why, now=now),
    )


async def _move(pool: Pool, door: RunbookDoor, caller: Principal, role: str | None, move: Move) -> RunDocument:
    """Move a run in one transaction, and tell at once whoever must go on with it."""
    async with pool.acquire() as conn, conn.transaction():
        speaker = Speaker(by=name_actor(caller), names=await find_names(conn, caller), role=role)
        run, notices = await move(conn, speaker, datetime.now(UTC))
    _tell(door, notices)
    return RunDocument.of(run)


def _tell(door: RunbookDoor, notices: Notices) -> None:
    for channel, payload in notices:
        door.notifier.notify(channel, payload)
