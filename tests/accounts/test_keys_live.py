"""Keys as programs use them: known for a moment, forgotten at once, replaced without a gap."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from tests.accounts.house import PEPPERS, House

from quantum_scheduler.accounts import actions
from quantum_scheduler.accounts.actions import BlockRefused, Doing, Target
from quantum_scheduler.accounts.authenticate import authenticate
from quantum_scheduler.accounts.doorkeeper import FRESH_S, Doorkeeper
from quantum_scheduler.accounts.issue import KEYS_MAX, ensure_local_key, issue_key
from quantum_scheduler.accounts.key import read_key_id
from quantum_scheduler.accounts.model import LOCAL_ORG_ID, AccessBlocked, KeyUnknown
from quantum_scheduler.accounts.organisation import ApiKeyRevoked, TooManyKeys
from quantum_scheduler.accounts.pepper import PepperInvalid, Peppers, read_peppers, register_peppers, write_peppers
from quantum_scheduler.accounts.scope import SCOPES
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.postgres.listen import Listener

WATCHER = Path(__file__).with_name("watch_key.py")


@asynccontextmanager
async def doorkeeper(pool: Pool, dsn: str) -> AsyncIterator[Doorkeeper]:
    async with Listener(dsn) as listener, Doorkeeper(pool, listener, peppers=PEPPERS) as opened:
        yield opened


async def make_key(pool: Pool) -> str:
    async with pool.acquire() as conn, conn.transaction():
        org_id = await conn.fetchval("INSERT INTO organisation (name) VALUES ('Acme') RETURNING id")
        return await issue_key(conn, org_id, peppers=PEPPERS)


async def test_a_revoked_key_is_worthless_in_another_process(pool: Pool, dsn: str) -> None:
    key = await make_key(pool)
    watcher = await asyncio.create_subprocess_exec(
        sys.executable, str(WATCHER), dsn, key, write_peppers(PEPPERS), stdout=subprocess.PIPE
    )
    assert watcher.stdout is not None
    assert (await asyncio.wait_for(watcher.stdout.readline(), 60)).strip() == b"known"
    async with pool.acquire() as conn, conn.transaction():
        await actions.revoke_key(conn, read_key_id(key), Doing(now=_now()))
    assert (await asyncio.wait_for(watcher.stdout.readline(), 60)).strip() == b"refused"
    assert await watcher.wait() == 0


def _now() -> datetime:
    return datetime.now(UTC)


async def test_without_a_single_notice_a_revoked_key_is_known_for_less_than_a_second(pool: Pool, dsn: str) -> None:
    """The listener hears nothing here, as behind a pooler that passes no notices on."""
    now = [100.0]
    key = await make_key(pool)
    deaf = Doorkeeper(pool, Listener(dsn), peppers=PEPPERS, monotonic=lambda: now[0])
    await deaf.admit(key)
    async with pool.acquire() as conn:
        await conn.execute("UPDATE api_key SET revoked_at = now()")
    now[0] += FRESH_S - 0.01
    await deaf.admit(key)
    now[0] += 0.02
    with pytest.raises(KeyUnknown):
        await deaf.admit(key)
    assert FRESH_S < 1.0


async def test_who_is_known_costs_the_database_nothing(pool: Pool, dsn: str) -> None:
    async with doorkeeper(pool, dsn) as door:
        key = await make_key(pool)
        first = await door.admit(key)
        idle = pool.get_idle_size()
        assert await door.admit(key) is first
        assert pool.get_idle_size() == idle


async def test_a_key_that_expires_is_not_known_for_longer(pool: Pool, dsn: str) -> None:
    key = await make_key(pool)
    async with pool.acquire() as conn:
        await conn.execute("UPDATE api_key SET expires_at = now() + interval '0.3 seconds'")
    door = Doorkeeper(pool, Listener(dsn), peppers=PEPPERS)
    await door.admit(key)
    await asyncio.sleep(0.4)
    with pytest.raises(KeyUnknown):
        await door.admit(key)


async def test_a_key_from_before_there_were_peppers_works_on_and_is_stored_anew(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        key = await ensure_local_key(conn)
        assert key is not None
        await conn.execute("UPDATE api_key SET scopes = '{all}'")
        principal = await authenticate(conn, key, peppers=PEPPERS)
        assert await conn.fetchval("SELECT pepper FROM api_key") == 1
        assert (await authenticate(conn, key, peppers=PEPPERS)).key_id == principal.key_id
        assert principal.scopes == frozenset(SCOPES)
        with pytest.raises(KeyUnknown):
            await authenticate(conn, key)


async def test_with_a_new_pepper_keys_are_stored_anew_as_they_are_used_and_the_old_one_may_go(pool: Pool) -> None:
    key = await make_key(pool)
    both = Peppers(secrets={**PEPPERS.secrets, 2: bytes(32)})
    newer = Peppers(secrets={2: bytes(32)})
    async with pool.acquire() as conn:
        with pytest.raises(KeyUnknown):
            await authenticate(conn, key, peppers=newer)
        await authenticate(conn, key, peppers=both)
        await authenticate(conn, key, peppers=newer)


async def test_two_hosts_with_different_peppers_are_told_so(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await register_peppers(conn, PEPPERS)
        await register_peppers(conn, PEPPERS)
        with pytest.raises(PepperInvalid, match="QUANTUM_SCHEDULER_PEPPERS"):
            await register_peppers(conn, Peppers(secrets={1: bytes(32)}))


@pytest.mark.parametrize(
    "text", ["", "1", "1:ab", "0:" + "0" * 64, "x:" + "0" * 64, "99999:" + "0" * 64, "1:" + "0" * 64 + ","]
)
def test_what_is_no_pepper_is_refused(text: str) -> None:
    with pytest.raises(PepperInvalid):
        read_peppers(text)


def test_peppers_are_written_as_they_are_read_and_shown_nowhere() -> None:
    both = Peppers(secrets={1: bytes(range(32)), 12: bytes(32)})
    assert read_peppers(write_peppers(both)) == both
    assert bytes(32).hex() not in repr(both)
    assert both.unseal("totp", both.seal("totp", b"secret")) == b"secret"
    with pytest.raises(PepperInvalid):
        both.unseal("oidc", both.seal("totp", b"secret"))
    assert both.digest("link", "x") != both.digest("session", "x")


async def test_a_rotated_key_works_for_a_day_and_a_leaked_one_no_longer(house: House) -> None:
    org_id = await house.add_organisation()
    admin = await house.add_key(org_id, "keys:read", "keys:write")
    async with house.visitor() as program:
        program.http.headers["Authorization"] = f"Bearer {admin}"
        for leaked in (False, True):
            old = await house.add_key(org_id)
            path = f"/v1/keys/{read_key_id(old)}/rotate"
            new = (await program.http.post(path, json={"leaked": leaked})).json()
            statuses = {
                name: (await program.http.get("/v1/me", headers={"Authorization": f"Bearer {key}"})).status_code
                for name, key in (("old", old), ("new", new["key"]))
            }
            assert statuses == {"old": 401 if leaked else 200, "new": 200}
            assert (await program.http.post(path, json={"leaked": leaked})).status_code == 409
            left = "SELECT extract(epoch FROM expires_at - now()) FROM api_key WHERE id = $1"
            assert await house.count(left, read_key_id(old)) <= (0 if leaked else 86_400)
        assert (await program.http.delete(f"/v1/keys/{UUID(new['id'])}")).status_code == 204
        assert (await program.http.delete(f"/v1/keys/{UUID(new['id'])}")).status_code == 204
    assert await house.list_actions() == ["keys.rotate", "keys.rotate", "keys.revoke", "keys.revoke"]


async def test_a_replaced_or_revoked_key_is_not_replaced_again(pool: Pool) -> None:
    key_id = read_key_id(await make_key(pool))
    doing = Doing(now=_now())
    async with pool.acquire() as conn, conn.transaction():
        await actions.rotate_key(conn, key_id, doing, peppers=PEPPERS, leaked=False)
        with pytest.raises(ApiKeyRevoked):
            await actions.rotate_key(conn, key_id, doing, peppers=PEPPERS, leaked=True)


async def test_an_organisation_has_so_many_keys_and_not_one_more(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        org_id = await conn.fetchval("INSERT INTO organisation (name) VALUES ('Acme') RETURNING id")
        for _ in range(KEYS_MAX):
            await issue_key(conn, org_id, peppers=PEPPERS)
        with pytest.raises(TooManyKeys):
            await issue_key(conn, org_id, peppers=PEPPERS)


async def test_whoever_is_blocked_may_not_enter_until_unblocked(house: House) -> None:
    org_id = await house.add_organisation()
    user_id = await house.add_user("ada@example.com", org_id=org_id)
    key = await house.add_key(org_id)
    doing = Doing(now=house.clock(), incident_id="INC-3")
    async with house.visitor() as ada, house.visitor() as program:
        await ada.enter("ada@example.com")
        program.http.headers["Authorization"] = f"Bearer {key}"
        for target, by_key in ((Target(user_id=user_id), 200), (Target(org_id=org_id), 403)):
            async with house.pool.acquire() as conn, conn.transaction():
                assert await actions.block(conn, target, "abuse", doing)
                assert not await actions.block(conn, target, "abuse", doing)
            house.api.state.doorkeeper.forget()
            assert (await ada.http.get("/v1/me")).status_code in (401, 403)
            assert (await ada.log_in("ada@example.com")).status_code in (401, 403)
            assert (await program.http.get("/v1/me")).status_code == by_key
            async with house.pool.acquire() as conn, conn.transaction():
                assert await actions.unblock(conn, target, doing)
                assert not await actions.unblock(conn, target, doing)
            house.api.state.doorkeeper.forget()
            await ada.enter("ada@example.com")
            assert (await program.http.get("/v1/me")).status_code == 200
    assert await house.count("SELECT count(*) FROM audit_entry WHERE incident_id = 'INC-3'") == 8


async def test_what_runs_the_installation_is_not_blocked(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        with pytest.raises(BlockRefused):
            await actions.block(conn, Target(org_id=LOCAL_ORG_ID), "why not", Doing(now=_now()))


async def test_operators_unlock_require_proofs_and_block_networks_and_it_is_all_audited(house: House) -> None:
    user_id = await house.add_user("ada@example.com")
    doing = Doing(now=house.clock(), incident_id="INC-9")
    async with house.visitor() as ada, house.pool.acquire() as conn:
        await ada.log_in("ada@example.com", "wrong")
        async with conn.transaction():
            assert await actions.unlock(conn, user_id, doing)
            assert not await actions.unlock(conn, user_id, doing)
            assert await actions.require_proof_of_work(conn, doing, for_s=600)
        assert (await ada.log_in("ada@example.com")).json()["type"] == "/problems/proof-missing"
        async with conn.transaction():
            assert await actions.require_proof_of_work(conn, doing, for_s=0)
            network = Target(network="198.51.100.0/24")
            assert await actions.block(conn, network, "noise", doing)
        assert (await ada.log_in("ada@example.com")).json()["type"] == "/problems/network-blocked"
        async with conn.transaction():
            assert await actions.unblock(conn, network, doing)
        assert (await ada.log_in("ada@example.com")).status_code == 200
    assert await house.count("SELECT count(*) FROM audit_entry WHERE incident_id = 'INC-9'") == 6


async def test_a_blocked_organisations_keys_are_told_so(pool: Pool) -> None:
    key = await make_key(pool)
    async with pool.acquire() as conn:
        await conn.execute("UPDATE organisation SET blocked_at = now()")
        with pytest.raises(AccessBlocked):
            await authenticate(conn, key, peppers=PEPPERS)
