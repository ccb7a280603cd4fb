"""What `verify` finds wrong, in which words, and what it says a solution is worth."""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import (
    ISSUES_MAX,
    Assignment,
    BinarySolution,
    Number,
    ScheduleSolution,
    VarType,
    Verdict,
)
from quantum_scheduler.problems.schedule import (
    Agent,
    Resource,
    ScheduleProblem,
    Task,
    WeightedSum,
    WeightedTardiness,
    Window,
)
from quantum_scheduler.problems.verify import verify

ANN = Agent(id="ann", skills={"cook": 2})


def done(task: str, start: int, end: int, *agents: str) -> Assignment:
    return Assignment(task=task, agents=agents, start=start, end=end)


def judge(problem: ScheduleProblem, *assignments: Assignment) -> Verdict:
    return verify(problem, ScheduleSolution(assignments=assignments))


def binary(
    linear: list[Number], pairs: Mapping[tuple[int, int], Number], offset: Number = 0, vartype: VarType = "BINARY"
) -> BinaryProblem:
    integral = all(isinstance(number, int) for number in [*linear, *pairs.values(), offset])
    dtype: Any = np.int64 if integral else np.float64
    return BinaryProblem(
        vartype=vartype,
        labels=tuple(range(len(linear))),
        linear=np.array(linear, dtype=dtype),
        head=np.array([u for u, _ in pairs], dtype=np.int32),
        tail=np.array([v for _, v in pairs], dtype=np.int32),
        weight=np.array(list(pairs.values()), dtype=dtype),
        offset=offset,
    )


ONE_TASK = ScheduleProblem(agents=(ANN, Agent(id="bob")), tasks=(Task(id="a", duration=3, skills={"cook": 2}),))


@pytest.mark.parametrize(
    ("assignments", "violation"),
    [
        ((), "task 'a' is not assigned"),
        ((done("a", 0, 3, "ann"), done("b", 0, 3, "ann")), "the problem has no task 'b'"),
        ((done("a", 0, 3, "ann"), done("a", 0, 3, "ann")), "task 'a' is assigned more than once"),
        ((done("a", 0, 3, "eve"),), "task 'a' is given to agent 'eve', whom the problem does not have"),
        ((done("a", 0, 3),), "task 'a' has 0 agents and needs 1"),
        ((done("a", 0, 3, "ann", "ann"),), "task 'a' names an agent twice"),
        ((done("a", 0, 3, "bob"),), "task 'a' needs skill 'cook' at level 2, which agent 'bob' does not hold"),
        ((done("a", 0, 4, "ann"),), "task 'a' runs from 0 to 4, not for its duration 3"),
        ((done("a", -1, 2, "ann"),), "task 'a' starts at -1, before time 0"),
        ((done("a", 2**60, 2**60 + 3, "ann"),), f"task 'a' has the time <int>, not an integer within {2**53}"),
    ],
)
def test_a_wrong_answer_is_named_with_its_task(assignments: tuple[Assignment, ...], violation: str) -> None:
    verdict = judge(ONE_TASK, *assignments)
    assert not verdict.feasible
    assert violation in verdict.violations


@pytest.mark.parametrize(
    ("task", "assignment", "violation"),
    [
        (Task(id="a", duration=3, release=2), done("a", 1, 4, "ann"), "task 'a' starts at 1, before its release 2"),
        (Task(id="a", duration=3, deadline=4), done("a", 2, 5, "ann"), "ends at 5, 1 after its hard deadline 4"),
        (Task(id="a", duration=3), done("a", 8, 11, "ann"), "from 8 to 11, in no availability window of agent 'ann'"),
    ],
)
def test_a_time_that_is_not_allowed_is_named(task: Task, assignment: Assignment, violation: str) -> None:
    agent = Agent(id="ann", availability=(Window(start=0, end=10), Window(start=10, end=20)))
    verdict = judge(ScheduleProblem(agents=(agent,), tasks=(task,)), assignment)
    assert len(verdict.violations) == 1
    assert violation in verdict.violations[0]


def test_a_dependency_that_has_not_ended_is_named() -> None:
    problem = ScheduleProblem(
        agents=(ANN, Agent(id="bob")),
        tasks=(Task(id="b", duration=1, dependencies=("a",)), Task(id="a", duration=3)),
    )
    assert judge(problem, done("a", 0, 3, "ann"), done("b", 2, 3, "bob")).violations == (
        "task 'b' starts at 2, before its dependency 'a' ends at 3",
    )
    assert judge(problem, done("a", 0, 3, "ann"), done("b", 3, 4, "bob")).feasible


