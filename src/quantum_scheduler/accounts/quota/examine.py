"""Look into quotas: whose is nearly spent, and of what. Nothing here changes anything."""

from dataclasses import dataclass

from quantum_scheduler.accounts.quota.metrics import quota_stats
from quantum_scheduler.postgres.connect import Connection

NEARLY = 0.9
LISTED_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUse:
    """One quota and the share of it that is spoken for; `owner` is an organisation, or the vendor where it is ours."""

    owner: str
    meter: str
    share: float
    amount: float
    refusals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaReport:
    """The quotas that are spent the most: of customers, and ours with vendors. `nearly_spent` are above 90 %."""

    nearly_spent: int
    top_org_id: str
    top_meter: str
    top_share: float
    top_amount: int
    refusals: int
    upstream_backend: str
    upstream_meter: str
    upstream_share: float
    customers: tuple[QuotaUse, ...]
    upstream: tuple[QuotaUse, ...]


async def examine_quotas(conn: Connection) -> QuotaReport:
    """`quota.report`: look for the quotas that are spent the most."""
    stats = await quota_stats(conn)
    customers = [
        QuotaUse(
            owner=str(each.org_id),
            meter=each.meter,
            share=each.share,
            amount=float(each.amount),
            refusals=each.refusals,
        )
        for each in stats.customers
    ]
    upstream = [
        QuotaUse(owner=each.backend, meter=each.meter, share=each.used / each.amount, amount=each.amount, refusals=0)
        for each in stats.upstream
    ]
    customers.sort(key=lambda each: (-each.share, each.owner, each.meter))
    upstream.sort(key=lambda each: (-each.share, each.owner, each.meter))
    nobody = QuotaUse(owner="", meter="", share=0.0, amount=0.0, refusals=0)
    top, ours = (customers or [nobody])[0], (upstream or [nobody])[0]
    return QuotaReport(
        nearly_spent=sum(each.share > NEARLY for each in (*customers, *upstream)),
        top_org_id=top.owner,
        top_meter=top.meter,
        top_share=top.share,
        top_amount=int(top.amount),
        refusals=sum(each.refusals for each in customers),
        upstream_backend=ours.owner,
        upstream_meter=ours.meter,
        upstream_share=ours.share,
        customers=tuple(customers[:LISTED_MAX]),
        upstream=tuple(upstream[:LISTED_MAX]),
    )
