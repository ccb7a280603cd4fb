"""What has ended and is not written down yet."""

import asyncio
from collections.abc import Callable

from quantum_scheduler.jobs.model import Outcome, Settled
from quantum_scheduler.jobs.repeat import attempt
from quantum_scheduler.jobs.settle import settle_surely
from quantum_scheduler.jobs.slots import Run
from quantum_scheduler.postgres.connect import Pool

SETTLE_BATCH_MAX = 500
# While one batch waits for the disk, another is on its way if it is worth it.
WORTH_A_SECOND = 250


class Ledger:
    """Writes down in batches what has ended, for as long as it takes; not even the loss of the lease stops it.

    `on_settled` is called for each run that is written down, with None where its claim was lost and changed nothing.
    """

    def __init__(self, pool: Pool, *, remember: bool, on_settled: Callable[[Run, Settled | None], None]) -> None:
        self._pool = pool
        self._remember = remember
        self._on_settled = on_settled
        self._ended: list[tuple[Run, Outcome]] = []
        self._under_way = 0
        self._waits = asyncio.Event()

    @property
    def unsettled(self) -> int:
        """How much has ended and is not written down."""
        return len(self._ended) + self._under_way

    def add(self, run: Run, outcome: Outcome) -> None:
        """Have it written down what became of a run."""
        self._ended.append((run, outcome))
        self._waits.set()

    async def keep(self) -> None:
        """Write down what is added until cancelled."""
        await asyncio.gather(self._settle_always(1), self._settle_always(WORTH_A_SECOND))

    async def _settle_always(self, worth: int) -> None:
        while True:
            await self._waits.wait()
            self._waits.clear()
            while len(self._ended) >= worth:
                await attempt(self._settle)

    async def _settle(self) -> None:
        batch = self._ended[:SETTLE_BATCH_MAX]
        del self._ended[: len(batch)]
        self._under_way += len(batch)
        try:
            done = [(run.claim, outcome) for run, outcome in batch]
            settled = await settle_surely(self._pool, done, remember=self._remember)
        except BaseException:
            self._ended[:0] = batch
            raise
        finally:
            self._under_way -= len(batch)
        for run, _ in batch:
            self._on_settled(run, settled.get(run.claim.fence))
