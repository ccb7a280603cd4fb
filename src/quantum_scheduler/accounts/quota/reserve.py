"""Set aside what a job may use before it is taken in, and count what it did use when it has ended."""

from collections.abc import Sequence
from uuid import UUID

from quantum_scheduler.accounts.quota import store
from quantum_scheduler.accounts.quota.model import MONTHLY, Need, Part, QuotaExceeded, Spent
from quantum_scheduler.postgres.connect import Connection

# Of jobs at once there is more when one has ended; of what counts by the month, when somebody has raised it.
RETRY_AFTER_S = 10.0
RETRY_MONTHLY_AFTER_S = 3_600.0


async def reserve_quota(conn: Connection, org_id: UUID, needs: Sequence[Need]) -> None:
    """Reserve what jobs of an organisation may use; meters that its plan does not count are left out.

    Joins the transaction that makes the jobs, and should be its last statement, because whoever reserves too waits for
    its end. More can be reserved for a job later. Raises QuotaExceeded, after which the transaction must be rolled
    back.
    """
    shortages = await store.reserve(conn, org_id, needs)
    if shortages:
        is_monthly = any(each.meter in MONTHLY for each in shortages)
        retry_after_s = RETRY_MONTHLY_AFTER_S if is_monthly else RETRY_AFTER_S
        raise QuotaExceeded(org_id, shortages, retry_after_s=retry_after_s)


async def settle_part(conn: Connection, part: Part) -> None:
    """Keep of what was reserved for a part of a job's work as much as it used, which counts when the job ends.

    Joins the transaction that ends the part, which must end it but once. It may have used more than was reserved; where
    its job has ended before, nothing changes.
    """
    await store.settle_part(conn, part)


async def settle_quota(conn: Connection, spent: Sequence[Spent]) -> None:
    """Count what jobs have used, of solving at most what they had reserved, and free the rest; all in one statement.

    Joins the transaction that ends the jobs. One that reserved nothing, or was settled before, changes nothing.
    """
    if spent:
        await store.settle(conn, spent)


async def note_refusal(conn: Connection, refusal: QuotaExceeded) -> None:
    """Count a refusal, once its transaction has been rolled back, and notice that the quota is used up."""
    await store.note_refusal(conn, refusal.org_id, refusal.shortages)
