"""API keys over HTTP: an organisation's own."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from quantum_scheduler.accounts import actions
from quantum_scheduler.accounts.actions import Doing
from quantum_scheduler.accounts.audit.model import AuditEntry
from quantum_scheduler.accounts.audit.record import record_audit
from quantum_scheduler.accounts.issue import issue_key, list_keys
from quantum_scheduler.accounts.key import read_key_id
from quantum_scheduler.accounts.login.store.person import find_person
from quantum_scheduler.accounts.login.tell import tell_person
from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.accounts.routes.describe import CONFLICT, UNKNOWN, takes
from quantum_scheduler.accounts.routes.document import KeyDocument, KeysDocument, NewKeyDocument
from quantum_scheduler.accounts.routes.door import Body, Desk, FromPlace, Keeper, needs
from quantum_scheduler.accounts.routes.request import KeyRequest, RotateRequest
from quantum_scheduler.accounts.scope import check_scope
from quantum_scheduler.problems.body import read_document_body

router = APIRouter(prefix="/v1/keys", tags=["Keys"])

Reader = Annotated[Principal, needs("keys:read")]
Writer = Annotated[Principal, needs("keys:write")]


@router.get("", operation_id="listKeys", summary="List keys", response_description="The organisation's keys.")
async def list_all(caller: Reader, desk: Desk) -> KeysDocument:
    """Newest first, also those that were revoked; a key itself is shown only when it is issued."""
    async with desk.pool.acquire() as conn:
        keys = await list_keys(conn, caller.org_id)
    return KeysDocument(items=[KeyDocument.of(key) for key in keys])


@router.post(
    "",
    operation_id="issueKey",
    summary="Issue a key",
    status_code=201,
    response_description="The key. It is shown this once.",
    responses=CONFLICT,
    openapi_extra=takes(KeyRequest, name="nightly", scopes=["jobs:read", "jobs:write"], expires_in_days=90),
)
async def issue(caller: Writer, desk: Desk, place: FromPlace, body: Body) -> NewKeyDocument:
    """A key can do no more than whoever issues it."""
    asked = read_document_body(KeyRequest, body)
    for scope in asked.scopes:
        check_scope(caller, scope)
    days = asked.expires_in_days
    async with desk.pool.acquire() as conn, conn.transaction():
        text = await issue_key(
            conn,
            caller.org_id,
            peppers=desk.peppers,
            name=asked.name,
            scopes=sorted(set(asked.scopes)),
            expires_at=None if days is None else desk.now() + timedelta(days=days),
            created_by=caller.user_id,
        )
        key_id = read_key_id(text)
        said = {"name": asked.name, "scopes": asked.scopes}
        await record_audit(conn, AuditEntry.by(caller, "keys.issue", f"key:{key_id}", detail=said))
        person = None if caller.user_id is None else await find_person(conn, caller.user_id)
    if person is not None:
        tell_person(desk, person.email, "key", place)
    return NewKeyDocument(id=key_id, key=text)


@router.delete(
    "/{key_id}",
    operation_id="revokeKey",
    summary="Revoke a key",
    status_code=204,
    response_description="No process lets the key in any more.",
    responses=UNKNOWN,
)
async def revoke(key_id: UUID, caller: Writer, desk: Desk, keeper: Keeper) -> Response:
    """It may be done twice."""
    async with desk.pool.acquire() as conn, conn.transaction():
        await actions.revoke_key(conn, key_id, Doing(by=caller, now=desk.now()), org_id=caller.org_id)
    keeper.forget()
    return Response(status_code=204)


async def _find_own(key_id: UUID, caller: Writer, desk: Desk) -> UUID:
    """Whose key is not there is told so before the body is read."""
    async with desk.pool.acquire() as conn, conn.transaction():
        await actions.check_key(conn, key_id, caller.org_id)
    return key_id


@router.post(
    "/{key_id}/rotate",
    operation_id="rotateKey",
    summary="Replace a key",
    status_code=201,
    response_description="The key that comes in its place. It is shown this once.",
    responses=UNKNOWN | CONFLICT,
    openapi_extra=takes(RotateRequest, leaked=False),
)
async def rotate(
    key_id: Annotated[UUID, Depends(_find_own)], caller: Writer, desk: Desk, keeper: Keeper, body: Body
) -> NewKeyDocument:
    """The old key works for 24 hours more, unless it leaked."""
    leaked = read_document_body(RotateRequest, body).leaked
    doing = Doing(by=caller, now=desk.now())
    async with desk.pool.acquire() as conn, conn.transaction():
        rotated = await actions.rotate_key(
            conn, key_id, doing, peppers=desk.peppers, leaked=leaked, org_id=caller.org_id
        )
    keeper.forget()
    return NewKeyDocument(id=rotated.id, key=rotated.text)
