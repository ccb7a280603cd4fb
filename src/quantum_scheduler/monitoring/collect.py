"""Sample all metrics every few seconds, keep them, and have whoever beholds them do what follows."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from quantum_scheduler.jobs.repeat import attempt
from quantum_scheduler.monitoring.count_solves import count_solves
from quantum_scheduler.monitoring.history import History
from quantum_scheduler.monitoring.metric import Table
from quantum_scheduler.monitoring.sample_model import KEEP, Keep
from quantum_scheduler.monitoring.snapshot import Snapshot, take_snapshot
from quantum_scheduler.postgres.connect import Connection, Pool

INTERVAL_S = 5.0


class Beholder(Protocol):
    """What looks at every snapshot."""

    async def look(self, conn: Connection, snapshot: Snapshot) -> None:
        """Do what follows from a snapshot, in the transaction that also writes it down."""
        ...

    def keep(self) -> None:
        """Go on from what the last look has seen, now that it is written down."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What is measured how often, for how long it is kept, and how to build whoever looks at it from the start on."""

    table: Table
    interval_s: float = INTERVAL_S
    keep: Keep = KEEP
    behold: Callable[[], Beholder] | None = None


async def collect_always(collection: Collection, pool: Pool, now: Callable[[], datetime]) -> None:
    """Sample until cancelled. It outlives restarts of the database; what is missed meanwhile is missing."""
    history = History(collection.table, collection.keep)
    beholder = None if collection.behold is None else collection.behold()
    loop = asyncio.get_running_loop()
    due_s = loop.time()

    async def sample() -> None:
        await collect(pool, collection.table, history, beholder, now=now())

    while True:
        await attempt(sample, room="metrics", failed="not_collected")
        # By the clock, not by how long it took; what is late is not made up for.
        due_s = max(due_s + collection.interval_s, loop.time())
        await asyncio.sleep(due_s - loop.time())


async def collect(pool: Pool, table: Table, history: History, beholder: Beholder | None, *, now: datetime) -> Snapshot:
    """Sample everything once: write it down and do what follows from it, in one transaction."""
    snapshot = await take_snapshot(pool, table, now=now)
    async with pool.acquire() as conn:
        async with conn.transaction():
            await history.write(conn, snapshot)
            await count_solves(conn)
            if beholder is not None:
                await beholder.look(conn, snapshot)
        if beholder is not None:
            beholder.keep()
        await history.tidy(conn, now=now)
    return snapshot
