"""The keys that access tokens are signed with: next -> active -> retiring -> gone.

A key is published well before it signs, because those who check tokens keep the list of keys for a while; it stays
published after it has signed its last token for as long as that token is good.
"""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from quantum_scheduler.accounts.login.store import signing as store
from quantum_scheduler.accounts.login.store.signing import KeyState, SigningKey
from quantum_scheduler.accounts.pepper import PepperInvalid, Peppers
from quantum_scheduler.postgres.connect import Connection

TOKEN_S = 600.0
# How long the list of keys may be kept by those who check tokens, and how long a key is published before it signs.
PUBLISHED_MAX_AGE_S = 300
PUBLISH_S = 330.0
ROTATE_EVERY_S = 30 * 86_400.0


class RotatedTooSoon(Exception):  # noqa: N818  an error is named for what happened
    """The next key has not been published for long enough to sign."""

    def __init__(self, wait_s: float) -> None:
        self.retry_after_s = max(1, round(wait_s))
        super().__init__(f"the next key may sign in {self.retry_after_s} s; a leaked key can be withdrawn at once")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What a rotation did: the key that signs now, and those that were moved."""

    active: str
    retiring: str | None
    withdrawn: bool


async def find_signing_key(conn: Connection, peppers: Peppers, now: datetime) -> tuple[str, ec.EllipticCurvePrivateKey]:
    """The key that signs now and its id; makes and moves keys as their time comes. Joins the caller's transaction."""
    keys = await store.list_keys(conn)
    if not _is_in_order(keys, now):
        await advance_keys(conn, peppers, now)
        keys = await store.list_keys(conn)
    active = next(key for key in keys if key.state == "active")
    try:
        return active.kid, _open(active, peppers)
    except PepperInvalid:  # its pepper is lost, and with it all that it could sign
        await store.lock_keys(conn)
        await _withdraw(conn, peppers, now, active)
        return await find_signing_key(conn, peppers, now)


async def publish_keys(conn: Connection) -> dict[str, Any]:
    """The public keys as a JWK set (RFC 7517)."""
    return {"keys": [dict(key.public_jwk) for key in await store.list_keys(conn)]}


async def advance_keys(conn: Connection, peppers: Peppers, now: datetime) -> None:
    """Make the keys that are missing, let a month-old one retire, and end what has retired for long enough."""
    await store.lock_keys(conn)
    by_state = {key.state: key for key in await store.list_keys(conn)}
    if "active" not in by_state:
        if "next" in by_state:
            await store.move_key(conn, by_state.pop("next").kid, "active", now)
        else:
            await _make(conn, peppers, "active", now)
    if "next" not in by_state:
        await _make(conn, peppers, "next", now)
    elif "active" in by_state and _is_old(by_state["active"], now) and _wait_s(by_state["next"], now) <= 0:
        await _move_on(conn, peppers, now, active=by_state["active"], following=by_state["next"])
    for key in await store.list_keys(conn):
        if key.state == "retiring" and now >= key.changed_at + timedelta(seconds=TOKEN_S + PUBLISHED_MAX_AGE_S):
            await store.move_key(conn, key.kid, "gone", now)


async def rotate_keys(conn: Connection, peppers: Peppers, now: datetime, *, leaked: bool) -> Rotation:
    """Have the next key sign from now on. With `leaked` the old one is withdrawn with every token that it signed.

    Otherwise its tokens stay good until they expire. Joins the caller's transaction. Raises RotatedTooSoon.
    """
    await advance_keys(conn, peppers, now)
    by_state = {key.state: key for key in await store.list_keys(conn)}
    active, following = by_state["active"], by_state["next"]
    if leaked:
        await _withdraw(conn, peppers, now, active)
    elif (wait_s := _wait_s(following, now)) > 0:
        raise RotatedTooSoon(wait_s)
    else:
        await _move_on(conn, peppers, now, active=active, following=following)
    return Rotation(active=following.kid, retiring=None if leaked else active.kid, withdrawn=leaked)


async def _withdraw(conn: Connection, peppers: Peppers, now: datetime, active: SigningKey) -> None:
    await store.move_key(conn, active.kid, "gone", now)
    await advance_keys(conn, peppers, now)


async def _move_on(
    conn: Connection, peppers: Peppers, now: datetime, *, active: SigningKey, following: SigningKey
) -> None:
    await store.move_key(conn, active.kid, "retiring", now)
    await store.move_key(conn, following.kid, "active", now)
    await _make(conn, peppers, "next", now)


async def _make(
    conn: Connection,
    peppers: Peppers,
    state: KeyState,
    now: datetime,
    random_text: Callable[[int], str] = secrets.token_urlsafe,
) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    kid = random_text(12)
    jwk = json.loads(ECAlgorithm.to_jwk(private.public_key())) | {"kid": kid, "use": "sig", "alg": "ES256"}
    der = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    sealed = peppers.seal("signing key", der)
    key = SigningKey(kid=kid, state=state, public_jwk=jwk, sealed=sealed, published_at=now, changed_at=now)
    await store.insert_key(conn, key)


def _open(key: SigningKey, peppers: Peppers) -> ec.EllipticCurvePrivateKey:
    assert key.sealed is not None, "the table says so of what signs"
    private = serialization.load_der_private_key(peppers.unseal("signing key", key.sealed), password=None)
    assert isinstance(private, ec.EllipticCurvePrivateKey), "no other is made"
    return private


def _is_in_order(keys: Sequence[SigningKey], now: datetime) -> bool:
    by_state = {key.state: key for key in keys}
    return "active" in by_state and "next" in by_state and not _is_old(by_state["active"], now)


def _is_old(active: SigningKey, now: datetime) -> bool:
    return now >= active.changed_at + timedelta(seconds=ROTATE_EVERY_S)


def _wait_s(following: SigningKey, now: datetime) -> float:
    return (following.published_at + timedelta(seconds=PUBLISH_S) - now).total_seconds()
