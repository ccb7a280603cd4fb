"""The second factor: codes of an authenticator, by RFC 6238 (HMAC-SHA1, 30 s, six digits), and recovery codes."""

import base64
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlencode
from uuid import UUID

from quantum_scheduler.accounts.login.model import LoginDelayed, SecondFactorRefused, ThrottlePolicy
from quantum_scheduler.accounts.login.store import person as store
from quantum_scheduler.accounts.pepper import Peppers
from quantum_scheduler.postgres.connect import Connection

STEP_S = 30
DIGITS = 6
# A clock may be one step off, and typing takes a while.
STEPS_AROUND = 1
SECRET_BYTES = 20
RECOVERY_CODES = 10
# With 112 bits or more a digest is enough; 15 bytes are 24 letters.
RECOVERY_BYTES = 15
ISSUER = "quantum-scheduler"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What an authenticator needs to know."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


def write_code(secret: bytes, step: int) -> str:
    """The code of one time step (RFC 6238, which counts by RFC 4226)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def find_step(secret: bytes, code: str, now: datetime) -> int | None:
    """The time step around now whose code this is; every one is compared, so that time tells nothing."""
    current = int(now.timestamp()) // STEP_S
    steps = range(current - STEPS_AROUND, current + STEPS_AROUND + 1)
    found = [step for step in steps if hmac.compare_digest(write_code(secret, step).encode(), code.encode())]
    return found[-1] if found else None


async def begin_totp(
    conn: Connection,
    user_id: UUID,
    email: str,
    *,
    peppers: Peppers,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> Enrolment:
    """Make a secret; it counts once a code of it was shown. Joins the caller's transaction."""
    secret = random_bytes(SECRET_BYTES)
    await store.set_totp_waiting(conn, user_id, peppers.seal("totp", secret))
    text = base64.b32encode(secret).decode()
    said = urlencode({"secret": text, "issuer": ISSUER, "digits": DIGITS, "period": STEP_S})
    return Enrolment(secret=text, uri=f"otpauth://totp/{ISSUER}:{quote(email)}?{said}")


async def confirm_totp(
    conn: Connection,
    user_id: UUID,
    code: str,
    *,
    peppers: Peppers,
    now: datetime,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> Sequence[str]:
    """Ask for the second factor from now on; return recovery codes, each good once. Raises SecondFactorRefused."""
    sealed = await store.read_totp_waiting(conn, user_id)
    step = None if sealed is None else find_step(peppers.unseal("totp", sealed), code, now)
    if sealed is None or step is None:
        raise SecondFactorRefused
    codes = [base64.b32encode(random_bytes(RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES)]
    digests = [_digest_recovery(peppers, user_id, code) for code in codes]
    await store.set_totp(conn, user_id, sealed, step=step, recovery_digests=digests)
    return codes


async def charge_code(conn: Connection, user_id: UUID, now: datetime, policy: ThrottlePolicy) -> bytes:
    """Take one attempt at a code; commit before comparing it. Returns the sealed secret. Raises LoginDelayed."""
    sealed = await store.charge_totp(
        conn, user_id, now, free=policy.free_failures, first_s=policy.delay_first_s, most_s=policy.delay_max_s
    )
    if sealed is None:
        next_at = await store.find_totp_wait(conn, user_id)
        raise LoginDelayed(policy.delay_first_s if next_at is None else (next_at - now).total_seconds())
    return sealed


async def use_code(
    conn: Connection, user_id: UUID, sealed: bytes, code: str, *, peppers: Peppers, now: datetime
) -> None:
    """Check the code of an authenticator, or a recovery code, and use it up. Raises SecondFactorRefused."""
    step = find_step(peppers.unseal("totp", sealed), code, now)
    if step is not None:
        if not await store.use_step(conn, user_id, step):
            raise SecondFactorRefused
    elif not await store.use_recovery(conn, user_id, _digest_recovery(peppers, user_id, code.strip().upper())):
        raise SecondFactorRefused


def _digest_recovery(peppers: Peppers, user_id: UUID, code: str) -> bytes:
    return peppers.digest("totp", f"{user_id} {code}", version=min(peppers.secrets))
