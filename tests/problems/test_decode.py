"""How a read becomes a schedule: what it chooses is kept, what is wrong with it is repaired."""

from typing import Any

import pytest

from quantum_scheduler.problems.decode import decode
from quantum_scheduler.problems.encode import encode_schedule
from quantum_scheduler.problems.model import ScheduleSolution
from quantum_scheduler.problems.place import Unplaceable
from quantum_scheduler.problems.schedule import Agent, ScheduleProblem, Task, Window
from quantum_scheduler.problems.verify import verify

TEAM = (Agent(id="ann"), Agent(id="bob"), Agent(id="cat"))
PAIR = ScheduleProblem(agents=TEAM, tasks=(Task(id="x", duration=5, agents=2), Task(id="y", duration=3)))


def crews(solution: ScheduleSolution) -> dict[str, set[str]]:
    return {placed.task: set(placed.agents) for placed in solution.assignments}


def read_of(problem: ScheduleProblem, values: dict[Any, Any]) -> ScheduleSolution:
    solution = decode(encode_schedule(problem), values)
    assert verify(problem, solution).violations == ()
    return solution


@pytest.mark.parametrize(
    "values",
    [
        {"t0|a0": 1, "t0|a1": 0, "t0|a2": 1, "t1|a0": 0, "t1|a1": 0, "t1|a2": 1},
        {"t0|a0": 1, "t0|a1": -1, "t0|a2": 1, "t1|a0": -1, "t1|a1": -1, "t1|a2": 1},
        {"t0|a0": 7, "t0|a2": 0.5, "t1|a2": True, "t9|a9": 1, 3: 1, "t0|a1": None, "t1|a0": "1", "t1|a1": float("nan")},
    ],
)
def test_what_a_read_chooses_is_what_is_done(values: dict[Any, Any]) -> None:
    assert crews(read_of(PAIR, values)) == {"x": {"ann", "cat"}, "y": {"cat"}}


def test_too_many_agents_are_reduced_to_the_least_loaded() -> None:
    everybody_does_x = {"t0|a0": 1, "t0|a1": 1, "t0|a2": 1, "t1|a1": 1}
    assert crews(read_of(PAIR, everybody_does_x)) == {"x": {"ann", "cat"}, "y": {"bob"}}


def test_the_agents_of_too_small_a_crew_are_kept_and_joined_by_the_least_loaded() -> None:
    everything_on_ann = {"t0|a0": 1, "t1|a0": 1}
    assert crews(read_of(PAIR, everything_on_ann)) == {"x": {"ann", "bob"}, "y": {"ann"}}


@pytest.mark.parametrize("values", [{}, {"t0|a0": 0}, {"nonsense": 1}])
def test_a_read_that_chooses_nothing_leaves_everything_to_placing(values: dict[Any, Any]) -> None:
    assert crews(read_of(PAIR, values))["x"].isdisjoint(crews(read_of(PAIR, values))["y"])


def test_a_choice_that_misses_a_hard_deadline_is_given_up() -> None:
    problem = ScheduleProblem(
        agents=TEAM, tasks=tuple(Task(id=name, duration=5, deadline=5) for name in "xyz"), deadlines="hard"
    )
    all_on_ann = {"t0|a0": 1, "t1|a0": 1, "t2|a0": 1}
    assert crews(read_of(problem, all_on_ann)) == {"x": {"ann"}, "y": {"bob"}, "z": {"cat"}}


def test_the_idle_variable_of_a_schedule_without_choice_means_nothing() -> None:
    problem = ScheduleProblem(agents=TEAM[:1], tasks=(Task(id="x", duration=5),))
    assert read_of(problem, {"idle": 1}) == read_of(problem, {"idle": 0}) == read_of(problem, {})


def test_where_there_is_no_schedule_the_reason_is_given() -> None:
    agents = tuple(Agent(id=name, availability=(Window(start=0, end=7),)) for name in "ab")
    problem = ScheduleProblem(agents=agents, tasks=tuple(Task(id=name, duration=4) for name in "xyz"))
    with pytest.raises(Unplaceable, match="task 'z' finds no 4 time units from 0 on in which 1 of its 2"):
        decode(encode_schedule(problem), {"t0|a0": 1})
