"""The audit log over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query

from quantum_scheduler.accounts.audit.read import list_audit
from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.accounts.routes.document import AuditEntryDocument, AuditPageDocument
from quantum_scheduler.accounts.routes.door import Desk, needs

PER_PAGE = 50
PER_PAGE_MAX = 500

router = APIRouter(prefix="/v1/audit", tags=["Audit"])


@router.get("", operation_id="listAudit", summary="Read the audit log", response_description="A page, newest first.")
async def list_page(
    caller: Annotated[Principal, needs("audit:read")],
    desk: Desk,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="Only entries before this number.")] = None,
    action: Annotated[str | None, Query(max_length=100, pattern=r"^[a-z._]+$", description="Only these.")] = None,
    limit: Annotated[int, Query(ge=1, le=PER_PAGE_MAX)] = PER_PAGE,
) -> AuditPageDocument:
    """An organisation reads what was done in it, the one that runs the installation reads everything."""
    org_id = None if caller.is_staff else caller.org_id
    async with desk.pool.acquire() as conn:
        entries = await list_audit(conn, org_id=org_id, before=before, action=action, limit=limit)
    return AuditPageDocument(
        items=[AuditEntryDocument.of(entry) for entry in entries],
        next_before=entries[-1].seq if len(entries) == limit else None,
    )
