"""Decide whether a password may be compared at all, so that guessing is slow and nobody is shut out by a stranger.

What a trusted device does is charged to itself. All other devices share one budget for each name: five attempts, then
proofs of work and delays that double from 2 s to 15 min, and after 100 failures in a row none, until the owner has
made the device trusted by a mail link. A network that fails on many names is refused for an hour.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from quantum_scheduler.accounts.login.metrics import is_surge
from quantum_scheduler.accounts.login.model import (
    LoginDelayed,
    MailLinkNeeded,
    NetworkBlocked,
    ProofMissing,
    ThrottlePolicy,
)
from quantum_scheduler.accounts.login.proof import use_proof
from quantum_scheduler.accounts.login.store import throttle as store
from quantum_scheduler.accounts.pepper import Peppers
from quantum_scheduler.postgres.connect import Connection

FAILING = "most attempts failed, for many names"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDevice:
    """A trusted device's cookie, read: which device it says it is, and the digest of its secret."""

    id: UUID
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Somebody who wants a password compared; `user_id` is None where nobody has the name."""

    name_digest: bytes
    user_id: UUID | None
    network: str
    device: ShownDevice | None
    proof: Mapping[str, Any] | None
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An attempt that was let through and charged; `device_id` is the trusted device that it was charged to."""

    id: int
    attempt: Attempt
    device_id: UUID | None


async def admit_attempt(conn: Connection, attempt: Attempt, *, peppers: Peppers, policy: ThrottlePolicy) -> Ticket:
    """Charge an attempt to its budget before the password is compared. Joins the caller's transaction.

    Raises LoginDelayed, NetworkBlocked, MailLinkNeeded, ProofMissing, ProofRefused; roll back then.
    """
    device_id = await _charge_device(conn, attempt, policy)
    if device_id is None:
        await store.lock_network(conn, attempt.network)
        await _charge_stranger(conn, attempt, peppers, policy)
    attempt_id = await store.insert_attempt(conn, attempt.now, attempt.network, attempt.name_digest)
    if device_id is None and await _is_failing(conn, attempt, policy):
        until = attempt.now + timedelta(seconds=policy.network_block_s)
        await store.block_network(conn, attempt.network, until=until, reason=FAILING)
    return Ticket(id=attempt_id, attempt=attempt, device_id=device_id)


async def settle_attempt(conn: Connection, ticket: Ticket, *, is_right: bool, policy: ThrottlePolicy) -> None:
    """Write down how an attempt went; a right password gives its budget back. Joins the caller's transaction."""
    attempt = ticket.attempt
    await store.finish_attempt(conn, ticket.id, is_right=is_right)
    if not is_right:
        return
    if ticket.device_id is not None:
        await store.clear_device(conn, ticket.device_id)
        return
    await store.clear_budget(conn, attempt.name_digest)
    if not await _is_failing(conn, attempt, policy):
        await store.unblock_network(conn, attempt.network, reason=FAILING)
    await store.forget_attempts(conn, before=attempt.now - 2 * timedelta(seconds=policy.network_window_s))


async def _charge_device(conn: Connection, attempt: Attempt, policy: ThrottlePolicy) -> UUID | None:
    """Charge the trusted device, if it is one. Raises LoginDelayed."""
    device = attempt.device
    if device is None or attempt.user_id is None:
        return None
    if await store.charge_device(conn, device.id, attempt.user_id, device.digest, attempt.now, policy):
        return device.id
    next_at = await store.find_device_wait(conn, device.id, attempt.user_id, device.digest, attempt.now, policy)
    if next_at is not None and next_at > attempt.now:
        raise LoginDelayed((next_at - attempt.now).total_seconds())
    return None


async def _charge_stranger(conn: Connection, attempt: Attempt, peppers: Peppers, policy: ThrottlePolicy) -> None:
    blocked_until = await store.find_block(conn, attempt.network, attempt.now)
    if blocked_until is not None:
        raise NetworkBlocked((blocked_until - attempt.now).total_seconds())
    failures, next_at = await store.find_budget(conn, attempt.name_digest) or (0, attempt.now)
    if failures >= policy.failures_max:
        raise MailLinkNeeded
    if next_at > attempt.now:
        raise LoginDelayed((next_at - attempt.now).total_seconds())
    if attempt.proof is not None:
        await use_proof(conn, peppers, attempt.proof, attempt.now)
    elif failures >= policy.free_failures or await is_proof_due(conn, attempt.now, policy):
        raise ProofMissing
    proven = attempt.proof is not None
    if not await store.charge_budget(conn, attempt.name_digest, attempt.user_id, attempt.now, policy, proven=proven):
        raise LoginDelayed(policy.delay_first_s)  # somebody else was faster


async def is_proof_due(conn: Connection, now: datetime, policy: ThrottlePolicy) -> bool:
    """Whether every device that is not trusted must work for its attempt: in a surge, or because somebody asked."""
    return await store.is_proof_required(conn, now) or await is_surge(conn, now, policy)


async def _is_failing(conn: Connection, attempt: Attempt, policy: ThrottlePolicy) -> bool:
    since = attempt.now - timedelta(seconds=policy.network_window_s)
    record = await store.judge_network(conn, attempt.network, since=since)
    return record.names > policy.network_names_max and record.failures > policy.network_share_max * record.attempts
