"""A process of the control plane that may be killed at any moment: it works off the control lane."""

import asyncio
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.context import ForkServerProcess

from quantum_scheduler.app import build_handlers
from quantum_scheduler.jobs.model import CONTROL_LANE
from quantum_scheduler.runbooks.actions.desk import Parts
from quantum_scheduler.solving.pool import ProcessPool
from quantum_scheduler.worker import Pace, run_worker

LEASE_S = 3.0
SLOTS = 4


def work(dsn: str) -> None:
    """Work until killed."""
    asyncio.run(_work(dsn))


async def _work(dsn: str) -> None:
    await run_worker(
        dsn,
        ProcessPool(1),
        lanes=[CONTROL_LANE],
        slots=SLOTS,
        stop=asyncio.Event(),
        pace=Pace(lease_s=LEASE_S),
        handlers=build_handlers(Parts()),
    )


class Crew:
    """Processes that are killed, frozen and started again, as forks of one that has imported everything."""

    def __init__(self, dsn: str, size: int) -> None:
        self._dsn = dsn
        self._size = size
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__])
        self._crew: list[ForkServerProcess] = []

    def fill(self) -> None:
        """Start as many as are missing."""
        self._crew = [each for each in self._crew if each.is_alive()]
        while len(self._crew) < self._size:
            process = self._context.Process(target=work, args=(self._dsn,), daemon=True)
            process.start()
            self._crew.append(process)

    def kill(self, chance: random.Random) -> None:
        """Kill one at random."""
        victim = chance.choice(self._crew)
        victim.kill()
        victim.join()

    def freeze(self, chance: random.Random, for_s: float) -> None:
        """Stop one for longer than its lease, and let it go on as a zombie."""
        victim = chance.choice(self._crew)
        with suppress(ProcessLookupError):
            os.kill(victim.pid or 0, signal.SIGSTOP)
            time.sleep(for_s)
            os.kill(victim.pid or 0, signal.SIGCONT)

    def end(self) -> None:
        """Kill all."""
        for each in self._crew:
            with suppress(ProcessLookupError):
                os.kill(each.pid or 0, signal.SIGCONT)
            each.kill()
            each.join()


@contextmanager
def crew_at(dsn: str, size: int) -> Iterator[Crew]:
    """Lend a crew that is at work."""
    crew = Crew(dsn, size)
    crew.fill()
    try:
        yield crew
    finally:
        crew.end()
