"""What two tasks cost together on one agent, worked out by hand."""

import numpy as np
import pytest

from quantum_scheduler.problems.conflict import Conflicts
from quantum_scheduler.problems.schedule import Agent, Objective, ScheduleProblem, Task, WeightedSum, WeightedTardiness

# The long task waits for the short one at a cost of 2 x 3, the short one for the long one at a cost of 10 x 7.
SHORT = Task(id="short", duration=2, priority=7, deadline=0)
LONG = Task(id="long", duration=10, priority=3, deadline=0)


def conflict(objective: Objective, starts: tuple[int, int], capacity: int = 1) -> float:
    problem = ScheduleProblem(
        agents=(Agent(id="ann", capacity=capacity), Agent(id="bob", capacity=6)),
        tasks=(SHORT, LONG),
        objective=objective,
    )
    conflicts = Conflicts(problem, starts)
    there = conflicts.between(np.array([0]), np.array([1]), 0)
    back = conflicts.between(np.array([1]), np.array([0]), 0)
    assert there == back
    # Both are scaled by horizon (the last end) x 6 capacities, and divided by the room: horizon x capacity.
    return float(there[0]) / 6 * capacity


@pytest.mark.parametrize(
    ("starts", "waits"),
    [((0, 0), 2 * 3), ((3, 0), 5 * 3), ((9, 0), 1 * 7), ((10, 0), 0), ((0, 1), 1 * 3), ((0, 2), 0)],
)
def test_tardiness_counts_the_cheaper_of_the_two_waits(starts: tuple[int, int], waits: int) -> None:
    horizon = max(starts[0] + 2, starts[1] + 10)
    assert conflict(WeightedTardiness(), starts) == waits * horizon


def test_the_makespan_counts_twice_the_product_of_tasks_that_start_together() -> None:
    assert conflict(WeightedSum(makespan=1), (0, 0)) == 2 * 2 * 10


def test_the_parts_of_the_objective_add_up_before_the_cheaper_wait_is_taken() -> None:
    horizon = 10
    assert conflict(WeightedSum(makespan=1, tardiness=1), (0, 0)) == 2 * (2 * 10 + horizon * 3)


@pytest.mark.parametrize("capacity", [2, 3])
def test_an_agent_with_more_room_has_less_of_a_conflict(capacity: int) -> None:
    assert conflict(WeightedSum(makespan=1), (0, 0), capacity) == 2 * 2 * 10
