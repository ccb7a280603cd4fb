"""Read the audit log."""

from collections.abc import Sequence
from uuid import UUID

from quantum_scheduler.accounts.audit import store
from quantum_scheduler.accounts.audit.model import ChainedEntry
from quantum_scheduler.postgres.connect import Connection


async def list_audit(
    conn: Connection, *, org_id: UUID | None, before: int | None, action: str | None, limit: int
) -> Sequence[ChainedEntry]:
    """The newest entries before number `before`, of one organisation or of all."""
    return await store.list_entries(conn, org_id=org_id, before=before, action=action, limit=limit)
