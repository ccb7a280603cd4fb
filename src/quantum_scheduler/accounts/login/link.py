"""Links that are sent by mail and work once: to set a new password, and to make a device a trusted one.

Whether anybody has the address is told to nobody: the answer is the same and the mail is sent beside it.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from quantum_scheduler.accounts.audit.model import AuditEntry
from quantum_scheduler.accounts.audit.record import record_audit
from quantum_scheduler.accounts.login.desk import LoginDesk
from quantum_scheduler.accounts.login.enter import Credentials, compare_password, fold_email, trust_device
from quantum_scheduler.accounts.login.model import LinkPurpose, LinkUnknown, Person, Place
from quantum_scheduler.accounts.login.secret import make_text, read_text
from quantum_scheduler.accounts.login.store import link as store
from quantum_scheduler.accounts.login.store import person as people
from quantum_scheduler.accounts.login.store import session as sessions
from quantum_scheduler.accounts.login.store import throttle
from quantum_scheduler.accounts.login.tell import tell_person
from quantum_scheduler.accounts.mail.port import Mail
from quantum_scheduler.postgres.connect import Connection

LINK_S = 3_600.0
# Who asks for more finds those that were sent before in the mailbox; they are good for as long.
LINKS_PER_HOUR_MAX = 5

SUBJECTS: dict[LinkPurpose, str] = {
    "password": "Set a new password",
    "device": "Trust this device",
}
TEXTS: dict[LinkPurpose, str] = {
    "password": "Somebody, most likely you, asked for a new password for this address. Set it here within an hour:",
    "device": "Somebody, most likely you, wants to log in from a device that is not known yet. If it was you, open "
    "this link on that device within an hour, then log in:",
}
UNASKED = "If it was not you, do nothing: nothing changes, and your password stays as it is."


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedDevice:
    """The text that a device keeps to be recognised."""

    user_id: UUID
    text: str = field(repr=False)


async def send_link(desk: LoginDesk, email: str, purpose: LinkPurpose, place: Place) -> None:
    """Send a link to an address, if somebody has it. Opens its own transaction."""
    now = desk.now()
    text = make_text()
    carried = read_text(text, "link", desk.peppers)
    assert carried is not None, "it was just written"
    async with desk.pool.acquire() as conn, conn.transaction():
        person = await people.find_by_email(conn, fold_email(email))
        if person is None or person.is_blocked:
            return
        sent = await store.count_links(conn, person.id, purpose, since=now - timedelta(seconds=LINK_S))
        if sent >= LINKS_PER_HOUR_MAX:
            return
        new = store.NewLink(
            id=carried.id, digest=carried.digest, created_at=now, expires_at=now + timedelta(seconds=LINK_S)
        )
        await store.insert_link(conn, new, person.id, purpose)
        action = f"login.link_sent.{purpose}"
        await record_audit(conn, AuditEntry(action=action, subject=f"user:{person.id}", network=place.network))
    desk.postbox.post(_write_mail(desk, person.email, purpose, text))


async def reset_password(desk: LoginDesk, text: str, password: str, place: Place) -> None:
    """Set a new password with a link; every session and token before now ends. Opens its own transactions.

    The budget for guesses is whole again, because what could be guessed is gone; devices are trusted no more.
    Raises LinkUnknown, PasswordWeak, LoginBusy.
    """
    carried = read_text(text, "link", desk.peppers)
    if carried is None:
        raise LinkUnknown
    async with desk.pool.acquire() as conn:
        user_id = await store.find_link(conn, carried.id, carried.digest, "password", desk.now())
        person = None if user_id is None else await people.find_person(conn, user_id)
    if person is None or person.is_blocked:
        raise LinkUnknown
    hashed = await hash_password(desk, password, (person.email, person.name))
    async with desk.pool.acquire() as conn, conn.transaction():
        if await store.use_link(conn, carried.id, carried.digest, "password", desk.now()) is None:
            raise LinkUnknown
        await replace_password(conn, desk, person.id, hashed, keep=None)
        await throttle.forget_devices(conn, person.id)
        entry = AuditEntry(action="login.password_reset", subject=f"user:{person.id}", network=place.network)
        await record_audit(conn, entry)
    tell_person(desk, person.email, "password", place)


async def change_password(
    desk: LoginDesk, person: Person, shown: Credentials, *, new: str, keep: UUID | None, place: Place
) -> None:
    """Set a new password with the old one; every other session and all tokens end. Opens its own transactions.

    Guessing the old one is slowed down as at the login. Raises LoginRefused, PasswordWeak, LoginBusy, and what
    `admit_attempt` raises.
    """
    user_id = person.id
    await compare_password(desk, shown, place)
    hashed = await hash_password(desk, new, (person.email, person.name))
    async with desk.pool.acquire() as conn, conn.transaction():
        await replace_password(conn, desk, user_id, hashed, keep=keep)
        entry = AuditEntry(
            action="login.password_changed", subject=f"user:{user_id}", user_id=user_id, network=place.network
        )
        await record_audit(conn, entry)
    tell_person(desk, person.email, "password", place)


async def redeem_device(desk: LoginDesk, text: str, place: Place) -> TrustedDevice:
    """Make the device that shows a link a trusted one. Opens its own transaction. Raises LinkUnknown."""
    carried = read_text(text, "link", desk.peppers)
    if carried is None:
        raise LinkUnknown
    async with desk.pool.acquire() as conn, conn.transaction():
        user_id = await store.use_link(conn, carried.id, carried.digest, "device", desk.now())
        if user_id is None:
            raise LinkUnknown
        trusted = await trust_device(conn, desk, user_id)
        entry = AuditEntry(action="login.device_trusted", subject=f"user:{user_id}", network=place.network)
        await record_audit(conn, entry)
        person = await people.find_person(conn, user_id)
    if person is not None:
        tell_person(desk, person.email, "device", place)
    return TrustedDevice(user_id=user_id, text=trusted)


async def hash_password(desk: LoginDesk, password: str, own_words: tuple[str, ...]) -> str:
    """Check a new password and hash it. Raises PasswordWeak, LoginBusy."""
    words = [word for text in own_words for word in (text, *text.replace("@", " ").split())]
    await desk.passwords.check(password, own_words=words)
    return await desk.passwords.hash(password)


async def replace_password(conn: Connection, desk: LoginDesk, user_id: UUID, hashed: str, *, keep: UUID | None) -> None:
    """Store another password and end all that the old one has opened, but the session `keep`."""
    now = desk.now()
    await people.set_password(conn, user_id, hashed, ends_tokens=True)
    await sessions.revoke_all(conn, user_id, now, other_than=keep)
    await throttle.clear_budgets_of(conn, user_id)
    await store.end_links(conn, user_id, now)


def write_link(public_url: str, page: str, text: str) -> str:
    """The address of a page of this service with a link's text."""
    return f"{public_url.rstrip('/')}/account/{page}?token={text}"


def _write_mail(desk: LoginDesk, to: str, purpose: LinkPurpose, text: str) -> Mail:
    body = f"{TEXTS[purpose]}\n\n{write_link(desk.options.public_url, purpose, text)}\n\n{UNASKED}\n"
    return Mail(to=to, subject=f"{SUBJECTS[purpose]} - quantum-scheduler", text=body)
