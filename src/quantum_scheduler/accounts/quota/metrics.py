"""The numbers of the quotas; each takes what `quota_stats` looked up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from quantum_scheduler.accounts.quota import store
from quantum_scheduler.accounts.quota.model import QuotaPulse, UpstreamQuota, Usage
from quantum_scheduler.postgres.connect import Connection

Scope = Literal["customer", "upstream"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaStats:
    """Every quota that somebody uses: those of organisations, and our own with the vendors."""

    customers: Sequence[Usage]
    upstream: Sequence[UpstreamQuota]


async def quota_stats(conn: Connection) -> QuotaStats:
    """Look every quota up."""
    return QuotaStats(customers=await store.list_usage(conn, None), upstream=await store.list_upstream(conn))


def quota_usage(stats: QuotaStats) -> dict[Scope, float]:
    """`api.quota_usage`: by scope, the highest share of a quota that is spoken for; 0 where there is none."""
    counted = [each.share for each in stats.customers if each.meter != "jobs_at_once"]
    return {
        "customer": max(counted, default=0.0),
        "upstream": max((each.used / each.amount for each in stats.upstream), default=0.0),
    }


def quota_exceeded(stats: QuotaStats) -> int:
    """Count the jobs refused for want of quota, in the present periods."""
    return sum(each.refusals for each in stats.customers)


async def quota_pulse(conn: Connection) -> QuotaPulse:
    """Measure the quotas in one statement, however many organisations there are."""
    return await store.take_pulse(conn)


def highest_usage(pulse: QuotaPulse, *, scope: Scope | None = None) -> float:
    """`api.quota_usage`: the highest share of a quota that is spoken for, of customers, upstream or both; 0 if none."""
    shares: dict[Scope, float] = {"customer": pulse.customer, "upstream": pulse.upstream}
    return max(shares.values()) if scope is None else shares[scope]


def quotas_exceeded(pulse: QuotaPulse) -> int:
    """`api.quota_exceeded`: quotas for want of which jobs were refused in the last 5 minutes."""
    return pulse.refused


def quota_refusals(pulse: QuotaPulse) -> int:
    """`api.quota_refusals`: jobs refused for want of quota, in the present periods."""
    return pulse.refusals
