"""Place every task in turn as early as it fits: the serial list schedule of problems/place.py, compiled."""

from typing import NamedTuple

import numpy as np

from quantum_scheduler.backends.classical.list_search.compile import kernel, part
from quantum_scheduler.backends.classical.list_search.tensors import NEVER, Integers, Tensors
from quantum_scheduler.backends.classical.list_search.timeline import (
    Timelines,
    clear,
    earliest_fit,
    empty_timelines,
    take,
)

# In the first slot of a task's crew: whoever can begin first does it.
ANYBODY = -1


class Schedule(NamedTuple):
    """The start of each task, and the agent in each slot."""

    start: Integers
    crew: Integers


class Bench(NamedTuple):
    """What placing needs room for: the timelines, and for one task the first fit of each agent that is able."""

    lines: Timelines
    fits: Integers
    ranked: Integers


def empty_schedule(tensors: Tensors) -> Schedule:
    """Make room for a schedule."""
    return Schedule(
        start=np.zeros(tensors.duration.size, np.int64), crew=np.zeros(int(tensors.slots_from[-1]), np.int64)
    )


def make_bench(tensors: Tensors) -> Bench:
    """Make room for placing."""
    room = max(1, tensors.agents)
    return Bench(lines=empty_timelines(tensors), fits=np.zeros(room, np.int64), ranked=np.zeros(room, np.int64))


@part
def copy_all(source: Integers, target: Integers) -> None:
    """Copy one array into another that is as long."""
    for at in range(source.size):
        target[at] = source[at]


@kernel
def place_all(tensors: Tensors, order: Integers, wanted: Integers, schedule: Schedule, bench: Bench) -> int:
    """Place the tasks in an order that keeps to the dependencies; return how many found a place before one did not.

    `wanted` holds the agent for each slot, or ANYBODY in the first slot of a task.
    """
    clear(tensors, bench.lines)
    for turn in range(order.size):
        if not place_task(tensors, order[turn], NEVER, wanted, schedule, bench):
            return turn
    return order.size


@part
def place_task(tensors: Tensors, task: int, limit: int, wanted: Integers, schedule: Schedule, bench: Bench) -> bool:
    """Place one task as early as its predecessors, crew and resources let it; False where it cannot end by `limit`."""
    duration = tensors.duration[task]
    start = tensors.release[task]
    for at in range(tensors.before_from[task], tensors.before_from[task + 1]):
        other = tensors.before[at]
        start = max(start, schedule.start[other] + tensors.duration[other])
    slot = tensors.slots_from[task]
    crewed = slot < tensors.slots_from[task + 1]
    free = crewed and wanted[slot] == ANYBODY
    if free:
        kind = tensors.kind[task]
        for at in range(tensors.able_from[kind + 1] - tensors.able_from[kind]):
            bench.fits[at] = -1
    elif crewed:
        for at in range(slot, tensors.slots_from[task + 1]):
            schedule.crew[at] = wanted[at]
    while True:
        begin = start
        for at in range(tensors.uses_from[task], tensors.uses_from[task + 1]):
            start = earliest_fit(tensors, bench.lines, tensors.uses[at], start, duration, tensors.units[at])
        if free:
            start = _earliest_crew(tensors, task, start, schedule, bench)
        elif crewed:
            start = _earliest_given(tensors, task, start, schedule, bench)
        if start + duration > limit:
            return False
        if start == begin:
            schedule.start[task] = start
            hold(tensors, task, 1, schedule, bench.lines)
            return True


@part
def hold(tensors: Tensors, task: int, sign: int, schedule: Schedule, lines: Timelines) -> None:
    """Take what a placed task needs, or with sign -1 give it back."""
    duration = tensors.duration[task]
    if duration == 0:
        return
    start = schedule.start[task]
    for slot in range(tensors.slots_from[task], tensors.slots_from[task + 1]):
        take(tensors, lines, schedule.crew[slot], start, start + duration, sign)
    for at in range(tensors.uses_from[task], tensors.uses_from[task + 1]):
        take(tensors, lines, tensors.uses[at], start, start + duration, sign * tensors.units[at])


@part
def _earliest_given(tensors: Tensors, task: int, start: int, schedule: Schedule, bench: Bench) -> int:
    """Find the first time from `start` on at which the whole crew that is given is free, or NEVER."""
    duration = tensors.duration[task]
    while True:
        begin = start
        for slot in range(tensors.slots_from[task], tensors.slots_from[task + 1]):
            start = earliest_fit(tensors, bench.lines, schedule.crew[slot], start, duration, 1)
        if start in (begin, NEVER):
            return start


@part
def _earliest_crew(tensors: Tensors, task: int, start: int, schedule: Schedule, bench: Bench) -> int:
    """Find the first time from `start` on at which enough able agents are free together, and let the first of them do it.

    `fits` holds for each of them the first fit from some earlier time on, so that it is looked up again only where
    that has passed. Returns NEVER where there is no such time.
    """
    duration = tensors.duration[task]
    slot = tensors.slots_from[task]
    need = tensors.slots_from[task + 1] - slot
    first = tensors.able_from[tensors.kind[task]]
    able = tensors.able_from[tensors.kind[task] + 1] - first
    while True:
        found = 0
        for at in range(able):
            agent = tensors.able[first + at]
            if bench.fits[at] < start:
                bench.fits[at] = earliest_fit(tensors, bench.lines, agent, start, duration, 1)
            if bench.fits[at] == start:
                schedule.crew[slot + found] = agent
                found += 1
                if found == need:
                    return start
        # Before this time, fewer than enough are free.
        start = _smallest(bench.fits[:able], need, bench.ranked)
        if start == NEVER:
            return NEVER


@part
def _smallest(values: Integers, rank: int, ranked: Integers) -> int:
    """Return the value that comes `rank`-th, from 1, when they are sorted; `ranked` is room for as many."""
    kept = 0
    for value in values:
        if kept == rank and value >= ranked[kept - 1]:
            continue
        at = kept if kept < rank else rank - 1
        while at > 0 and ranked[at - 1] > value:
            ranked[at] = ranked[at - 1]
            at -= 1
        ranked[at] = value
        kept = min(kept + 1, rank)
    return ranked[rank - 1]
