"""How much of each agent and resource is taken at every time: step functions, as in problems/timeline.py, compiled."""

from typing import NamedTuple

import numpy as np

from quantum_scheduler.backends.classical.list_search.compile import part
from quantum_scheduler.backends.classical.list_search.tensors import NEVER, Integers, Tensors


class Timelines(NamedTuple):
    """From `times[i]` to `times[i + 1]`, `used[i]` units are taken; timeline k has `count[k]` steps, the last for ever.

    The steps of timeline k are kept from `Tensors.steps_from[k]` on.
    """

    times: Integers
    used: Integers
    count: Integers
    work: Integers


def empty_timelines(tensors: Tensors) -> Timelines:
    """Make room for the steps of every timeline. Untouched room takes up no memory."""
    room = int(tensors.steps_from[-1])
    return Timelines(
        times=np.empty(room, np.int64),
        used=np.empty(room, np.int64),
        count=np.zeros(tensors.capacity.size, np.int64),
        work=np.zeros(1, np.int64),
    )


@part
def clear(tensors: Tensors, lines: Timelines) -> None:
    """Take nothing anywhere."""
    for line in range(lines.count.size):
        lines.count[line] = 1
        lines.times[tensors.steps_from[line]] = 0
        lines.used[tensors.steps_from[line]] = 0


@part
def earliest_fit(tensors: Tensors, lines: Timelines, line: int, start: int, duration: int, units: int) -> int:
    """Find the first time from `start` on at which `units` are free for `duration`, or NEVER."""
    first_window = tensors.windows_from[line]
    end_of_windows = tensors.windows_from[line + 1]
    if first_window == end_of_windows:
        return free_from(tensors, lines, line, start, duration, units)
    while True:
        opened = open_from(tensors, first_window, end_of_windows, start, duration)
        if opened == NEVER:
            return NEVER
        start = free_from(tensors, lines, line, opened, duration, units)
        if start == opened:
            return start


@part
def open_from(tensors: Tensors, first: int, end: int, start: int, duration: int) -> int:
    """Find the first time from `start` on from which one of the windows holds the whole `duration`, or NEVER."""
    low, high = first, end
    while low < high:
        middle = (low + high) >> 1
        if tensors.closes[middle] < start + duration:
            low = middle + 1
        else:
            high = middle
    for window in range(low, end):
        opened = max(start, tensors.opens[window])
        if opened + duration <= tensors.closes[window]:
            return opened
    return NEVER


@part
def free_from(tensors: Tensors, lines: Timelines, line: int, start: int, duration: int, units: int) -> int:
    """Find the first time from `start` on at which enough units are free, whatever the windows."""
    if duration == 0:
        return start
    room = tensors.capacity[line] - units
    first = tensors.steps_from[line]
    end = first + lines.count[line]
    begin = step = step_before(lines, first, end, start)
    while step < end and lines.times[step] < start + duration:
        if lines.used[step] > room:
            start = lines.times[step + 1]
        step += 1
    lines.work[0] += step - begin + 1
    return start


@part
def step_before(lines: Timelines, first: int, end: int, time: int) -> int:
    """Find the step during which `time` lies."""
    # Most looks are near the end, so that strides from there find the place sooner than halving all.
    high, stride = end, 1
    low = end - 1
    while low > first and lines.times[low] > time:
        high = low
        stride <<= 1
        low = max(first, high - stride)
    while high - low > 1:
        middle = (low + high) >> 1
        if lines.times[middle] <= time:
            low = middle
        else:
            high = middle
    return low


@part
def take(tensors: Tensors, lines: Timelines, line: int, start: int, end: int, units: int) -> None:
    """Take `units`, or give them back where negative, from `start` up to, not including, a later `end`."""
    first = _step_at(tensors, lines, line, start)
    last = _step_at(tensors, lines, line, end)
    for step in range(first, last):
        lines.used[step] += units
    # Neighbours can only have become equal at the two edges, because all between changed alike.
    _join(tensors, lines, line, last)
    _join(tensors, lines, line, first)


@part
def _step_at(tensors: Tensors, lines: Timelines, line: int, time: int) -> int:
    """Return the step that begins at `time`, splitting one where needed."""
    first = tensors.steps_from[line]
    end = first + lines.count[line]
    step = step_before(lines, first, end, time)
    if lines.times[step] == time:
        return step
    for later in range(end, step + 1, -1):
        lines.times[later] = lines.times[later - 1]
        lines.used[later] = lines.used[later - 1]
    lines.times[step + 1] = time
    lines.used[step + 1] = lines.used[step]
    lines.count[line] += 1
    return step + 1


@part
def _join(tensors: Tensors, lines: Timelines, line: int, step: int) -> None:
    """Make one step of this one and the step before it where both have the same units taken."""
    first = tensors.steps_from[line]
    if step > first and lines.used[step] == lines.used[step - 1]:
        for later in range(step, first + lines.count[line] - 1):
            lines.times[later] = lines.times[later + 1]
            lines.used[later] = lines.used[later + 1]
        lines.count[line] -= 1
