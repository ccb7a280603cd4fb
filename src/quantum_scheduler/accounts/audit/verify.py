"""Check that nobody has changed the audit log."""

from dataclasses import dataclass

from quantum_scheduler.accounts.audit import store
from quantum_scheduler.accounts.audit.model import HASH_OF_NOTHING, chain
from quantum_scheduler.postgres.connect import Connection

ENTRIES_PER_READ = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCheck:
    """What a check of the log found: how many entries hold, and the first thing that does not.

    `head` is the last hash in hex. Keep it elsewhere: a log that was written anew as a whole has another one.
    """

    entries: int
    head: str
    broken: str | None


async def verify_audit(conn: Connection) -> AuditCheck:
    """Recompute the hash of every entry. Open a transaction with one snapshot around it, or nobody may append."""
    last_seq, last_hash = await store.read_head(conn)
    seq, previous = 0, HASH_OF_NOTHING
    while entries := await store.read_entries(conn, after=seq, limit=ENTRIES_PER_READ):
        for each in entries:
            if each.seq != seq + 1:
                return AuditCheck(entries=seq, head=previous.hex(), broken=f"entry {seq + 1} is missing")
            if chain(previous, each.seq, each.at, each.entry) != each.hash:
                return AuditCheck(entries=seq, head=previous.hex(), broken=f"entry {each.seq} was changed")
            seq, previous = each.seq, each.hash
    broken = None if (seq, previous) == (last_seq, last_hash) else f"entries after {seq} are missing"
    return AuditCheck(entries=seq, head=previous.hex(), broken=broken)
