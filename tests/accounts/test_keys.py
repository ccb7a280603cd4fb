"""Keys: how they are written, what they open, and that the local one is made once."""

import asyncio
from uuid import UUID, uuid4

import pytest

from quantum_scheduler.accounts.authenticate import authenticate
from quantum_scheduler.accounts.issue import ensure_local_key, issue_key
from quantum_scheduler.accounts.key import SECRET_BYTES, read_key_id, write_key
from quantum_scheduler.accounts.model import LOCAL_ORG_ID, KeyMissing, KeyUnknown
from quantum_scheduler.postgres.connect import Pool

KEY = write_key(UUID(int=7), bytes(range(SECRET_BYTES)))


def test_a_key_holds_its_id_a_secret_of_192_bits_and_a_checksum() -> None:
    assert KEY == (
        "qsk_live_00000000000000000000000000000007_000102030405060708090a0b0c0d0e0f1011121314151617_7bc2c8d0"
    )
    assert read_key_id(KEY) == UUID(int=7)


def test_a_key_with_one_wrong_character_is_refused_without_asking_the_database() -> None:
    for at, letter in enumerate(KEY):
        mistyped = KEY[:at] + "10"[letter == "1"] + KEY[at + 1 :]
        with pytest.raises(KeyUnknown):
            read_key_id(mistyped)


@pytest.mark.parametrize("text", ["", "x", "qsk_live_", KEY[:-1], KEY + "0", KEY.upper(), KEY + "\n", "qsk_live_é"])
def test_what_is_no_key_at_all_is_refused(text: str) -> None:
    with pytest.raises(KeyUnknown):
        read_key_id(text)


async def test_a_key_opens_the_door_to_its_own_organisation(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        key = await ensure_local_key(conn)
        assert key is not None
        principal = await authenticate(conn, key)
    assert principal.org_id == LOCAL_ORG_ID
    assert principal.key_id == read_key_id(key)


@pytest.mark.parametrize("nothing", [None, ""])
async def test_no_key_is_told_from_a_wrong_one(pool: Pool, nothing: str | None) -> None:
    async with pool.acquire() as conn:
        with pytest.raises(KeyMissing):
            await authenticate(conn, nothing)


async def test_a_key_with_the_right_id_and_another_secret_opens_nothing(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        key = await ensure_local_key(conn)
        assert key is not None
        forged = write_key(read_key_id(key), bytes(SECRET_BYTES))
        with pytest.raises(KeyUnknown):
            await authenticate(conn, forged)


async def test_a_revoked_key_opens_nothing(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        key = await ensure_local_key(conn)
        await conn.execute("UPDATE api_key SET revoked_at = now()")
        with pytest.raises(KeyUnknown):
            await authenticate(conn, key)


async def test_the_local_key_is_made_once_however_many_start_together(pool: Pool) -> None:
    async def start() -> str | None:
        async with pool.acquire() as conn, conn.transaction():
            return await ensure_local_key(conn)

    made = await asyncio.gather(*(start() for _ in range(8)))
    assert len([key for key in made if key is not None]) == 1


async def test_a_local_key_that_was_never_committed_is_made_again(pool: Pool) -> None:
    async with pool.acquire() as conn:
        crash = conn.transaction()
        await crash.start()
        lost = await ensure_local_key(conn)
        await crash.rollback()
        async with conn.transaction():
            kept = await ensure_local_key(conn)
    assert None not in (lost, kept)
    assert lost != kept


async def test_the_clear_key_is_stored_nowhere(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        key = await ensure_local_key(conn)
        assert key is not None
        row = await conn.fetchrow("SELECT * FROM api_key")
    assert key not in str(row)
    assert row is not None
    assert row["hint"] == key[-4:]


async def test_an_organisation_may_have_several_keys(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        org_id = uuid4()
        await conn.execute("INSERT INTO organisation (id, name) VALUES ($1, 'other')", org_id)
        keys = [await issue_key(conn, org_id) for _ in range(2)]
        principals = [await authenticate(conn, key) for key in keys]
    assert len(set(keys)) == 2
    assert {principal.org_id for principal in principals} == {org_id}
