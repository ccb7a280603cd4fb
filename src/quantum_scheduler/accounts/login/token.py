"""Access tokens: signed, good for ten minutes, and worthless at once when their session or their owner is stopped."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from jwt.algorithms import ECAlgorithm

from quantum_scheduler.accounts.authenticate import Admission
from quantum_scheduler.accounts.login.model import Session
from quantum_scheduler.accounts.login.signing import TOKEN_S, find_signing_key
from quantum_scheduler.accounts.login.store import session as store
from quantum_scheduler.accounts.login.store import signing
from quantum_scheduler.accounts.model import AccessBlocked, KeyUnknown, Principal
from quantum_scheduler.accounts.pepper import Peppers
from quantum_scheduler.accounts.scope import scopes_of_roles
from quantum_scheduler.postgres.connect import Connection

AUDIENCE = "quantum-scheduler"
ALGORITHM = "ES256"
TYPE = "at+jwt"
CLAIMS = ("iss", "aud", "sub", "sid", "org", "epoch", "iat", "exp")
LEEWAY_S = 5.0
KID_LENGTH_MAX = 64

_REFUSED = "this token is not good (any more): get a new one at /v1/token/refresh"


async def write_token(
    conn: Connection, session: Session, epoch: int, *, peppers: Peppers, issuer: str, now: datetime
) -> str:
    """Write an access token of a session. Joins the caller's transaction."""
    kid, private = await find_signing_key(conn, peppers, now)
    claims = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": str(session.user_id),
        "sid": str(session.id),
        "org": str(session.org_id),
        "epoch": epoch,
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(seconds=TOKEN_S)).timestamp()),
    }
    return jwt.encode(claims, private, algorithm=ALGORITHM, headers={"kid": kid, "typ": TYPE})


async def admit_token(conn: Connection, token: str, *, issuer: str, now: datetime) -> Admission:
    """Tell whom an access token lets in. Raises KeyUnknown, AccessBlocked."""
    claims = await _read_claims(conn, token, issuer=issuer, now=now)
    try:
        session_id, user_id, org_id = (UUID(str(claims[name])) for name in ("sid", "sub", "org"))
    except ValueError:
        raise KeyUnknown(_REFUSED) from None
    live = await store.find_live(conn, session_id, now)
    if (
        live is None
        or (live.session.user_id, live.session.org_id) != (user_id, org_id)
        or live.epoch != claims["epoch"]
    ):
        raise KeyUnknown(_REFUSED)
    if live.is_blocked:
        raise AccessBlocked
    roles = frozenset(live.roles)
    scopes = scopes_of_roles(org_id, roles)
    principal = Principal(
        org_id=org_id,
        user_id=user_id,
        session_id=session_id,
        roles=roles,
        scopes=scopes,
        plan=live.plan,
        is_factor_due=live.is_factor_due,
    )
    until = min(datetime.fromtimestamp(claims["exp"], UTC), live.session.expires_at)
    return Admission(principal=principal, until=until)


async def _read_claims(conn: Connection, token: str, *, issuer: str, now: datetime) -> Mapping[str, Any]:
    """Check signature and claims. The key is looked up each time: one that was withdrawn must not be remembered."""
    try:
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        if header.get("typ") != TYPE or not isinstance(kid, str) or len(kid) > KID_LENGTH_MAX or "\x00" in kid:
            raise KeyUnknown(_REFUSED)
        jwk = await signing.find_public_key(conn, kid)
        if jwk is None:
            raise KeyUnknown(_REFUSED)
        claims: dict[str, Any] = jwt.decode(
            token,
            _read_key(json.dumps(jwk, sort_keys=True)),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=issuer,
            # The times are judged below, by the clock that was given.
            options={"require": list(CLAIMS), "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
    except (jwt.PyJWTError, ValueError, TypeError):
        raise KeyUnknown(_REFUSED) from None
    issued, expires = claims["iat"], claims["exp"]
    if type(issued) is not int or type(expires) is not int:
        raise KeyUnknown(_REFUSED)
    if not issued - LEEWAY_S <= now.timestamp() < expires:
        raise KeyUnknown(_REFUSED)
    return claims


@lru_cache(maxsize=16)
def _read_key(jwk: str) -> EllipticCurvePublicKey:
    key = ECAlgorithm.from_jwk(jwk)
    assert isinstance(key, EllipticCurvePublicKey), "no other is stored"
    return key
