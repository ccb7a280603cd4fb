from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from quantum_scheduler.backends.classical.objective import SCALED_OBJECTIVE_MAX, weigh_objective
from quantum_scheduler.problems.model import Assignment, ScheduleSolution
from quantum_scheduler.problems.schedule import Agent, ScheduleProblem, Task, WeightedSum
from quantum_scheduler.problems.verify import verify

weights = st.floats(0, 1e9, allow_subnormal=False) | st.integers(0, 10**9)


def schedule(*, makespan: float, tardiness: float, cost: float, priority: float, price: float) -> ScheduleProblem:
    return ScheduleProblem(
        agents=(Agent(id="a", cost=price),),
        tasks=(Task(id="t", duration=7, priority=priority, deadline=3),),
        objective=WeightedSum(makespan=makespan, tardiness=tardiness, cost=cost),
    )


def starting_at(start: int) -> ScheduleSolution:
    return ScheduleSolution(assignments=(Assignment(task="t", agents=("a",), start=start, end=start + 7),))


def test_decimal_weights_become_integers_exactly() -> None:
    problem = schedule(makespan=0.1, tardiness=0.25, cost=3, priority=2, price=1.5)
    scaled = weigh_objective(problem, 1000)
    assert (scaled.makespan, scaled.tardiness, scaled.cost) == (1, (5,), (45,))
    assert scaled.scale == 10
    assert scaled.exact


def test_common_factors_are_taken_out() -> None:
    scaled = weigh_objective(schedule(makespan=30, tardiness=60, cost=0, priority=1, price=0), 1000)
    assert (scaled.makespan, scaled.tardiness, scaled.scale) == (1, (2,), Fraction(1, 30))


@given(weights, weights, weights, weights, weights, st.integers(0, 993))
def test_the_weighted_objective_stays_within_range_and_never_overstates_the_customers(
    makespan: float, tardiness: float, cost: float, priority: float, price: float, start: int
) -> None:
    problem = schedule(makespan=makespan, tardiness=tardiness, cost=cost, priority=priority, price=price)
    scaled = weigh_objective(problem, 1000)
    value = scaled.measure(problem, starting_at(start))
    objective = verify(problem, starting_at(start)).objective
    assert objective is not None
    assert value <= SCALED_OBJECTIVE_MAX
    assert scaled.unscale(value) <= objective * (1 + 1e-15)
    assert scaled.unscale(value) >= objective * (1 - 1e-6) - 1e-6


@given(weights, weights, weights, weights, weights, st.integers(0, 993))
def test_an_objective_that_was_reached_once_is_reached_again(
    makespan: float, tardiness: float, cost: float, priority: float, price: float, start: int
) -> None:
    problem = schedule(makespan=makespan, tardiness=tardiness, cost=cost, priority=priority, price=price)
    scaled = weigh_objective(problem, 1000)
    objective = verify(problem, starting_at(start)).objective
    assert objective is not None
    assert scaled.measure(problem, starting_at(start)) <= scaled.weigh(objective)


def test_weights_that_never_count_stay_within_range_too() -> None:
    problem = ScheduleProblem(
        agents=(Agent(id="a", cost=1e9),),
        tasks=(Task(id="t", duration=0, priority=1e9, deadline=3),),
        objective=WeightedSum(makespan=1e-9, tardiness=1e9, cost=1e9),
    )
    scaled = weigh_objective(problem, 0)
    assert max(scaled.makespan, *scaled.tardiness, *scaled.cost) <= SCALED_OBJECTIVE_MAX


def test_an_objective_out_of_all_reach_is_weighed_within_range() -> None:
    scaled = weigh_objective(schedule(makespan=0.5, tardiness=0, cost=0, priority=1, price=0), 1000)
    assert [scaled.weigh(objective) for objective in (-1e300, 3.7, 1e300)] == [-1, 7, SCALED_OBJECTIVE_MAX]


def test_a_bound_is_rounded_down_where_no_double_holds_it() -> None:
    scaled = weigh_objective(schedule(makespan=0.3, tardiness=0.7, cost=0, priority=1, price=0), 1000)
    assert all(Fraction(scaled.unscale(value)) <= Fraction(value) / scaled.scale for value in range(100))
