"""Tell how far running jobs have come."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from quantum_scheduler.jobs.model import EVENTS_PER_JOB_MAX, Claim
from quantum_scheduler.jobs.store import task as store
from quantum_scheduler.postgres.connect import Connection


async def report_progress(conn: Connection, news: Sequence[tuple[Claim, Mapping[str, Any]]]) -> list[UUID]:
    """Write the latest progress of jobs whose claims still hold, and name them; of each, only the last
    `EVENTS_PER_JOB_MAX` events stay, and its changes of state."""
    fenced = [(claim.fence, progress) for claim, progress in news]
    return await store.report_progress(conn, fenced, events_max=EVENTS_PER_JOB_MAX)
