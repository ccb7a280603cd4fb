"""The audit log: written with what it tells of, in one chain, and nothing in it can be changed unseen."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from quantum_scheduler.accounts.audit.model import AuditEntry
from quantum_scheduler.accounts.audit.record import record_audit
from quantum_scheduler.accounts.audit.verify import AuditCheck, verify_audit
from quantum_scheduler.postgres.connect import Pool


async def record(pool: Pool, *entries: AuditEntry) -> None:
    async with pool.acquire() as conn, conn.transaction():
        for entry in entries:
            await record_audit(conn, entry)


async def verify(pool: Pool) -> AuditCheck:
    async with pool.acquire() as conn:
        return await verify_audit(conn)


async def tamper(pool: Pool, statement: str) -> None:
    """Do what only who owns the database can: switch the triggers off first."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SET LOCAL session_replication_role = replica")
        await conn.execute(statement)


def entry(number: int = 0) -> AuditEntry:
    detail = {"number": number, "share": 0.1, "name": "Zoë", "list": (1, 2), "none": None}
    return AuditEntry(action="keys.revoke", subject=f"key:{number}", org_id=uuid4(), detail=detail, incident_id="INC-1")


async def test_entries_of_many_writers_make_one_chain_that_holds(pool: Pool) -> None:
    await asyncio.gather(*(record(pool, entry(at), entry(at)) for at in range(10)))
    check = await verify(pool)
    assert (check.entries, check.broken) == (20, None)
    assert len(check.head) == 64


async def test_an_entry_is_there_only_if_what_it_tells_of_was_done(pool: Pool) -> None:
    async with pool.acquire() as conn:
        undone = conn.transaction()
        await undone.start()
        await record_audit(conn, entry())
        await undone.rollback()
    await record(pool, entry())
    assert await verify(pool) == AuditCheck(entries=1, head=(await verify(pool)).head, broken=None)


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entry SET subject = ''", "DELETE FROM audit_entry", "TRUNCATE audit_entry"]
)
async def test_what_is_written_cannot_be_changed(pool: Pool, statement: str) -> None:
    await record(pool, entry())
    async with pool.acquire() as conn:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await conn.execute(statement)


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE audit_entry SET subject = 'key:9' WHERE seq = 2", "entry 2 was changed"),
        ("UPDATE audit_entry SET at = at + interval '1 second' WHERE seq = 3", "entry 3 was changed"),
        ("UPDATE audit_entry SET detail = '{}' WHERE seq = 1", "entry 1 was changed"),
        ("UPDATE audit_entry SET hash = sha256('x') WHERE seq = 3", "entry 3 was changed"),
        ("DELETE FROM audit_entry WHERE seq = 2", "entry 2 is missing"),
        ("DELETE FROM audit_entry WHERE seq = 3", "entries after 2 are missing"),
    ],
)
async def test_whatever_is_changed_behind_its_back_is_found(pool: Pool, statement: str, broken: str) -> None:
    await record(pool, entry(1), entry(2), entry(3))
    await tamper(pool, statement)
    assert (await verify(pool)).broken == broken


async def test_a_detail_that_is_too_large_or_no_json_is_refused(pool: Pool) -> None:
    for detail in ({"x": "y" * 20_000}, {"x": float("nan")}):
        with pytest.raises(ValueError, match=r"bytes|JSON"):
            await record(pool, AuditEntry(action="keys.revoke", detail=detail))
