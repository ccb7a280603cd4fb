"""Tell in two numbers whether work gets done."""

from dataclasses import dataclass

from quantum_scheduler.jobs.store import pulse as store
from quantum_scheduler.postgres.connect import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """How many jobs wait for a worker, and how many workers are alive."""

    queue_depth: int
    workers: int


async def take_pulse(conn: Connection) -> Pulse:
    """Count the jobs that wait and the workers that are alive."""
    queue_depth, workers = await store.take_pulse(conn)
    return Pulse(queue_depth=queue_depth, workers=workers)
