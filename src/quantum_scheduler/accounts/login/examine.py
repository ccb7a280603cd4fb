"""Look into failed logins: do they look like an attack, and of which kind? Nothing here changes anything."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from quantum_scheduler.accounts.login import metrics
from quantum_scheduler.accounts.login.store import throttle as store
from quantum_scheduler.accounts.login.store.throttle import LoginCounts
from quantum_scheduler.postgres.connect import Connection

WINDOW_S = 900.0
WINDOW_S_MAX = 86_400.0
# Of fewer failures no pattern is read.
FAILURES_MIN = 20
# One source is behind an attack that has most of its failures; many names of few tries each were stolen elsewhere.
ONE_SOURCE_SHARE = 0.5
TRIES_PER_NAME = 3.0
ATTACK_SHARE = 0.5

LoginPattern = Literal["none", "brute_force", "credential_stuffing", "everybody_fails", "scattered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFailures:
    """The failed logins of a window, and what they look like.

    `pattern` is `brute_force` (few names, tried again and again), `credential_stuffing` (many names, few tries each),
    `everybody_fails` (hardly anybody gets in, also where they did before: look at the service), `scattered`, or `none`
    where there are few. `top_network` has `top_share` of them.
    """

    attempts: int
    failures: int
    share: float | None
    networks: int
    names: int
    top_network: str
    top_share: float
    pattern: LoginPattern
    is_attack: bool
    locked_accounts: int
    blocked_networks: int


async def examine_logins(conn: Connection, *, now: datetime, window_s: float = WINDOW_S) -> LoginFailures:
    """`auth.failures`: look for the pattern in the passwords that were wrong. Raises ValueError."""
    if not 0 < window_s <= WINDOW_S_MAX:
        raise ValueError(f"a window of logins has 0 to {WINDOW_S_MAX:g} seconds")
    counts = await store.count_failures(conn, since=now - timedelta(seconds=window_s), until=now)
    pattern, stats = judge_logins(counts), await metrics.login_stats(conn, now)
    return LoginFailures(
        attempts=counts.attempts,
        failures=counts.failures,
        share=counts.failures / counts.attempts if counts.attempts else None,
        networks=counts.networks,
        names=counts.names,
        top_network=counts.top_network,
        top_share=counts.top_failures / counts.failures if counts.failures else 0.0,
        pattern=pattern,
        is_attack=pattern in ("brute_force", "credential_stuffing"),
        locked_accounts=stats.locked,
        blocked_networks=stats.blocked,
    )


def judge_logins(counts: LoginCounts) -> LoginPattern:
    """Say what failed logins look like."""
    if counts.failures < FAILURES_MIN:
        return "none"
    if counts.failures / counts.names >= TRIES_PER_NAME:
        return "brute_force"
    if counts.top_failures > ONE_SOURCE_SHARE * counts.failures or counts.names > 2 * counts.networks:
        return "credential_stuffing"
    return "everybody_fails" if counts.failures > ATTACK_SHARE * counts.attempts else "scattered"
