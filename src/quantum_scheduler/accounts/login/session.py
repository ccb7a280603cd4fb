"""Sessions: opened by a login, carried by a cookie or a refresh token, ended by their owner or by time.

The text of both is `qss_<session id>_<secret>`; the secret (256 bits) is stored as its HMAC.
"""

import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from quantum_scheduler.accounts.authenticate import Admission
from quantum_scheduler.accounts.login.model import (
    Method,
    NoMembership,
    Person,
    Place,
    Session,
    SessionKind,
    SessionUnknown,
)
from quantum_scheduler.accounts.login.store import person as people
from quantum_scheduler.accounts.login.store import session as store
from quantum_scheduler.accounts.model import AccessBlocked, Principal
from quantum_scheduler.accounts.pepper import Peppers
from quantum_scheduler.accounts.scope import scopes_of_roles
from quantum_scheduler.postgres.connect import Connection

SECRET_BYTES = 32
# A console is left alone sooner than a program: seconds unused, seconds at most.
IDLE_S: Mapping[SessionKind, float] = {"cookie": 3_600.0, "token": 7 * 86_400.0}
LIFE_S: Mapping[SessionKind, float] = {"cookie": 12 * 3_600.0, "token": 30 * 86_400.0}
SEEN_EVERY_S = 60.0
KEPT_S = 30 * 86_400.0
AGENT_LENGTH_MAX = 200

_TEXT = re.compile(r"qss_(?P<id>[0-9a-f]{32})_[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """A session with the text that carries it, which is told once, and its owner's epoch."""

    session: Session
    text: str
    epoch: int


async def open_session(  # noqa: PLR0913  each says something else of the session
    conn: Connection,
    person: Person,
    place: Place,
    *,
    kind: SessionKind,
    method: Method,
    org_id: UUID | None,
    peppers: Peppers,
    now: datetime,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> OpenSession:
    """Open a session in an organisation, or in the one that the person joined first. Raises NoMembership."""
    memberships = [each for each in await people.list_memberships(conn, person.id) if not each.is_blocked]
    chosen = [each for each in memberships if org_id is None or each.org_id == org_id]
    if not chosen:
        raise NoMembership
    session_id = UUID(bytes=random_bytes(16), version=4)
    session = Session(
        id=session_id,
        org_id=chosen[0].org_id,
        user_id=person.id,
        kind=kind,
        method=method,
        network=place.network,
        agent=place.agent[:AGENT_LENGTH_MAX],
        created_at=now,
        seen_at=now,
        expires_at=now + timedelta(seconds=LIFE_S[kind]),
    )
    text = _write(session_id, random_bytes)
    await store.insert_session(conn, session, peppers.digest("session", text))
    await store.forget_sessions(conn, person.id, before=now - timedelta(seconds=KEPT_S))
    return OpenSession(session=session, text=text, epoch=person.epoch)


async def renew_session(
    conn: Connection,
    text: str,
    *,
    peppers: Peppers,
    now: datetime,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> OpenSession | None:
    """Exchange a refresh token for the next one; each is good once.

    One that was used before means that two have it: the session is ended and None is returned, so that the caller can
    commit that. Raises SessionUnknown, AccessBlocked.
    """
    live = await _find(conn, text, "token", now=now)
    digest = peppers.digest("session", text)
    if not hmac.compare_digest(live.digest, digest):
        if live.previous_digest is None or not hmac.compare_digest(live.previous_digest, digest):
            raise SessionUnknown
        await store.revoke(conn, live.session.id, now, user_id=None)
        return None
    if live.is_blocked:
        raise AccessBlocked
    renewed = _write(live.session.id, random_bytes)
    if not await store.rotate(conn, live.session.id, now, digest=peppers.digest("session", renewed), old=digest):
        raise SessionUnknown
    return OpenSession(session=live.session, text=renewed, epoch=live.epoch)


async def find_session(
    conn: Connection, text: str, kind: SessionKind, *, peppers: Peppers, now: datetime
) -> OpenSession:
    """Find the session that a cookie or a refresh token carries. Raises SessionUnknown, AccessBlocked."""
    live = await _find(conn, text, kind, now=now)
    if not hmac.compare_digest(live.digest, peppers.digest("session", text)):
        raise SessionUnknown
    if live.is_blocked:
        raise AccessBlocked
    return OpenSession(session=live.session, text=text, epoch=live.epoch)


async def admit_session(conn: Connection, text: str, *, peppers: Peppers, now: datetime) -> Admission:
    """Tell whom a cookie lets in. Raises SessionUnknown, AccessBlocked."""
    live = await _find(conn, text, "cookie", now=now)
    if not hmac.compare_digest(live.digest, peppers.digest("session", text)):
        raise SessionUnknown
    if live.is_blocked:
        raise AccessBlocked
    session = live.session
    await store.mark_seen(conn, session.id, now, every_s=SEEN_EVERY_S)
    roles = frozenset(live.roles)
    principal = Principal(
        org_id=session.org_id,
        user_id=session.user_id,
        session_id=session.id,
        roles=roles,
        scopes=scopes_of_roles(session.org_id, roles),
        plan=live.plan,
        is_factor_due=live.is_factor_due,
    )
    return Admission(principal=principal, until=session.expires_at)


def write_csrf_token(text: str, peppers: Peppers) -> str:
    """The token that shows that a request comes from the console and not from another site: only it can read it."""
    return peppers.digest("csrf", text).hex()


def is_csrf_token(text: str, shown: str | None, peppers: Peppers) -> bool:
    """Whether a request shows its session's token."""
    return shown is not None and hmac.compare_digest(write_csrf_token(text, peppers).encode(), shown.encode())


async def _find(conn: Connection, text: str, kind: SessionKind, *, now: datetime) -> store.LiveSession:
    match = _TEXT.fullmatch(text)
    live = None if match is None else await store.find_live(conn, UUID(match["id"]), now)
    if live is None or live.session.kind != kind:
        raise SessionUnknown
    if now > live.session.seen_at + timedelta(seconds=IDLE_S[kind]):
        raise SessionUnknown
    return live


def _write(session_id: UUID, random_bytes: Callable[[int], bytes]) -> str:
    return f"qss_{session_id.hex}_{random_bytes(SECRET_BYTES).hex()}"
