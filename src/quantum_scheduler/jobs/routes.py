"""Jobs over HTTP. A route opens the transaction, the verbs it calls join it, and notices follow the commit."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

from quantum_scheduler.accounts.limits.model import TemporaryReducedCapacity
from quantum_scheduler.accounts.limits.shed import Shedder
from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.accounts.quota.model import QuotaExceeded
from quantum_scheduler.accounts.quota.reserve import note_refusal
from quantum_scheduler.accounts.routes import Caller, Database, needs
from quantum_scheduler.jobs.cancel import cancel_job
from quantum_scheduler.jobs.document import (
    EstimatesDocument,
    JobDocument,
    JobPageDocument,
    JobRequest,
    PriorityRequest,
)
from quantum_scheduler.jobs.estimate import estimate_apart
from quantum_scheduler.jobs.examples import BINARY_JOB, PRIORITY, SCHEDULE_JOB
from quantum_scheduler.jobs.follow import JobChanges, await_end, follow_events
from quantum_scheduler.jobs.look_up import find_job, list_jobs, read_result
from quantum_scheduler.jobs.model import JOB_CHANGED, JOBS_PER_PAGE_MAX, TASK_READY, Job, JobState
from quantum_scheduler.jobs.page import CURSOR_LENGTH_MAX, read_cursor, write_cursor
from quantum_scheduler.jobs.prioritise import prioritise_job
from quantum_scheduler.jobs.read_apart import read_submission_apart
from quantum_scheduler.jobs.submit import is_known, submit_job
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.postgres.listen import Notifier
from quantum_scheduler.problems.body import check_media_type, read_fields, read_object
from quantum_scheduler.solving.attempt import list_attempts
from quantum_scheduler.solving.model import Result
from quantum_scheduler.solving.port import Executor

WAIT_MAX_S = 60.0
JOBS_PER_PAGE = 20
EVENT_SEQ_MAX = 2**31 - 1

# The bodies that the routes below read by themselves, for the description of the API.
REQUEST_BODIES: tuple[type[BaseModel], ...] = (JobRequest, PriorityRequest)

router = APIRouter(prefix="/v1", tags=["Jobs"])

Reader = Annotated[Principal, needs("jobs:read")]
Writer = Annotated[Principal, needs("jobs:write")]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDoor:
    """What the routes of jobs work with, besides the database: `app.state.jobs`."""

    changes: JobChanges
    notifier: Notifier
    executor: Executor
    shedder: Shedder


async def _find_door(request: Request) -> JobDoor:
    return cast("JobDoor", request.app.state.jobs)


async def _read_body(request: Request, _caller: Caller) -> bytes:
    """The body as it came, once the caller is known and the content type is right."""
    check_media_type(request.headers)
    return await request.body()


async def _follow(job_id: UUID, caller: Reader, pool: Database, door: "Door") -> AsyncIterator[asyncio.Event]:
    """A place from which to follow a job, given back after the answer; what can be refused is refused before it."""
    async with pool.acquire() as conn:
        await find_job(conn, caller.org_id, job_id)
    with door.changes.follow(job_id) as changed:
        yield changed


Door = Annotated[JobDoor, Depends(_find_door)]
Body = Annotated[bytes, Depends(_read_body)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="Any text of your own: a request that is sent again under the same key makes no second job.",
    ),
]
Wait = Annotated[
    float, Query(ge=0, le=WAIT_MAX_S, allow_inf_nan=False, description="Answer when the job ends, or after so long.")
]
LastEventId = Annotated[
    int,
    Header(
        alias="Last-Event-ID",
        ge=0,
        le=EVENT_SEQ_MAX,
        description="Resume after this event; browsers send it by themselves.",
    ),
]


_LOCATION = {"Location": {"description": "Where to find the job.", "schema": {"type": "string"}}}
_REPLAYED = {"Idempotent-Replayed": {"description": "`true`.", "schema": {"type": "string"}}}
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such job."}}
_ENDED: dict[int | str, dict[str, Any]] = {409: {"description": "The job has ended already."}}


def _takes(model: type[BaseModel], **examples: Any) -> dict[str, Any]:
    """Describe a body that the route reads by itself."""
    content = {
        "schema": {"$ref": f"#/components/schemas/{model.__name__}"},
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


@router.post(
    "/jobs",
    operation_id="submitJob",
    summary="Submit a job",
    status_code=201,
    response_description="The new job.",
    responses={
        200: {
            "model": JobDocument,
            "description": "The job that an earlier request with this key made.",
            "headers": _LOCATION | _REPLAYED,
        },
        201: {"headers": _LOCATION},
        409: {"description": "The idempotency key was used for another request."},
    },
    openapi_extra=_takes(JobRequest, schedule=SCHEDULE_JOB, binary=BINARY_JOB),
)
async def submit(
    caller: Writer,
    pool: Database,
    door: Door,
    body: Body,
    response: Response,
    wait: Wait = 0,
    idempotency_key: IdempotencyKey = None,
) -> JobDocument:
    """With `wait` the answer holds the job's result if it ended in time, else the job as it stands."""
    submission = await read_submission_apart(door.executor, body)
    new = submission.to_new_job(idempotency_key=idempotency_key)
    try:
        await door.shedder.check(new.priority)
    except TemporaryReducedCapacity:
        async with pool.acquire() as conn:
            if not await is_known(conn, caller.org_id, new):
                raise
    try:
        async with pool.acquire() as conn, conn.transaction():
            job, created = await submit_job(conn, caller.org_id, new)
    except QuotaExceeded as refusal:
        async with pool.acquire() as conn:
            await note_refusal(conn, refusal)
        raise
    if created:
        door.notifier.notify(TASK_READY, job.lane)
    else:
        response.status_code = 200
        response.headers["Idempotent-Replayed"] = "true"
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return await _show(pool, await await_end(pool, door.changes, job, wait_s=wait))


