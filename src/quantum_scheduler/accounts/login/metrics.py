"""The numbers of logging in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from quantum_scheduler.accounts.login.model import DEFAULT_POLICY, ThrottlePolicy
from quantum_scheduler.accounts.login.store import throttle as store
from quantum_scheduler.expressions.duration import parse_duration
from quantum_scheduler.postgres.connect import Connection

WINDOW_S = DEFAULT_POLICY.surge_window_s
# Of fewer passwords a share says nothing.
ATTEMPTS_MIN = DEFAULT_POLICY.surge_attempts_min


async def failure_rate(conn: Connection, now: datetime, policy: ThrottlePolicy = DEFAULT_POLICY) -> float | None:
    """Tell the share of the passwords compared in the policy's window that were wrong; None where they are too few."""
    since = now - timedelta(seconds=policy.surge_window_s)
    ok, bad = await store.count_outcomes(conn, since=since, until=now)
    return bad / (ok + bad) if ok + bad >= policy.surge_attempts_min else None


async def is_surge(conn: Connection, now: datetime, policy: ThrottlePolicy) -> bool:
    """Whether so many passwords are wrong that every untrusted device must work for its attempt."""
    rate = await failure_rate(conn, now, policy)
    return rate is not None and rate > policy.surge_rate


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginStats:
    """Logging in lately: passwords that were `right` and `wrong`, people and networks that are held off."""

    right: int
    wrong: int
    locked: int
    blocked: int


async def login_stats(conn: Connection, now: datetime, policy: ThrottlePolicy = DEFAULT_POLICY) -> LoginStats:
    """Count the passwords compared in the last 5 minutes, and who is held off now."""
    right, wrong = await store.count_outcomes(conn, since=now - timedelta(seconds=policy.surge_window_s), until=now)
    return LoginStats(
        right=right,
        wrong=wrong,
        locked=await store.count_locked(conn, policy.failures_max),
        blocked=await store.count_blocked_networks(conn, now),
    )


def attempts_5m(stats: LoginStats) -> int:
    """`auth.attempts_5m`: passwords compared in the last 5 minutes."""
    return stats.right + stats.wrong


def wrong_share(stats: LoginStats) -> float | None:
    """`auth.failure_rate`: share of the passwords compared in the last 5 minutes that were wrong.

    What was throttled is left out, or the mitigation would keep the alarm on.
    """
    return stats.wrong / attempts_5m(stats) if attempts_5m(stats) else None


def locked(stats: LoginStats) -> int:
    """`auth.locked_accounts`: people whose budget for untrusted devices is spent; trusted ones may log in."""
    return stats.locked


def blocked(stats: LoginStats) -> int:
    """`auth.blocked_networks`: networks from which only trusted devices may log in."""
    return stats.blocked


async def wrong_passwords(conn: Connection, *, since: str = "5m") -> int:
    """`auth.wrong_passwords(since="10s")`: passwords compared in the time before now that were wrong.

    Raises ValueError.
    """
    return await store.count_wrong(conn, since_s=parse_duration(since))
