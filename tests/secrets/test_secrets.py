from collections.abc import Mapping
from pathlib import Path

import pytest

from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.secrets import actions
from quantum_scheduler.secrets.model import SealedSecret, SecretInvalid, SecretRefused, SecretsLocked, SecretUnknown
from quantum_scheduler.secrets.reveal import reveal, reveal_surely
from quantum_scheduler.secrets.seal import Keyring, find_keyring

KEYRING = Keyring(b"k" * 32)
NAME = "DYNEX_SDK_KEY"


async def states(pool: Pool) -> dict[int, str]:
    async with pool.acquire() as conn:
        return {each.version: each.state for each in await actions.list_secrets(conn)}


async def value(pool: Pool, *, is_next: bool = False) -> str:
    async with pool.acquire() as conn:
        return (await reveal(conn, lambda: KEYRING, "dynex", is_next=is_next))[NAME]


async def test_a_secret_is_rotated_promoted_and_restored_without_a_restart(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await actions.put(conn, KEYRING, NAME, "first")
        await actions.rotate(conn, KEYRING, NAME, "second")
        assert (await value(pool), await value(pool, is_next=True)) == ("first", "second")
        assert await states(pool) == {1: "current", 2: "next"}
        for _ in range(2):
            await actions.promote(conn, NAME)
        assert (await value(pool), await states(pool)) == ("second", {1: "previous", 2: "current"})
        for _ in range(2):
            await actions.restore(conn, NAME)
        assert (await value(pool), await states(pool)) == ("first", {1: "current", 2: "next"})


async def test_no_more_than_two_versions_are_live(pool: Pool) -> None:
    async with pool.acquire() as conn:
        for number in range(5):
            await actions.put(conn, KEYRING, NAME, f"value {number}")
            await actions.rotate(conn, KEYRING, NAME, f"next {number}")
        assert sorted((await states(pool)).values()) == ["current", "next"]
        assert await actions.remove(conn, NAME) == 2
        assert await reveal(conn, lambda: KEYRING, "dynex") == {}


async def test_the_same_rotation_twice_is_one(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await actions.put(conn, KEYRING, NAME, "first")
        assert await actions.rotate(conn, KEYRING, NAME, "new") == await actions.rotate(conn, KEYRING, NAME, "new")


async def test_what_is_verified_is_the_version_to_come_and_a_refusal_changes_nothing(pool: Pool) -> None:
    shown: list[Mapping[str, str]] = []

    async def check(backend: str, credentials: Mapping[str, str]) -> str:
        shown.append(credentials)
        return "" if credentials[NAME] == "right" else "auth: refused"

    async with pool.acquire() as conn:
        await actions.put(conn, KEYRING, NAME, "first")
        await actions.rotate(conn, KEYRING, NAME, "wrong")
        with pytest.raises(SecretRefused, match="dynex does not take version 2 of DYNEX_SDK_KEY: auth: refused"):
            await actions.verify(conn, KEYRING, NAME, check)
        await actions.rotate(conn, KEYRING, NAME, "right")
        verified = await actions.verify(conn, KEYRING, NAME, check)
        newest = [each for each in await actions.list_secrets(conn) if each.state == "next"]
    assert [each[NAME] for each in shown] == ["wrong", "right"]
    assert verified.version == newest[0].version
    assert newest[0].verified_at is not None
    assert await value(pool) == "first"


async def test_the_database_holds_nothing_that_can_be_read_without_the_key(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await actions.put(conn, KEYRING, NAME, "a very secret value")
        sealed: bytes = await conn.fetchval("SELECT sealed FROM secret")
        assert b"secret value" not in sealed
        with pytest.raises(SecretsLocked, match="another key"):
            await reveal(conn, lambda: Keyring(b"x" * 32), "dynex")
        with pytest.raises(SecretsLocked, match="no key"):
            await reveal(conn, lambda: None, "dynex")
        assert await reveal_surely(conn, lambda: None, "dynex") == {}
    with pytest.raises(SecretsLocked):
        KEYRING.open(SealedSecret(name="ANOTHER_NAME", version=1, sealed=sealed))


@pytest.mark.parametrize(
    ("name", "text"), [("lower", "x"), ("NAME", ""), ("DYNEX_SDK_KEY", "two\nlines"), ("MINE", "x")]
)
async def test_what_cannot_be_a_secret_is_refused_without_being_repeated(pool: Pool, name: str, text: str) -> None:
    async with pool.acquire() as conn:
        with pytest.raises(SecretInvalid) as raised:
            await actions.put(conn, KEYRING, name, text)
    assert "two" not in str(raised.value)


async def test_what_is_not_there_cannot_be_promoted_or_restored(pool: Pool) -> None:
    async with pool.acquire() as conn:
        with pytest.raises(SecretUnknown):
            await actions.promote(conn, NAME)
        with pytest.raises(SecretUnknown):
            await actions.restore(conn, NAME)


def test_the_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    assert find_keyring(None, tmp_path, may_make=False) is None
    first = find_keyring(None, tmp_path, may_make=True)
    second = find_keyring(None, tmp_path, may_make=True)
    assert first is not None
    assert second is not None
    sealed = SealedSecret(name=NAME, version=1, sealed=first.seal(NAME, 1, "value"))
    assert second.open(sealed) == "value"
    path = tmp_path / "secrets-key"
    assert path.stat().st_mode & 0o777 == 0o600
    other = find_keyring("eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=", tmp_path, may_make=False)
    assert other is not None
    with pytest.raises(SecretsLocked):
        other.open(sealed)
    path.chmod(0o644)
    with pytest.raises(SecretsLocked, match="chmod 600"):
        find_keyring(None, tmp_path, may_make=False)


def test_a_key_that_is_none_is_refused_without_being_repeated(tmp_path: Path) -> None:
    for text in ("c2hvcnQ=", "not base64 at all!"):
        with pytest.raises(SecretsLocked) as raised:
            find_keyring(text, tmp_path, may_make=False)
        assert text not in str(raised.value)