def test_what_is_over_capacity_is_named_and_touching_is_not_over() -> None:
    problem = ScheduleProblem(
        agents=(ANN,),
        resources=(Resource(id="oven", capacity=3),),
        tasks=tuple(Task(id=name, duration=2, uses={"oven": 2}) for name in "abc"),
    )
    verdict = judge(problem, done("a", 0, 2, "ann"), done("b", 1, 3, "ann"), done("c", 3, 5, "ann"))
    assert verdict.violations == (
        "agent 'ann' does 2 tasks at once when task 'b' starts at 1; its capacity is 1",
        "4 units of resource 'oven' are in use when task 'b' starts at 1; its capacity is 3",
    )


def test_an_instant_uses_nothing_and_may_touch_a_window_but_needs_its_agents() -> None:
    problem = ScheduleProblem(
        agents=(Agent(id="ann", availability=(Window(start=2, end=4),)),),
        resources=(Resource(id="oven", capacity=1),),
        tasks=(Task(id="a", duration=2), Task(id="b", duration=0, uses={"oven": 9})),
    )
    assert judge(problem, done("a", 2, 4, "ann"), done("b", 4, 4, "ann")).feasible
    assert judge(problem, done("a", 2, 4, "ann"), done("b", 3, 3, "ann")).feasible
    assert not judge(problem, done("a", 2, 4, "ann"), done("b", 5, 5, "ann")).feasible
    assert not judge(problem, done("a", 2, 4, "ann"), done("b", 3, 3)).feasible


def test_violations_past_the_limit_are_counted() -> None:
    problem = ScheduleProblem(agents=(ANN,), tasks=tuple(Task(id=str(i), duration=1) for i in range(ISSUES_MAX + 5)))
    verdict = judge(problem)
    assert len(verdict.violations) == ISSUES_MAX + 1
    assert verdict.violations[-1] == "and 5 more"
    assert verdict.objective is None
    assert verdict.measures == {}


def test_an_infeasible_but_complete_answer_is_measured_all_the_same() -> None:
    verdict = judge(ONE_TASK, done("a", 5, 8, "bob"))
    assert not verdict.feasible
    assert verdict.objective == 8


TWO_LATE = ScheduleProblem(
    agents=(Agent(id="ann", cost=3), Agent(id="bob", cost=2.0)),
    tasks=(
        Task(id="a", duration=4, agents=2, priority=5, deadline=1),
        Task(id="b", duration=1, priority=2.0, deadline=2),
        Task(id="c", duration=1, priority=7),
    ),
    objective=WeightedTardiness(),
)
TWO_LATE_DONE = (done("a", 0, 4, "ann", "bob"), done("b", 4, 5, "ann"), done("c", 9, 10, "bob"))


@pytest.mark.parametrize(
    ("objective", "value"),
    [
        (WeightedTardiness(), 3 * 5 + 3 * 2),
        (WeightedSum(makespan=100, tardiness=2, cost=1.0), 100 * 10 + 2 * 21 + 25),
        (WeightedSum(), 0),
    ],
)
def test_an_objective_of_whole_numbers_is_an_exact_int(objective: WeightedTardiness | WeightedSum, value: int) -> None:
    verdict = judge(TWO_LATE.model_copy(update={"objective": objective}), *TWO_LATE_DONE)
    assert verdict.feasible
    assert verdict.objective == value
    assert isinstance(verdict.objective, int)
    assert verdict.measures == {"makespan": 10, "weighted_tardiness": 21, "cost": 25, "late_tasks": 2}


def test_a_fraction_that_does_not_count_leaves_the_objective_an_int() -> None:
    agents = (Agent(id="ann", cost=0.1), Agent(id="bob", cost=0.2))
    problem = TWO_LATE.model_copy(update={"agents": agents, "objective": WeightedSum(makespan=3)})
    verdict = judge(problem, *TWO_LATE_DONE)
    assert (verdict.objective, type(verdict.objective)) == (30, int)
    assert verdict.measures["cost"] == float(Fraction(0.1) * 5 + Fraction(0.2) * 5)


def test_an_objective_too_large_for_a_double_is_still_exact() -> None:
    tasks = tuple(Task(id=str(i), duration=10**9, priority=10**9 - i, deadline=10**9) for i in range(100))
    problem = ScheduleProblem(agents=(ANN,), tasks=tasks, objective=WeightedTardiness())
    verdict = judge(problem, *(done(str(i), i * 10**9, (i + 1) * 10**9, "ann") for i in range(100)))
    assert verdict.feasible
    assert verdict.objective == sum((10**9 - i) * i * 10**9 for i in range(100))


def test_a_float_objective_is_rounded_only_once() -> None:
    tasks = tuple(Task(id=str(i), duration=1, priority=0.1, deadline=1) for i in range(10))
    problem = ScheduleProblem(agents=(ANN,), tasks=tasks, objective=WeightedTardiness())
    verdict = judge(problem, *(done(str(i), i, i + 1, "ann") for i in range(10)))
    assert verdict.objective == float(Fraction(0.1) * 45)


