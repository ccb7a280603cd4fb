"""The slots of a worker: each takes up one claim after the other, so that quick work costs no task of its own."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog

from quantum_scheduler.jobs.model import Claim, HandedBack, Outcome

# While all that was claimed is done in half this time, up to so many more are claimed than there are slots, because a
# claim of many costs less for each, and the next can be made while these are done; what then has to wait for a slot
# for longer is handed back.
AHEAD_S = 0.1
AHEAD_MAX = 1_000
# After so many runs a slot lets the others of the event loop have their turn.
TURN_RUNS = 50

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Run:
    """A claim that waits for a slot, is at work in one, or `is_over` and to be written down.

    `job` is the name by which others speak of it, None where it has no job. `stopped` is what becomes of the job if
    the work is stopped, None where that is not ours.
    """

    claim: Claim
    problem: bytes | None
    job: str | None
    begun_at: float = 0.0
    slot: asyncio.Task[None] | None = None
    stopped: Outcome | None = None
    is_over: bool = False


class Slots:
    """Performs runs, `count` at once, and says what became of each: None where its work was stopped and is not ours.

    `on_free` is called when there is room again. What was begun beyond the slots waits for one for `ahead_s` at most.
    """

    def __init__(
        self,
        count: int,
        *,
        perform: Callable[[Run], Awaitable[Outcome]],
        on_end: Callable[[Run, Outcome | None], None],
        on_free: Callable[[], None],
        ahead_s: float = AHEAD_S,
    ) -> None:
        self.count = count
        self.ahead_s = ahead_s
        self._perform = perform
        self._on_end = on_end
        self._on_free = on_free
        self._begun: deque[Run] = deque()  # the first of them is not over
        self._waiting: deque[Run] = deque()
        self._busy: set[asyncio.Task[None]] = set()
        self._resting = 0
        self._is_staffing = False
        self._ahead = 0
        self._was_filled = False

    @property
    def room(self) -> int:
        """How much more may be begun now; none while half of what is claimed ahead still waits."""
        return 0 if len(self._waiting) > self._ahead // 2 else self._places

    def look_ahead(self) -> None:
        """Make room beyond the slots, twice as much each time, while all that fills them is soon done."""
        age_s = asyncio.get_running_loop().time() - self._begun[0].begun_at if self._begun else 0.0
        if not self._was_filled or age_s >= self.ahead_s or (self._begun and not self._ahead):
            self._ahead = 0
        elif age_s >= self.ahead_s / 2:
            self._ahead //= 2
        else:
            self._ahead = min(2 * self._ahead + self.count, AHEAD_MAX)

    def begin(self, runs: Sequence[Run]) -> None:
        """Begin what there are slots for, and let the rest wait for them."""
        loop = asyncio.get_running_loop()
        for run in runs:
            run.begun_at = loop.time()
        self._begun.extend(runs)
        self._waiting.extend(runs)
        self._was_filled = self._places <= 0
        self._staff()
        if self._ahead:
            loop.call_later(self.ahead_s, self._return_waiting, runs)

    def stop(self, runs: Iterable[Run], outcome: Outcome | None) -> None:
        """Stop those of the runs that are not over; unless it ends by itself just now, `outcome` becomes of each."""
        for run in [run for run in runs if not run.is_over]:
            run.stopped = outcome
            if run.slot is None:
                self._waiting.remove(run)
                self._end(run, outcome)
            elif not run.slot.cancelling():  # to cancel again would keep the executor from cleaning up
                run.slot.cancel()

    def resize(self, count: int) -> None:
        """Perform so many at once from now on; what is at work goes on."""
        self.count = count
        self._staff()

    async def wait(self) -> None:
        """Wait until all slots are free."""
        await asyncio.gather(*self._busy, return_exceptions=True)

    @property
    def _places(self) -> int:
        return self.count + self._ahead - len(self._busy) - len(self._waiting)

    def _return_waiting(self, runs: Sequence[Run]) -> None:
        """Let others have what was claimed ahead of a slot and did not get one in time."""
        self.stop([run for run in runs if run.slot is None], HandedBack())

    def _staff(self) -> None:
        """Have one more slot take up what waits, once those that are at it have to wait."""
        if self._waiting and not self._is_staffing and len(self._busy) < self.count:
            self._is_staffing = True
            asyncio.get_running_loop().call_soon(self._add_slot)

    def _add_slot(self) -> None:
        self._is_staffing = False
        if self._waiting and not self._resting and len(self._busy) < self.count:
            slot = asyncio.create_task(self._fill())
            self._busy.add(slot)
            slot.add_done_callback(self._leave)

    async def _fill(self) -> None:
        """Take up one run after the other until none waits or one is stopped."""
        slot = asyncio.current_task()
        taken = 0
        while self._waiting and slot is not None and not slot.cancelling() and len(self._busy) <= self.count:
            run = self._waiting.popleft()
            run.slot = slot
            self._staff()  # the others need not wait if this one does
            if len(self._waiting) == self._ahead // 2:
                self._on_free()
            try:
                outcome = await self._perform(run)
            except asyncio.CancelledError:
                self._end(run, run.stopped)
                raise
            self._end(run, outcome)
            taken += 1
            if taken % TURN_RUNS == 0:
                self._resting += 1
                await asyncio.sleep(0)
                self._resting -= 1

    def _end(self, run: Run, outcome: Outcome | None) -> None:
        run.is_over = True
        while self._begun and self._begun[0].is_over:
            self._begun.popleft()
        self._on_end(run, outcome)

    def _leave(self, slot: asyncio.Task[None]) -> None:
        self._busy.discard(slot)
        if not slot.cancelled() and slot.exception() is not None:
            log.error("worker.slot_broke", exc_info=slot.exception())
        self._staff()
        self._on_free()
