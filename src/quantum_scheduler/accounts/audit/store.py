"""Every SQL statement of the audit log."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from quantum_scheduler.accounts.audit.model import AuditEntry, ChainedEntry
from quantum_scheduler.postgres.connect import Connection

# Who appends waits for whoever appended before to commit, so that the chain has one order.
LOCK_HEAD = "SELECT seq, hash, clock_timestamp() AS at FROM audit_head FOR UPDATE"

READ_HEAD = "SELECT seq, hash FROM audit_head"

INSERT_ENTRY = """
WITH moved AS (UPDATE audit_head SET seq = $1, hash = $11)
INSERT INTO audit_entry (seq, at, action, org_id, user_id, key_id, subject, detail, incident_id, network, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""

READ_ENTRIES = """
SELECT seq, at, action, org_id, user_id, key_id, subject, detail, incident_id, network, hash
FROM audit_entry WHERE seq > $1 ORDER BY seq LIMIT $2
"""

LIST_ENTRIES = """
SELECT seq, at, action, org_id, user_id, key_id, subject, detail, incident_id, network, hash
FROM audit_entry
WHERE ($1::uuid IS NULL OR org_id = $1) AND ($2::bigint IS NULL OR seq < $2) AND ($3::text IS NULL OR action = $3)
ORDER BY seq DESC LIMIT $4
"""

LIST_SINCE = """
SELECT seq, at, action, org_id, user_id, key_id, subject, detail, incident_id, network, hash
FROM audit_entry
WHERE seq > (SELECT seq FROM audit_head) - $2 AND at > $1 AND action !~ '^login[.]'
    AND incident_id IS NULL ORDER BY seq DESC LIMIT $3
"""

FIND_LATEST = """
SELECT seq, at, action, org_id, user_id, key_id, subject, detail, incident_id, network, hash
FROM audit_entry WHERE subject = $1 ORDER BY seq DESC LIMIT 1
"""


async def lock_head(conn: Connection) -> tuple[int, bytes, datetime]:
    """Hold the end of the log until the transaction ends: the last entry's number and hash, and the time."""
    row = await conn.fetchrow(LOCK_HEAD)
    assert row is not None, "the migration wrote it and a trigger keeps it"
    return row["seq"], row["hash"], row["at"]


async def read_head(conn: Connection) -> tuple[int, bytes]:
    """The last entry's number and hash."""
    row = await conn.fetchrow(READ_HEAD)
    assert row is not None, "the migration wrote it and a trigger keeps it"
    return row["seq"], row["hash"]


async def insert_entry(conn: Connection, chained: ChainedEntry) -> None:
    """Append an entry to the log whose end is held."""
    entry = chained.entry
    await conn.execute(
        INSERT_ENTRY,
        chained.seq,
        chained.at,
        entry.action,
        entry.org_id,
        entry.user_id,
        entry.key_id,
        entry.subject,
        entry.detail,
        entry.incident_id,
        entry.network,
        chained.hash,
    )


async def read_entries(conn: Connection, *, after: int, limit: int) -> Sequence[ChainedEntry]:
    """The entries after number `after`, in order."""
    return [_chained(row) for row in await conn.fetch(READ_ENTRIES, after, limit)]


async def list_entries(
    conn: Connection, *, org_id: UUID | None, before: int | None, action: str | None, limit: int
) -> Sequence[ChainedEntry]:
    """The newest entries before number `before`, of one organisation or of all."""
    return [_chained(row) for row in await conn.fetch(LIST_ENTRIES, org_id, before, action, limit)]


async def list_since(conn: Connection, since: datetime, *, looked_at_max: int, limit: int) -> Sequence[ChainedEntry]:
    """The newest entries since then but those of logins and incidents, among the last `looked_at_max`."""
    return [_chained(row) for row in await conn.fetch(LIST_SINCE, since, looked_at_max, limit)]


async def find_latest(conn: Connection, subject: str) -> ChainedEntry | None:
    """The newest entry on a subject."""
    row = await conn.fetchrow(FIND_LATEST, subject)
    return None if row is None else _chained(row)


def _chained(row: Record) -> ChainedEntry:
    fields = dict(row)
    place = {name: fields.pop(name) for name in ("seq", "at", "hash")}
    return ChainedEntry(entry=AuditEntry(**fields), **place)
