"""A budget of CPU seconds of this process, all of its threads counted."""

import threading
import time
from collections.abc import Callable

from quantum_scheduler.backends.local import Stop

WATCH_S = 0.01


class CpuClock:
    """Runs from its making. `share` is how much of a core this process was getting, for solvers that go by the wall."""

    def __init__(self, budget_s: float, *, share: float = 1.0) -> None:
        self.budget_s = budget_s
        self.share = share
        self._began_s = time.process_time()

    def spent_s(self) -> float:
        """Say how much is spent."""
        return time.process_time() - self._began_s

    def left_s(self) -> float:
        """Say how much is left, down to 0."""
        return max(0.0, self.budget_s - self.spent_s())

    def left_wall_s(self) -> float:
        """Say how long the rest will last on the wall."""
        return self.left_s() / self.share

    def when_over(self, action: Callable[[], None]) -> threading.Event:
        """Call `action` once when the budget is spent, unless the event that this returns is set before."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(WATCH_S):
                if not self.left_s():
                    action()
                    return

        threading.Thread(target=watch, daemon=True).start()
        return done


class CpuStop(Stop):
    """Our own backend's stop, by CPU seconds in place of the wall's."""

    _clock: CpuClock

    def __init__(self, clock: CpuClock) -> None:
        super().__init__(cancelled=threading.Event(), deadline_s=time.monotonic() + clock.left_wall_s())
        object.__setattr__(self, "_clock", clock)

    def remaining_s(self) -> float:
        """Say how many CPU seconds are left."""
        return self._clock.left_s()


def measure_share(span_s: float = 0.3) -> float:
    """Measure which share of a core this process gets: CPU seconds for each second, over `span_s` of work."""
    wall_s, cpu_s = time.monotonic(), time.process_time()
    while time.monotonic() < wall_s + span_s:
        pass
    return min(1.0, (time.process_time() - cpu_s) / (time.monotonic() - wall_s))