def test_the_energy_of_whole_numbers_is_an_exact_int() -> None:
    problem = binary([2**50, -3, 7], {(0, 1): 5, (1, 2): -11}, offset=2**51)
    verdict = verify(problem, BinarySolution(values={0: 1, 1: 1, 2: 1}))
    assert verdict.feasible
    assert verdict.objective == 2**50 - 3 + 7 + 5 - 11 + 2**51
    assert isinstance(verdict.objective, int)
    assert verdict.measures == {"energy": verdict.objective}


def test_the_energy_of_spins_counts_minus_one() -> None:
    problem = binary([1, 2], {(0, 1): 10}, offset=100, vartype="SPIN")
    assert verify(problem, BinarySolution(values={0: -1, 1: 1})).objective == 100 - 1 + 2 - 10


NUMBERS = st.floats(-1e6, 1e6)


@settings(deadline=None)
@given(data=st.data(), count=st.integers(1, 6), vartype=st.sampled_from(("BINARY", "SPIN")))
def test_a_float_energy_is_the_exact_one_rounded_once(data: st.DataObject, count: int, vartype: VarType) -> None:
    linear = data.draw(st.lists(NUMBERS, min_size=count, max_size=count))
    places = [(u, v) for v in range(count) for u in range(v)]
    weights = data.draw(st.lists(NUMBERS, min_size=len(places), max_size=len(places)))
    pairs = dict(zip(places, weights, strict=True))
    offset = data.draw(NUMBERS)
    low = {"BINARY": 0, "SPIN": -1}[vartype]
    values: dict[Any, int] = data.draw(st.fixed_dictionaries({v: st.sampled_from((low, 1)) for v in range(count)}))
    exact = (
        Fraction(offset)
        + sum(Fraction(linear[v]) * values[v] for v in range(count))
        + sum(Fraction(weight) * values[u] * values[v] for (u, v), weight in pairs.items())
    )
    problem = binary([*linear], pairs, offset, vartype)
    assert verify(problem, BinarySolution(values=values)).objective == float(exact)


@pytest.mark.parametrize(
    ("values", "violation"),
    [
        ({0: 1}, "variable 1 has no value"),
        ({0: 1, 1: 2}, "variable 1 has the value 2, not 0 or 1"),
        ({0: 1, 1: -1}, "variable 1 has the value -1, not 0 or 1"),
        ({0: 1, 1: 0.5}, "variable 1 has the value 0.5, not 0 or 1"),
        ({0: 1, 1: math.nan}, "variable 1 has the value nan, not 0 or 1"),
        ({0: 1, 1: None}, "variable 1 has the value None, not 0 or 1"),
        ({0: 1, 1: 10**5000}, "variable 1 has the value <int>, not 0 or 1"),
        ({0: 1, 1: [1]}, "variable 1 has the value <list>, not 0 or 1"),
        ({0: 1, 1: 1, "x": 0}, "the model has no variable 'x'"),
        ({0: 1, 1: 1, "x" * 99: 0}, f"the model has no variable '{'x' * 60}'…"),
    ],
)
def test_a_value_that_is_missing_wrong_or_too_many_is_named(values: dict[Any, Any], violation: str) -> None:
    verdict = verify(binary([1, 2], {}), BinarySolution(values=values))
    assert verdict.violations == (violation,)
    assert not verdict.feasible
    assert verdict.objective is None


VALUES: st.SearchStrategy[Any] = st.none() | st.integers(-2, 2) | st.floats() | st.text(max_size=2) | st.booleans()


@settings(deadline=None)
@given(values=st.dictionaries(VALUES, VALUES) | VALUES)
def test_any_garbage_of_values_gets_a_verdict(values: Any) -> None:
    verdict = verify(binary([1, 2], {(0, 1): 1}, vartype="SPIN"), BinarySolution(values=values))
    assert verdict.feasible == (not verdict.violations)


@pytest.mark.parametrize(
    ("problem", "solution", "violation"),
    [
        (ONE_TASK, BinarySolution(values={}), "the problem is a schedule and the solution is <BinarySolution>"),
        (ONE_TASK, None, "the problem is a schedule and the solution is None"),
        (
            binary([1], {}),
            ScheduleSolution(assignments=()),
            "the problem is a binary model and the solution is <ScheduleSolution>",
        ),
    ],
)
def test_a_solution_of_another_kind_is_a_violation(problem: Any, solution: Any, violation: str) -> None:
    assert verify(problem, solution) == Verdict(feasible=False, objective=None, violations=(violation,))


def test_numpy_integers_are_values_like_any_other() -> None:
    values: dict[Any, Any] = {v: np.int8(1) for v in (0, 1)}
    assert verify(binary([1, 2], {(0, 1): 4}), BinarySolution(values=values)).objective == 7
