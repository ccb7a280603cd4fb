"""Show what waits for a person to decide."""

from quantum_scheduler.jobs.queue_model import ReviewedTask
from quantum_scheduler.jobs.store import task as store
from quantum_scheduler.postgres.connect import Connection

REVIEWS_LISTED_MAX = 1_000


async def list_reviews(conn: Connection) -> list[ReviewedTask]:
    """List up to `REVIEWS_LISTED_MAX` tasks that wait for a person, the oldest first.

    Each goes on by `actions.requeue`, which submits it anew, or ends by `actions.kill`.
    """
    return await store.list_reviews(conn, count_max=REVIEWS_LISTED_MAX)
