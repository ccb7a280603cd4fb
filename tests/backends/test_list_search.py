import threading
from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from tests.backends.schedules import least_objective, tiny_schedules, workshop

from quantum_scheduler.backends.classical.bound import latest_horizon
from quantum_scheduler.backends.classical.dispatch import dispatch_rules
from quantum_scheduler.backends.classical.list_search.kernels import MISSED, Draft, Kernels, load_kernels
from quantum_scheduler.backends.classical.list_search.run import CompiledLists, ListMethod
from quantum_scheduler.backends.classical.list_search.tables import tabulate
from quantum_scheduler.backends.classical.objective import weigh_objective
from quantum_scheduler.problems.model import ScheduleSolution
from quantum_scheduler.problems.place import Unplaceable, check_alone, place_tasks
from quantum_scheduler.problems.relate import Relations, relate
from quantum_scheduler.problems.schedule import (
    Agent,
    Makespan,
    Resource,
    ScheduleProblem,
    Task,
    WeightedSum,
    WeightedTardiness,
    Window,
)
from quantum_scheduler.problems.verify import verify

WORK = 300_000


@pytest.fixture(scope="module", name="kernels")
def compile_kernels() -> Kernels:
    loaded = load_kernels()
    assert loaded is not None, "this machine has no C compiler"
    return loaded


def relate_possible(problem: ScheduleProblem) -> Relations:
    relations = relate(problem)
    try:
        check_alone(problem, relations)
    except Unplaceable:
        assume(False)
    return relations


def search_lists(
    problem: ScheduleProblem,
    kernels: Kernels,
    methods: tuple[ListMethod, ...],
    *,
    work: int = WORK,
    seed: int = 1,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[ScheduleSolution | None, int, bool]:
    relations = relate_possible(problem)
    weights = weigh_objective(problem, latest_horizon(problem))
    rules = dispatch_rules(problem, relations)
    lists = CompiledLists(problem, kernels, tabulate(problem, relations, weights))
    lists.place(rules)
    ended = [
        lists.search(method, rules, work=work, seed=seed, target=-1, stop=stop, improved=lambda value: None)
        for method in methods
    ]
    return lists.read(), lists.value, all(ended)


def check_worth(problem: ScheduleProblem, solution: ScheduleSolution, value: int) -> None:
    verdict = verify(problem, solution)
    assert verdict.feasible, verdict.violations
    weights = weigh_objective(problem, latest_horizon(problem))
    assert weights.measure(problem, solution) == value
    assert verdict.objective == pytest.approx(weights.unscale(value), rel=1e-9)


@settings(max_examples=80, deadline=None)
@given(problem=tiny_schedules())
def test_an_order_with_given_crews_is_placed_as_in_python(problem: ScheduleProblem, kernels: Kernels) -> None:
    relations = relate_possible(problem)
    tables = tabulate(problem, relations, weigh_objective(problem, latest_horizon(problem)))
    crews = {
        at: eligible[: task.agents]
        for at, (task, eligible) in enumerate(zip(problem.tasks, relations.eligible, strict=True))
    }
    order = dispatch_rules(problem, relations)[0]
    draft = Draft(tables)
    draft.crew[: sum(map(len, crews.values()))] = [agent for crew in crews.values() for agent in crew]
    value = kernels.place_order(tables, order, draft)
    try:
        starts = [placed.start for placed in place_tasks(problem, order=order, crews=crews).assignments]
    except Unplaceable:
        assert value >= MISSED
    else:
        assert value < MISSED
        assert draft.start.tolist() == starts


@settings(max_examples=80, deadline=None)
@given(problem=tiny_schedules())
def test_every_schedule_found_is_feasible_and_worth_what_it_says(problem: ScheduleProblem, kernels: Kernels) -> None:
    for methods in ((), ("genetic",), ("repair",), ("genetic", "repair")):
        solution, value, ended = search_lists(problem, kernels, methods, work=30_000)
        assert ended
        assert (solution is None) == (value >= MISSED)
        if solution is not None:
            check_worth(problem, solution, value)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problem=tiny_schedules())
