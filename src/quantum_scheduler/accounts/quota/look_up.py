"""Look up how quotas stand and who was told, and take down what vendors report."""

from datetime import datetime
from uuid import UUID

from quantum_scheduler.accounts.quota import store
from quantum_scheduler.accounts.quota.model import NOTICES_LISTED_MAX, Notice, UpstreamQuota, Usage
from quantum_scheduler.postgres.connect import Connection


async def list_usage(conn: Connection, org_id: UUID | None = None) -> list[Usage]:
    """How each quota of an organisation stands now; without one, those of all organisations that used any."""
    return await store.list_usage(conn, org_id)


async def list_notices(
    conn: Connection, org_id: UUID | None = None, *, after: datetime | None = None, count_max: int = 100
) -> list[Notice]:
    """The newest notices given after a time, of one organisation or of all."""
    return await store.list_notices(conn, org_id, after=after, count_max=min(count_max, NOTICES_LISTED_MAX))


async def record_upstream(conn: Connection, quota: UpstreamQuota) -> None:
    """Take down what a backend reports of a quota of ours with its vendor, in the vendor's own unit."""
    await store.record_upstream(conn, quota)


async def list_upstream(conn: Connection) -> list[UpstreamQuota]:
    """What the backends reported in the last hour of our quotas with their vendors, until those begin anew."""
    return await store.list_upstream(conn)
