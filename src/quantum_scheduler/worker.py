"""The data plane: a worker with its connections, working off the queue under one lease after another."""

import asyncio
import gc
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from quantum_scheduler.jobs.lease import LEASE_S
from quantum_scheduler.jobs.perform import Handler
from quantum_scheduler.jobs.quantum_bench import QuantumBench
from quantum_scheduler.jobs.repeat import attempt, end_all
from quantum_scheduler.jobs.solve import Bench
from quantum_scheduler.jobs.watch_backends import watch_backends
from quantum_scheduler.jobs.work import Worker
from quantum_scheduler.postgres.connect import open_pool
from quantum_scheduler.postgres.listen import Listener, Notifier
from quantum_scheduler.solving.port import Executor

MEMORY_MB = 4096
CONNECTIONS_MAX = 8
# New objects until the youngest are looked through, and how often that is until older ones are.
COLLECT_AFTER = (50_000, 10, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patient a worker is: how long its lease lasts without a beat, and how long it lets work end when it leaves.

    `chance` gives numbers in [0, 1) that spread retries.
    """

    lease_s: float = LEASE_S
    grace_s: float = 20.0
    chance: Callable[[], float] = random.random


async def run_worker(  # noqa: PLR0913  all that a worker is made of is said at its door
    dsn: str,
    executor: Executor,
    *,
    lanes: Sequence[str],
    slots: int,
    stop: asyncio.Event,
    memory_mb: int = MEMORY_MB,
    use_cache: bool = True,
    statement_cache: bool = True,
    pace: Pace = Pace(),
    handlers: Mapping[str, Handler] = MappingProxyType({}),
    quantum: QuantumBench | None = None,
) -> None:
    """Work on up to `slots` jobs of `lanes` at once until `stop` is set; then finish within the grace or hand back.

    `handlers` do the tasks of the kinds they are named for; jobs are of kind `solve` and need none. Without
    `statement_cache`, a pooler may stand before the database. With `quantum`, jobs may have quantum attempts, and the
    backends are watched.
    It outlives restarts of the database and the loss of its lease. Raises DatabaseUnavailable where the database
    cannot be reached at first.
    """
    async with AsyncExitStack() as stack:
        pool = await open_pool(
            dsn,
            size_max=CONNECTIONS_MAX,
            application_name="quantum-scheduler worker",
            statement_cache=statement_cache,
        )
        stack.callback(pool.terminate)
        listener = await stack.enter_async_context(Listener(dsn))
        notifier = await stack.enter_async_context(Notifier(dsn))
        bench = Bench(
            pool=pool,
            executor=executor,
            memory_mb=memory_mb,
            use_cache=use_cache,
            chance=pace.chance,
            quantum=quantum,
        )
        worker = Worker(bench, handlers, listener, notifier, lanes=lanes, slots=slots, stop=stop)
        settling = asyncio.create_task(worker.ledger.keep())
        watching = [] if quantum is None else [asyncio.create_task(watch_backends(pool, quantum))]
        try:
            while not stop.is_set():
                serve = partial(worker.serve, dsn, lease_s=pace.lease_s, grace_s=pace.grace_s)
                await attempt(partial(serve, statement_cache=statement_cache))
        finally:
            await worker.kill()
            await end_all([settling, *watching, *(() if quantum is None else quantum.strays)])


def spare_collector() -> None:
    """Make the garbage collector of a worker's process look seldom, and never at what is imported by now.

    Results are many small objects that go by themselves, and a busy worker would look through them at every collection.
    """
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