def test_tiny_schedules_are_solved_to_their_best(problem: ScheduleProblem, kernels: Kernels) -> None:
    best = least_objective(problem)
    solution, _, _ = search_lists(problem, kernels, ("genetic", "repair"))
    assert (solution is None) == (best is None)
    objectives = [] if solution is None else [verify(problem, solution).objective]
    assert objectives == ([] if best is None else [pytest.approx(best, rel=1e-12)])


def crowd(objective: Makespan | WeightedTardiness | WeightedSum) -> ScheduleProblem:
    """Teams, calendars, capacities, shared resources, costs and hard-to-keep deadlines, all at once."""
    shifts = tuple(Window(start=30 * day, end=30 * day + 22) for day in range(60))
    return ScheduleProblem(
        agents=tuple(
            Agent(
                id=f"a{i}",
                skills={"xyz"[(i + k) % 3]: 1 + i % 2 for k in range(2)},
                capacity=1 + i % 3 // 2,
                availability=shifts if i % 2 else None,
                cost=i,
            )
            for i in range(9)
        ),
        resources=(Resource(id="r", capacity=4), Resource(id="s", capacity=2)),
        tasks=tuple(
            Task(
                id=f"t{i}",
                duration=i * 5 % 9,
                skills={"xyz"[i % 3]: 1},
                agents=i * 7 % 4,
                uses={"r": i % 4, "s": i % 2},
                release=i % 7,
                priority=i % 5,
                deadline=20 + i,
                dependencies=tuple(f"t{j}" for j in (i - 3, i - 8) if j >= 0 and i % 4),
            )
            for i in range(120)
        ),
        objective=objective,
        deadlines="soft",
    )


@pytest.mark.parametrize(
    "objective", [Makespan(), WeightedTardiness(), WeightedSum(makespan=3, tardiness=1, cost=0.5)], ids=lambda o: o.kind
)
def test_teams_calendars_resources_and_costs_are_kept_and_made_better(
    objective: Makespan | WeightedTardiness | WeightedSum, kernels: Kernels
) -> None:
    problem = crowd(objective)
    _, first, _ = search_lists(problem, kernels, ())
    _, bred, _ = search_lists(problem, kernels, ("genetic",), work=20_000_000)
    solution, value, _ = search_lists(problem, kernels, ("genetic", "repair"), work=20_000_000)
    assert solution is not None
    assert value <= bred <= first
    assert value < first
    check_worth(problem, solution, value)


def test_hard_deadlines_that_rules_miss_are_kept_by_search(kernels: Kernels) -> None:
    # Only the long task first, and the others in the order of their deadlines, will do.
    chain = tuple(
        Task(id=f"t{i}", duration=1 + i % 4, deadline=60 if i == 7 else 12 + 6 * i, priority=50 - i) for i in range(20)
    )
    problem = ScheduleProblem(agents=(Agent(id="a"),), tasks=chain, deadlines="hard")
    solution, value, _ = search_lists(problem, kernels, ("genetic", "repair"), work=5_000_000)
    assert solution is not None
    check_worth(problem, solution, value)


def test_the_same_seed_and_work_give_the_same_schedule_however_many_search_at_once(kernels: Kernels) -> None:
    problem = workshop(80, objective=WeightedTardiness())
    alone = search_lists(problem, kernels, ("genetic", "repair"), work=5_000_000, seed=4)
    beside: list[tuple[ScheduleSolution | None, int, bool]] = []
    threads = [
        threading.Thread(
            target=lambda: beside.append(search_lists(problem, kernels, ("genetic", "repair"), work=5_000_000, seed=4))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert beside == [alone] * 3


def test_a_search_that_is_told_to_stop_says_so_and_keeps_what_it_has(kernels: Kernels) -> None:
    problem = workshop(200, objective=WeightedTardiness())
    for method in ("genetic", "repair"):
        solution, value, ended = search_lists(problem, kernels, (method,), work=2**61, stop=lambda: True)
        assert not ended
        assert solution is not None
        check_worth(problem, solution, value)
