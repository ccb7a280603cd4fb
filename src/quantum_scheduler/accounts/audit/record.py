"""Write down what is done, in the transaction that does it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from quantum_scheduler.accounts.audit import store
from quantum_scheduler.accounts.audit.model import AuditEntry, ChainedEntry, chain
from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.postgres.connect import Connection

DETAIL_BYTES_MAX = 16_384


async def record_audit(conn: Connection, entry: AuditEntry) -> None:
    """Append an entry to the log. Joins the caller's transaction, which must be open: both happen or neither does.

    From here until the commit every other entry waits, so record last. Raises ValueError for a detail that is not
    JSON or has more than `DETAIL_BYTES_MAX` bytes.
    """
    detail = json.dumps(dict(entry.detail), allow_nan=False)
    if len(detail) > DETAIL_BYTES_MAX:
        raise ValueError(f"the detail of an audit entry has at most {DETAIL_BYTES_MAX:,} bytes")
    entry = replace(entry, detail=json.loads(detail))  # as it will be read again
    seq, previous, at = await store.lock_head(conn)
    hash_ = chain(previous, seq + 1, at, entry)
    await store.insert_entry(conn, ChainedEntry(seq=seq + 1, at=at, entry=entry, hash=hash_))


async def record_action(
    conn: Connection,
    action: str,
    subject: str,
    detail: Mapping[str, Any],
    *,
    by: Principal | None,
    incident_id: str | None,
) -> None:
    """Append what somebody did, or with nobody in `by` what the service or its command line did, as `record_audit`."""
    if by is None:
        entry = AuditEntry(action=action, subject=subject, detail=detail, incident_id=incident_id)
    else:
        entry = AuditEntry.by(by, action, subject, detail=detail, incident_id=incident_id)
    await record_audit(conn, entry)
