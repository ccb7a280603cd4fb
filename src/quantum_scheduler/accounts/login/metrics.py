"""The numbers of logging in."""

from datetime import datetime, timedelta

from quantum_scheduler.accounts.login.model import DEFAULT_POLICY, ThrottlePolicy
from quantum_scheduler.accounts.login.store import throttle as store
from quantum_scheduler.postgres.connect import Connection


async def failure_rate(conn: Connection, now: datetime, policy: ThrottlePolicy = DEFAULT_POLICY) -> float | None:
    """`auth.failure_rate`: share of the passwords compared in the last 5 minutes that were wrong; None below 20.

    What was throttled is left out, or the mitigation would keep the alarm on.
    """
    since = now - timedelta(seconds=policy.surge_window_s)
    ok, bad = await store.count_outcomes(conn, since=since, until=now)
    return bad / (ok + bad) if ok + bad >= policy.surge_attempts_min else None


async def locked_accounts(conn: Connection, policy: ThrottlePolicy = DEFAULT_POLICY) -> int:
    """`auth.locked_accounts`: people whose budget for untrusted devices is spent; trusted ones may log in."""
    return await store.count_locked(conn, policy.failures_max)


async def blocked_networks(conn: Connection, now: datetime) -> int:
    """`auth.blocked_networks`: networks from which only trusted devices may log in."""
    return await store.count_blocked_networks(conn, now)


async def is_surge(conn: Connection, now: datetime, policy: ThrottlePolicy) -> bool:
    """Whether so many passwords are wrong that every untrusted device must work for its attempt."""
    rate = await failure_rate(conn, now, policy)
    return rate is not None and rate > policy.surge_rate
