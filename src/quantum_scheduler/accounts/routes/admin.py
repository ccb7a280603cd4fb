"""What those who run the installation do to accounts, over HTTP. Each may be done twice, and is in the audit log.

Plans, multipliers and quotas are changed where they are shown: in `limits/routes.py` and `quota/routes.py`.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from quantum_scheduler.accounts import actions
from quantum_scheduler.accounts.actions import Doing, Target
from quantum_scheduler.accounts.login.desk import LoginDesk
from quantum_scheduler.accounts.login.store.person import find_person
from quantum_scheduler.accounts.login.tell import tell_person
from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.accounts.routes.describe import CONFLICT, UNKNOWN, takes
from quantum_scheduler.accounts.routes.document import ChangedDocument, NewKeyDocument, SigningDocument
from quantum_scheduler.accounts.routes.door import Body, Desk, Keeper, needs
from quantum_scheduler.accounts.routes.request import (
    AdminRequest,
    AdminRotateRequest,
    BlockRequest,
    ProofRequest,
    SecondFactorRequest,
    TargetRequest,
    UserRequest,
)
from quantum_scheduler.problems.body import read_document_body

router = APIRouter(prefix="/v1/admin", tags=["Administration"])

Operator = Annotated[Principal, needs("ops:write")]
# A new key lets its reader in as whoever it is for: that is for admins, not for operators.
KeyWriter = Annotated[Principal, needs("keys:write")]
# Without their factor a password is enough to be them.
UserWriter = Annotated[Principal, needs("users:write")]

WHO = "00000000-0000-7000-8000-0000000000aa"
INCIDENT = "incident-2026-11-22-001"


@router.post(
    "/accounts/block",
    operation_id="blockAccount",
    summary="Block a user, an organisation or a network",
    response_description="Whether that is new.",
    responses=UNKNOWN | CONFLICT,
    openapi_extra=takes(BlockRequest, network="198.51.100.0/24", reason="guesses passwords", incident_id=INCIDENT),
)
async def block(caller: Operator, desk: Desk, keeper: Keeper, body: Body) -> ChangedDocument:
    """Sessions, tokens and keys are worthless at once, in every process; a network is let in again after `for_s`."""
    asked = read_document_body(BlockRequest, body)
    async with desk.pool.acquire() as conn, conn.transaction():
        doing = _doing(desk, caller, asked)
        changed = await actions.block(conn, _target(asked), asked.reason, doing, for_s=asked.for_s)
    keeper.forget()
    return ChangedDocument(changed=changed)


@router.post(
    "/accounts/unblock",
    operation_id="unblockAccount",
    summary="Let a user, an organisation or a network in again",
    response_description="Whether that is new.",
    responses=UNKNOWN,
    openapi_extra=takes(TargetRequest, network="198.51.100.0/24", incident_id=INCIDENT),
)
async def unblock(caller: Operator, desk: Desk, keeper: Keeper, body: Body) -> ChangedDocument:
    """What a block has ended stays ended: who was blocked logs in anew."""
    asked = read_document_body(TargetRequest, body)
    async with desk.pool.acquire() as conn, conn.transaction():
        changed = await actions.unblock(conn, _target(asked), _doing(desk, caller, asked))
    keeper.forget()
    return ChangedDocument(changed=changed)


@router.post(
    "/accounts/unlock",
    operation_id="unlockAccount",
    summary="Give a user the budget for untrusted devices back",
    response_description="Whether any of it was spent.",
    responses=UNKNOWN,
    openapi_extra=takes(UserRequest, user=WHO, incident_id=INCIDENT),
)
async def unlock(caller: Operator, desk: Desk, body: Body) -> ChangedDocument:
    """Trusted devices have budgets of their own, which nobody else can spend."""
    asked = read_document_body(UserRequest, body)
    async with desk.pool.acquire() as conn, conn.transaction():
        changed = await actions.unlock(conn, asked.user, _doing(desk, caller, asked))
    return ChangedDocument(changed=changed)


@router.post(
    "/accounts/require-proof-of-work",
    operation_id="requireProofOfWork",
    summary="Have every untrusted device work for its login",
    response_description="Whether that is new.",
    openapi_extra=takes(ProofRequest, for_s=3600.0, incident_id=INCIDENT),
)
async def require_proof(caller: Operator, desk: Desk, body: Body) -> ChangedDocument:
    """Besides this it is asked for by itself while more than a tenth of the attempts fail."""
    asked = read_document_body(ProofRequest, body)
    async with desk.pool.acquire() as conn, conn.transaction():
        doing = _doing(desk, caller, asked)
        changed = await actions.require_proof_of_work(conn, doing, for_s=asked.for_s)
    return ChangedDocument(changed=changed)


@router.post(
    "/accounts/require-second-factor",
    operation_id="requireSecondFactor",
    summary="Ask for a second factor of those who look after an organisation",
    response_description="Whether that is new.",
    responses=UNKNOWN,
    openapi_extra=takes(SecondFactorRequest, organisation=WHO, is_required=True),
)
async def require_factor(caller: Operator, desk: Desk, keeper: Keeper, body: Body) -> ChangedDocument:
    """Operators, finance people and admins whose session has shown none may only set one; customers go on."""
    asked = read_document_body(SecondFactorRequest, body)
    async with desk.pool.acquire() as conn, conn.transaction():
        doing = _doing(desk, caller, asked)
        changed = await actions.require_second_factor(conn, asked.organisation, doing, is_required=asked.is_required)
    keeper.forget()
    return ChangedDocument(changed=changed)


@router.post(
    "/accounts/remove-second-factor",
    operation_id="removeSecondFactor",
    summary="Remove a second factor that somebody has lost",
    response_description="Whether one was set.",
    responses=UNKNOWN,
    openapi_extra=takes(UserRequest, user=WHO, incident_id=INCIDENT),
)
async def remove_factor(
    caller: Operator, _admin: UserWriter, desk: Desk, keeper: Keeper, body: Body
) -> ChangedDocument:
    """Make sure first that it is them who ask. Their sessions end, they are told, and log in with the password."""
    asked = read_document_body(UserRequest, body)
    async with desk.pool.acquire() as conn, conn.transaction():
        changed = await actions.remove_second_factor(conn, asked.user, _doing(desk, caller, asked))
        person = await find_person(conn, asked.user)
    keeper.forget()
    if changed and person is not None:
        tell_person(desk, person.email, "second_factor_removed")
    return ChangedDocument(changed=changed)


@router.post(
    "/keys/{key_id}/revoke",
    operation_id="revokeAnyKey",
    summary="Revoke a key of any organisation",
    response_description="Whether that is new.",
    responses=UNKNOWN,
    openapi_extra=takes(AdminRequest, incident_id=INCIDENT),
)
async def revoke(key_id: UUID, caller: Operator, desk: Desk, keeper: Keeper, body: Body) -> ChangedDocument:
    """No process lets it in any more."""
    asked = read_document_body(AdminRequest, body)
    async with desk.pool.acquire() as conn, conn.transaction():
        changed = await actions.revoke_key(conn, key_id, _doing(desk, caller, asked))
    keeper.forget()
    return ChangedDocument(changed=changed)


@router.post(
    "/keys/{key_id}/rotate",
    operation_id="rotateAnyKey",
    summary="Replace a key of any organisation",
    status_code=201,
    response_description="The key that comes in its place. It is shown this once.",
    responses=UNKNOWN | CONFLICT,
    openapi_extra=takes(AdminRotateRequest, leaked=True, incident_id=INCIDENT),
)
async def rotate(
    key_id: UUID, caller: Operator, _admin: KeyWriter, desk: Desk, keeper: Keeper, body: Body
) -> NewKeyDocument:
    """The old key works for 24 hours more, unless it leaked."""
    asked = read_document_body(AdminRotateRequest, body)
    async with desk.pool.acquire() as conn, conn.transaction():
        rotated = await actions.rotate_key(
            conn, key_id, _doing(desk, caller, asked), peppers=desk.peppers, leaked=asked.leaked
        )
    keeper.forget()
    return NewKeyDocument(id=rotated.id, key=rotated.text)


@router.post(
    "/jwt/rotate",
    operation_id="rotateSigningKey",
    summary="Sign access tokens with the next key",
    response_description="The keys.",
    responses=CONFLICT,
    openapi_extra=takes(AdminRotateRequest, leaked=False, incident_id=INCIDENT),
)
async def rotate_signing(caller: Operator, desk: Desk, keeper: Keeper, body: Body) -> SigningDocument:
    """Tokens stay good until they expire, unless the key leaked: then all that it has signed are worthless at once."""
    asked = read_document_body(AdminRotateRequest, body)
    async with desk.pool.acquire() as conn, conn.transaction():
        rotation = await actions.rotate_signing_key(
            conn, _doing(desk, caller, asked), peppers=desk.peppers, leaked=asked.leaked
        )
    keeper.forget()
    return SigningDocument(active=rotation.active, retiring=rotation.retiring, withdrawn=rotation.withdrawn)


def _target(asked: TargetRequest) -> Target:
    return Target(user_id=asked.user, org_id=asked.organisation, network=asked.network)


def _doing(desk: LoginDesk, caller: Principal, asked: AdminRequest) -> Doing:
    return Doing(by=caller, incident_id=asked.incident_id, now=desk.now())
