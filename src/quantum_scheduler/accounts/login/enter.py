"""Log somebody in with a password, and a second factor where they have one.

An attempt is charged and committed before the password is compared, and the comparison holds no connection. Nothing
is answered for names that nobody has that would not be answered for those that somebody has, nor sooner.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from quantum_scheduler.accounts.audit.model import AuditEntry
from quantum_scheduler.accounts.audit.record import record_audit
from quantum_scheduler.accounts.login.desk import LoginDesk
from quantum_scheduler.accounts.login.model import (
    LoginRefused,
    Method,
    Person,
    Place,
    SecondFactorMissing,
    SecondFactorRefused,
    SessionKind,
)
from quantum_scheduler.accounts.login.secret import make_text, read_text
from quantum_scheduler.accounts.login.session import OpenSession, open_session
from quantum_scheduler.accounts.login.store import person as people
from quantum_scheduler.accounts.login.store import throttle as store
from quantum_scheduler.accounts.login.tell import tell_person
from quantum_scheduler.accounts.login.throttle import Attempt, ShownDevice, Ticket, admit_attempt, settle_attempt
from quantum_scheduler.accounts.login.totp import charge_code, use_code
from quantum_scheduler.postgres.connect import Connection

DEVICE_DAYS = 90
EMAIL_LENGTH_MAX = 254


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What somebody shows to log in."""

    email: str
    password: str = field(repr=False)
    code: str | None = field(default=None, repr=False)
    proof: Mapping[str, Any] | None = None
    device: str | None = field(default=None, repr=False)
    org_id: UUID | None = None
    kind: SessionKind = "token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A login that worked; `device` is the text that makes this device a trusted one, where it was none before."""

    person: Person
    opened: OpenSession
    device: str | None = field(repr=False)


async def log_in(desk: LoginDesk, shown: Credentials, place: Place) -> Entered:
    """Log somebody in. Opens its own transactions.

    Raises LoginRefused, SecondFactorMissing, SecondFactorRefused, NoMembership, LoginBusy, PasswordWeak, and what
    `admit_attempt` raises.
    """
    person, ticket = await compare_password(desk, shown, place)
    method = await _check_second_factor(desk, person, shown.code, place)
    renewed = await _rehash(desk, person, shown.password)
    async with desk.pool.acquire() as conn, conn.transaction():
        if renewed is not None:
            await people.set_password(conn, person.id, renewed, ends_tokens=False)
        trusted = None if ticket.device_id is not None else await trust_device(conn, desk, person.id)
        opened = await enter(conn, desk, person, place, kind=shown.kind, method=method, org_id=shown.org_id)
    if trusted is not None:
        tell_person(desk, person.email, "device", place)
    return Entered(person=person, opened=opened, device=trusted)


async def compare_password(desk: LoginDesk, shown: Credentials, place: Place) -> tuple[Person, Ticket]:
    """Compare a password, and say whose it is and what the attempt was charged to. Opens its own transactions.

    Raises LoginRefused, LoginBusy, and what `admit_attempt` raises.
    """
    email = fold_email(shown.email)
    async with desk.pool.acquire() as conn, conn.transaction():
        person = await people.find_by_email(conn, email)
        ticket = await _admit(conn, desk, email, person, shown, place)
    stored = person.password_hash if person is not None else None
    is_right = await desk.passwords.compare(stored, shown.password)
    async with desk.pool.acquire() as conn, conn.transaction():
        await settle_attempt(conn, ticket, is_right=is_right, policy=desk.options.policy)
        if not is_right:
            await _note_refusal(conn, person, place)
    if person is None or not is_right or person.is_blocked:
        raise LoginRefused
    return person, ticket


async def enter(
    conn: Connection,
    desk: LoginDesk,
    person: Person,
    place: Place,
    *,
    kind: SessionKind,
    method: Method,
    org_id: UUID | None,
) -> OpenSession:
    """Open a session for somebody who has shown who they are. Joins the caller's transaction. Raises NoMembership."""
    opened = await open_session(
        conn, person, place, kind=kind, method=method, org_id=org_id, peppers=desk.peppers, now=desk.now()
    )
    session = opened.session
    said = {"method": method, "kind": kind, "agent": session.agent}
    await record_audit(
        conn,
        AuditEntry(
            action="login.entered",
            subject=f"session:{session.id}",
            org_id=session.org_id,
            user_id=person.id,
            network=place.network,
            detail=said,
        ),
    )
    return opened


async def trust_device(conn: Connection, desk: LoginDesk, user_id: UUID) -> str:
    """Make a device a trusted one of somebody; return the text that it keeps. Joins the caller's transaction."""
    text = make_text()
    device = read_text(text, "device", desk.peppers)
    assert device is not None, "it was just written"
    await store.insert_device(conn, device.id, user_id, device.digest, desk.now(), days=DEVICE_DAYS)
    return text


def fold_email(email: str) -> str:
    """Addresses are the same whatever their case."""
    return email.strip().lower()[:EMAIL_LENGTH_MAX]


async def _admit(
    conn: Connection, desk: LoginDesk, email: str, person: Person | None, shown: Credentials, place: Place
) -> Ticket:
    device = None if shown.device is None else read_text(shown.device, "device", desk.peppers)
    attempt = Attempt(
        name_digest=desk.peppers.digest("name", email),
        user_id=None if person is None else person.id,
        network=place.network,
        device=None if device is None else ShownDevice(id=device.id, digest=device.digest),
        proof=shown.proof,
        now=desk.now(),
    )
    return await admit_attempt(conn, attempt, peppers=desk.peppers, policy=desk.options.policy)


async def _note_refusal(conn: Connection, person: Person | None, place: Place) -> None:
    """Write down that a wrong password was shown, for somebody or for nobody: it takes as long."""
    whose = "user:unknown" if person is None else f"user:{person.id}"
    await record_audit(conn, AuditEntry(action="login.refused", subject=whose, network=place.network))


async def _check_second_factor(desk: LoginDesk, person: Person, code: str | None, place: Place) -> Method:
    """Raises SecondFactorMissing, SecondFactorRefused, LoginDelayed."""
    if person.totp_sealed is None:
        return "password"
    if code is None:
        raise SecondFactorMissing
    async with desk.pool.acquire() as conn, conn.transaction():
        sealed = await charge_code(conn, person.id, desk.now(), desk.options.policy)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            await use_code(conn, person.id, sealed, code, peppers=desk.peppers, now=desk.now())
    except SecondFactorRefused:
        async with desk.pool.acquire() as conn, conn.transaction():
            entry = AuditEntry(action="login.code_refused", subject=f"user:{person.id}", network=place.network)
            await record_audit(conn, entry)
        raise
    return "totp"


async def _rehash(desk: LoginDesk, person: Person, password: str) -> str | None:
    """The hash of the password at the cost of today, where it is stored at another."""
    if person.password_hash is None or not desk.passwords.is_outdated(person.password_hash):
        return None
    return await desk.passwords.hash(password)
