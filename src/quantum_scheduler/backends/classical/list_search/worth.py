"""What a schedule is worth, in the integer weights of objective.py."""

from quantum_scheduler.backends.classical.list_search.compile import part
from quantum_scheduler.backends.classical.list_search.place import Schedule
from quantum_scheduler.backends.classical.list_search.tensors import Tensors

# From here on, a value counts the time by which hard deadlines are missed, and further on the tasks without a place.
MISSED = 2**60
UNPLACED = 2**61


@part
def worth(tensors: Tensors, schedule: Schedule) -> int:
    """Return the weighted objective of a complete schedule, or MISSED and more where a hard deadline is missed."""
    makespan = value = missed = 0
    for task in range(tensors.duration.size):
        end = schedule.start[task] + tensors.duration[task]
        makespan = max(makespan, end)
        if end > tensors.due[task]:
            value += tensors.late_weight[task] * (end - tensors.due[task])
        if end > tensors.latest[task]:
            missed += end - tensors.latest[task]
        for slot in range(tensors.slots_from[task], tensors.slots_from[task + 1]):
            value += tensors.price[schedule.crew[slot]] * tensors.duration[task]
    if missed:
        return MISSED + missed
    return value + tensors.makespan_weight * makespan
