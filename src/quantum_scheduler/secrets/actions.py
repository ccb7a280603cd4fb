"""What people and runbooks may do to secrets. A value is never shown, logged or part of an error."""

import re
from collections.abc import Awaitable, Callable, Mapping

from quantum_scheduler.backends.credentials import find_owner
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.secrets import store
from quantum_scheduler.secrets.model import (
    VALUE_LENGTH_MAX,
    SecretInvalid,
    SecretRefused,
    SecretState,
    SecretUnknown,
    SecretVersion,
)
from quantum_scheduler.secrets.reveal import reveal
from quantum_scheduler.secrets.seal import Keyring

NAME = re.compile(r"[A-Z][A-Z0-9_]{0,99}", re.ASCII)

# Asks a backend whether it takes these credentials: an empty text, or why not.
Check = Callable[[str, Mapping[str, str]], Awaitable[str]]


async def list_secrets(conn: Connection) -> list[SecretVersion]:
    """List every live version of every secret."""
    return await store.list_versions(conn)


async def put(conn: Connection, keyring: Keyring, name: str, value: str, *, backend: str | None = None) -> int:
    """`secrets.set`: use a value from now on, in every worker; the one before it can be restored. Its version.

    Raises SecretInvalid.
    """
    owner = _check(name, value, backend)
    async with conn.transaction():
        version = await _add(conn, keyring, name, value, owner, "next")
        await _promote(conn, name)
    return version


async def rotate(conn: Connection, keyring: Keyring, name: str, value: str, *, backend: str | None = None) -> int:
    """`secrets.rotate`: keep a new value beside the one in use, to verify and promote. Its version.

    The same value again changes nothing. Raises SecretInvalid.
    """
    owner = _check(name, value, backend)
    async with conn.transaction():
        await store.lock(conn, name)
        known = await store.read_secret(conn, name, "next")
        if known is not None and keyring.open(known) == value:
            return known.version
        return await _add(conn, keyring, name, value, owner, "next")


async def verify(conn: Connection, keyring: Keyring, name: str, check: Check) -> SecretVersion:
    """`secrets.verify`: ask the backend whether it takes the newest version, with its other secrets as they will be.

    Outside a transaction, because the vendor may take its time. Raises SecretUnknown, SecretRefused.
    """
    version = await _find_newest(conn, name)
    credentials = await reveal(conn, lambda: keyring, version.backend, is_next=version.state == "next")
    reason = await check(version.backend, credentials)
    if reason:
        raise SecretRefused(f"{version.backend} does not take version {version.version} of {name}: {reason}")
    await store.note_verified(conn, name, version.version)
    return version


async def promote(conn: Connection, name: str) -> SecretVersion:
    """`secrets.promote`: use the version that was kept beside; done again, it changes nothing. Raises SecretUnknown."""
    async with conn.transaction():
        return await _promote(conn, name)


async def restore(conn: Connection, name: str) -> SecretVersion:
    """`secrets.restore`: go back to the version before; the one in use is kept beside. Raises SecretUnknown.

    Done again, it changes nothing.
    """
    async with conn.transaction():
        await store.lock(conn, name)
        states = {each.state: each for each in await _list(conn, name)}
        previous = states.get("previous")
        if previous is not None:
            moves: dict[int, SecretState] = {previous.version: "current"}
            if "current" in states:
                moves[states["current"].version] = "next"
            await store.move(conn, name, moves)
        elif "current" not in states:
            raise SecretUnknown(f"{name} has no version to go back to")
        return next(each for each in await _list(conn, name) if each.state == "current")


async def remove(conn: Connection, name: str) -> int:
    """`secrets.remove`: forget every version; how many there were."""
    return await store.remove(conn, name)


async def _add(conn: Connection, keyring: Keyring, name: str, value: str, backend: str, state: SecretState) -> int:
    """Write a new version beside the one in use; whatever else there is goes, because two live versions are enough."""
    await store.lock(conn, name)
    version = max((each.version for each in await store.list_versions(conn, name)), default=0) + 1
    for old in ("next", "previous"):
        await store.drop(conn, name, old)
    await store.insert(conn, name, version, backend, state, keyring.seal(name, version, value))
    return version


async def _promote(conn: Connection, name: str) -> SecretVersion:
    await store.lock(conn, name)
    states = {each.state: each for each in await _list(conn, name)}
    coming = states.get("next")
    if coming is not None:
        moves: dict[int, SecretState] = {coming.version: "current"}
        if "current" in states:
            moves[states["current"].version] = "previous"
        await store.move(conn, name, moves)
    return next(each for each in await _list(conn, name) if each.state == "current")


async def _find_newest(conn: Connection, name: str) -> SecretVersion:
    known = {each.state: each for each in await _list(conn, name)}
    return known.get("next") or known["current"]


async def _list(conn: Connection, name: str) -> list[SecretVersion]:
    known = await store.list_versions(conn, name)
    if not known:
        raise SecretUnknown(f"there is no secret {name}")
    return known


def _check(name: str, value: str, backend: str | None) -> str:
    """Check that a name and a value can be a secret's, and name the backend it is for. Raises SecretInvalid."""
    if not NAME.fullmatch(name):
        raise SecretInvalid("a secret is named like DYNEX_SDK_KEY: capitals, digits and underscores, at most 100")
    if not value or len(value) > VALUE_LENGTH_MAX or not value.isprintable():
        raise SecretInvalid(f"the value of {name} must be one line of 1 to {VALUE_LENGTH_MAX:,} printable characters")
    owner = backend or find_owner(name)
    if owner is None:
        raise SecretInvalid(f"no known backend reads {name}: say which does")
    return owner
