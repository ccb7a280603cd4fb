"""How much of one agent or resource is taken at every time, and where there is room for more."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence


class Timeline:
    """The units of one agent or resource in use over time: a step function that starts empty.

    `_used[i]` units are in use from `_times[i]` up to, not including, `_times[i + 1]`; the last step is 0 for ever.
    """

    __slots__ = ("_capacity", "_closes", "_times", "_used", "_windows")

    def __init__(self, capacity: int, windows: Iterable[tuple[int, int]] | None = None) -> None:
        """Take `capacity` units, to be had inside one of the disjoint `windows` (start, end), or always."""
        self._capacity = capacity
        self._windows = None if windows is None else sorted(windows)
        self._closes = [end for _, end in self._windows or ()]
        self._times = [0]
        self._used = [0]

    def earliest_fit(self, start: int, duration: int, demand: int = 1) -> int | None:
        """Find the first time from `start` on at which `demand` units are free for `duration`; None if there is none.

        An instant (duration 0) takes up no units, so it only has to touch a window.
        """
        if not duration:
            demand = 0
        if demand > self._capacity:
            return None
        if self._windows is None:
            return self._free_from(start, duration, demand)
        while (opened := self._open_from(self._windows, start, duration)) is not None:
            start = self._free_from(opened, duration, demand)
            if start == opened:
                return start
        return None

    def occupy(self, start: int, end: int, demand: int = 1) -> None:
        """Take `demand` units from `start` up to, not including, `end`."""
        if start == end or not demand:
            return
        first = self._step_at(start)
        last = self._step_at(end)
        for step in range(first, last):
            self._used[step] += demand
        # Neighbours can only have become equal at the two edges, because all between rose alike.
        self._join(last)
        self._join(first)

    def _open_from(self, windows: Sequence[tuple[int, int]], start: int, duration: int) -> int | None:
        """Find the first time from `start` on from which a window holds the whole `duration`."""
        for window in range(bisect_left(self._closes, start + duration), len(windows)):
            opens, closes = windows[window]
            if max(start, opens) + duration <= closes:
                return max(start, opens)
        return None

    def _free_from(self, start: int, duration: int, demand: int) -> int:
        """Find the first time from `start` on at which enough units are free, whatever the windows."""
        times, used = self._times, self._used
        room = self._capacity - demand
        end = start + duration
        for step in range(bisect_right(times, start) - 1, len(times)):
            if times[step] >= end:
                break
            if used[step] > room:
                start = times[step + 1]
                end = start + duration
        return start

    def _step_at(self, time: int) -> int:
        """Return the step that begins at `time`, splitting one where needed."""
        step = bisect_left(self._times, time)
        if step == len(self._times) or self._times[step] != time:
            self._times.insert(step, time)
            self._used.insert(step, self._used[step - 1])
        return step

    def _join(self, step: int) -> None:
        """Make one step of this one and the step before it where both have the same units in use."""
        if step and self._used[step] == self._used[step - 1]:
            del self._times[step], self._used[step]