@router.get("/jobs", operation_id="listJobs", summary="List jobs", response_description="A page of jobs.")
async def list_page(
    caller: Reader,
    pool: Database,
    state: Annotated[JobState | None, Query(description="Only jobs in this state.")] = None,
    limit: Annotated[int, Query(ge=1, le=JOBS_PER_PAGE_MAX)] = JOBS_PER_PAGE,
    cursor: Annotated[
        str | None, Query(max_length=CURSOR_LENGTH_MAX, description="`next_cursor` of the page before.")
    ] = None,
) -> JobPageDocument:
    """Jobs come newest first, a page at a time."""
    before = None if cursor is None else read_cursor(cursor)
    async with pool.acquire() as conn:
        page = await list_jobs(conn, caller.org_id, state=state, limit=limit, before=before)
    return JobPageDocument(
        items=[JobDocument.of(job) for job in page.jobs],
        next_cursor=None if page.before is None else write_cursor(page.before),
    )


@router.get(
    "/jobs/{job_id}",
    operation_id="getJob",
    summary="Show a job",
    response_description="The job.",
    responses=_UNKNOWN,
)
async def get(job_id: UUID, caller: Reader, pool: Database) -> JobDocument:
    """A job that succeeded holds its result."""
    async with pool.acquire() as conn:
        job = await find_job(conn, caller.org_id, job_id)
    return await _show(pool, job)


@router.get(
    "/jobs/{job_id}/result",
    operation_id="getJobResult",
    summary="Show the result of a job",
    response_model=Result,
    response_description="The verified answer.",
    responses=_UNKNOWN | {409: {"description": "The job has not ended, or it failed or was cancelled."}},
)
async def get_result(job_id: UUID, caller: Reader, pool: Database) -> dict[str, Any]:
    """Only a job that succeeded has a result; the reason why there is none is told."""
    async with pool.acquire() as conn:
        return await read_result(conn, caller.org_id, job_id)


@router.get(
    "/jobs/{job_id}/events",
    operation_id="followJob",
    summary="Follow a job",
    response_class=EventSourceResponse,
    response_description="The events, as they come.",
    responses=_UNKNOWN,
)
async def follow(
    job_id: UUID,
    caller: Reader,
    pool: Database,
    door: Door,
    changed: Annotated[asyncio.Event, Depends(_follow)],
    last_event_id: LastEventId = 0,
) -> AsyncIterator[ServerSentEvent]:
    """What happens to a job is told as server-sent events.

    A `state` event holds `state` and `error`, a `progress` event holds `elapsed_s`, `objective` and `bound`; both
    hold `at`. The stream ends after the job's last state.
    """
    async for event in follow_events(pool, door.changes, changed, caller.org_id, job_id, after=last_event_id):
        yield ServerSentEvent(event=event.kind, id=str(event.seq), data={"at": event.at, **event.data})


@router.delete(
    "/jobs/{job_id}",
    operation_id="cancelJob",
    summary="Cancel a job",
    response_description="The job.",
    responses=_UNKNOWN | _ENDED,
)
async def cancel(job_id: UUID, caller: Writer, pool: Database, door: Door) -> JobDocument:
    """A job that waits is `cancelled` at once, one that is running a moment later."""
    async with pool.acquire() as conn, conn.transaction():
        job = await cancel_job(conn, caller.org_id, job_id)
    door.notifier.notify(JOB_CHANGED, str(job.id))
    return JobDocument.of(job)


@router.post(
    "/jobs/{job_id}/priority",
    operation_id="prioritiseJob",
    summary="Change the priority of a job",
    response_description="The job.",
    responses=_UNKNOWN | _ENDED,
    openapi_extra=_takes(PriorityRequest, high=PRIORITY),
)
async def prioritise(job_id: UUID, caller: Writer, pool: Database, door: Door, body: Body) -> JobDocument:
    """The job moves forward or back in the queue; one that runs keeps running."""
    priority = read_fields(PriorityRequest, read_object(body)).priority
    async with pool.acquire() as conn, conn.transaction():
        job = await prioritise_job(conn, caller.org_id, job_id, priority)
    door.notifier.notify(JOB_CHANGED, str(job.id))
    return JobDocument.of(job)


@router.post(
    "/estimate",
    operation_id="estimateJob",
    summary="Estimate a job",
    response_model=EstimatesDocument,
    response_description="What it would take.",
    openapi_extra=_takes(JobRequest, schedule=SCHEDULE_JOB, binary=BINARY_JOB),
)
async def estimate(_caller: Reader, door: Door, body: Body) -> dict[str, Any]:
    """Say what a job would take on each backend, or on the one that it names, without submitting it."""
    return await estimate_apart(door.executor, body)


async def _show(pool: Pool, job: Job) -> JobDocument:
    """The job, with what was tried on quantum backends, and its result if it succeeded."""
    async with pool.acquire() as conn:
        tried = await list_attempts(conn, job.id)
        result = await read_result(conn, job.org_id, job.id) if job.state == "succeeded" else None
    return JobDocument.of(job, result, tried)
