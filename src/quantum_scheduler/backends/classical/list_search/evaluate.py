"""Evaluate an order of the tasks: place them, push them late, place them again."""

from typing import NamedTuple

import numpy as np

from quantum_scheduler.backends.classical.list_search.compile import kernel, part
from quantum_scheduler.backends.classical.list_search.place import (
    Bench,
    Schedule,
    copy_all,
    empty_schedule,
    make_bench,
    place_all,
)
from quantum_scheduler.backends.classical.list_search.sort import sort_by
from quantum_scheduler.backends.classical.list_search.tensors import Integers, Tensors
from quantum_scheduler.backends.classical.list_search.worth import UNPLACED, worth


class Trial(NamedTuple):
    """What evaluating needs room for. `mirror` is the problem in reversed time, its releases filled in each time."""

    mirror: Tensors
    bench: Bench
    schedule: Schedule
    late: Schedule
    again: Schedule
    order: Integers
    keys: Integers
    room: Integers


def make_trial(tensors: Tensors) -> Trial:
    tasks = tensors.duration.size
    mirror = tensors._replace(
        release=np.zeros(tasks, np.int64),
        before_from=tensors.after_from,
        before=tensors.after,
        after_from=tensors.before_from,
        after=tensors.before,
        windows_from=np.zeros_like(tensors.windows_from),
    )
    return Trial(
        mirror=mirror,
        bench=make_bench(tensors),
        schedule=empty_schedule(tensors),
        late=empty_schedule(tensors),
        again=empty_schedule(tensors),
        order=np.zeros(tasks, np.int64),
        keys=np.zeros(tasks, np.int64),
        room=np.zeros(tasks, np.int64),
    )


@kernel
def evaluate(tensors: Tensors, order: Integers, wanted: Integers, justify: bool, trial: Trial) -> int:
    """Place the tasks into `trial.schedule`, sort `order` by their starts and return what the schedule is worth."""
    placed = place_all(tensors, order, wanted, trial.schedule, trial.bench)
    if placed < order.size:
        return UNPLACED + order.size - placed
    value = worth(tensors, trial.schedule)
    if justify:
        value = _justify(tensors, order, wanted, value, trial)
    sort_by(order, trial.schedule.start, trial.room)
    return value


@part
def _justify(tensors: Tensors, order: Integers, wanted: Integers, value: int, trial: Trial) -> int:
    """Push all tasks as late as their crews allow and place them anew in that order; keep the result if no worse.

    Forward-backward improvement (Tormos and Lova 2001). No task is pushed past the end of all or a due time it kept.
    """
    tasks = order.size
    makespan = 0
    for task in range(tasks):
        makespan = max(makespan, trial.schedule.start[task] + tensors.duration[task])
    for at in range(tasks):
        task = order[at]
        end = trial.schedule.start[task] + tensors.duration[task]
        limit = makespan
        if tensors.late_weight[task]:
            limit = min(limit, max(end, tensors.due[task]))
        limit = min(limit, max(end, tensors.latest[task]))
        trial.mirror.release[task] = makespan - limit
        trial.keys[task] = -end
        trial.order[tasks - 1 - at] = task
    sort_by(trial.order, trial.keys, trial.room)
    place_all(trial.mirror, trial.order, trial.schedule.crew, trial.late, trial.bench)
    for at in range(tasks):
        task = trial.order[at]
        trial.keys[task] = -(trial.late.start[task] + tensors.duration[task])
    for at in range(tasks // 2):
        trial.order[at], trial.order[tasks - 1 - at] = trial.order[tasks - 1 - at], trial.order[at]
    sort_by(trial.order, trial.keys, trial.room)
    if place_all(tensors, trial.order, wanted, trial.again, trial.bench) < tasks:
        return value
    again = worth(tensors, trial.again)
    if again > value:
        return value
    copy_all(trial.again.start, trial.schedule.start)
    copy_all(trial.again.crew, trial.schedule.crew)
    copy_all(trial.order, order)
    return again
