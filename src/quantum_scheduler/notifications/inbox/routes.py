"""Inboxes over HTTP: one's own, and for operators those of people on call."""

from datetime import UTC, datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict

from quantum_scheduler.accounts.model import PersonNeeded
from quantum_scheduler.accounts.routes import Caller, WholeDatabase
from quantum_scheduler.notifications.inbox.read import LISTED_MAX, InboxMessage, mark_read, read_inbox
from quantum_scheduler.notifications.routes import UNKNOWN, Operator, Viewer
from quantum_scheduler.postgres.connect import Pool

router = APIRouter(prefix="/v1", tags=["Inbox"])


class InboxMessageDocument(BaseModel):
    """A message of an inbox."""

    model_config = ConfigDict(title="InboxMessage")

    id: UUID
    at: AwareDatetime
    read_at: AwareDatetime | None
    kind: str
    title: str
    text: str
    incident: str | None
    severity: str | None
    url: str | None

    @classmethod
    def of(cls, read: InboxMessage) -> Self:
        """Show a message."""
        message = read.message
        return cls(
            id=read.id,
            at=read.at,
            read_at=read.read_at,
            kind=message.kind,
            title=message.title,
            text=message.text,
            incident=message.incident,
            severity=message.severity,
            url=message.url,
        )


class InboxDocument(BaseModel):
    """The messages of an inbox, newest first."""

    model_config = ConfigDict(title="Inbox")

    items: list[InboxMessageDocument]


async def _find_own(caller: Caller) -> str:
    """The inbox of a user bears the user's id."""
    if caller.user_id is None:
        raise PersonNeeded
    return str(caller.user_id)


Own = Annotated[str, Depends(_find_own)]
Person = Annotated[str, Path(min_length=1, max_length=100)]
Before = Annotated[UUID | None, Query(description="Only what is older than this message.")]
Unread = Annotated[bool, Query(description="Only what was not read yet.")]
Limit = Annotated[int, Query(ge=1, le=LISTED_MAX)]


@router.get("/inbox", operation_id="readInbox", summary="Read your inbox", response_description="The messages.")
async def read_own(
    own: Own, pool: WholeDatabase, *, unread: Unread = False, before: Before = None, limit: Limit = 20
) -> InboxDocument:
    """What you were told; of people only, keys have none."""
    return await _read(pool, own, before, is_unread=unread, limit=limit)


@router.post(
    "/inbox/{message}/read",
    operation_id="markRead",
    summary="Mark a message of yours as read",
    status_code=204,
    response_class=Response,
    response_description="Done.",
    responses=UNKNOWN,
)
async def mark_own(message: UUID, own: Own, pool: WholeDatabase) -> None:
    """It stays in the inbox."""
    async with pool.acquire() as conn:
        await mark_read(conn, own, message, now=datetime.now(UTC))


@router.get(
    "/oncall/people/{name}/inbox",
    operation_id="readInboxOf",
    summary="Read the inbox of somebody on call",
    response_description="The messages.",
)
async def read_of(
    name: Person,
    _viewer: Viewer,
    pool: WholeDatabase,
    *,
    unread: Unread = False,
    before: Before = None,
    limit: Limit = 20,
) -> InboxDocument:
    """Every page is in it, whatever other targets the person has."""
    return await _read(pool, name, before, is_unread=unread, limit=limit)


@router.post(
    "/oncall/people/{name}/inbox/{message}/read",
    operation_id="markReadOf",
    summary="Mark a message of somebody on call as read",
    status_code=204,
    response_class=Response,
    response_description="Done.",
    responses=UNKNOWN,
)
async def mark_of(name: Person, message: UUID, _operator: Operator, pool: WholeDatabase) -> None:
    """Reading is not answering: acknowledge the incident, so that nobody further is paged."""
    async with pool.acquire() as conn:
        await mark_read(conn, name, message, now=datetime.now(UTC))


async def _read(pool: Pool, address: str, before: UUID | None, *, is_unread: bool, limit: int) -> InboxDocument:
    async with pool.acquire() as conn:
        found = await read_inbox(conn, address, before=before, is_unread=is_unread, limit=limit)
    return InboxDocument(items=[InboxMessageDocument.of(each) for each in found])
