import math
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, permutations, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from quantum_scheduler.backends.classical.bound import bound_objective, latest_horizon
from quantum_scheduler.backends.classical.formulate import formulate_schedule
from quantum_scheduler.backends.classical.improve import Found, improve_schedule
from quantum_scheduler.backends.classical.objective import weigh_objective
from quantum_scheduler.backends.classical.schedule import search_schedule
from quantum_scheduler.backends.local import Stop
from quantum_scheduler.backends.model import Answer, Limits
from quantum_scheduler.problems.model import Number, ScheduleSolution
from quantum_scheduler.problems.place import Unplaceable, place_tasks
from quantum_scheduler.problems.relate import latest_end, relate
from quantum_scheduler.problems.schedule import (
    Agent,
    Makespan,
    Objective,
    Resource,
    ScheduleProblem,
    Task,
    WeightedSum,
    WeightedTardiness,
    Window,
)
from quantum_scheduler.problems.verify import verify

PATIENCE_S = 60.0
LIMITS = Limits(time_limit_s=PATIENCE_S)
OBJECTIVES: tuple[Objective, ...] = (
    Makespan(),
    WeightedTardiness(),
    WeightedSum(makespan=0.5, tardiness=1, cost=0.3),
)


def no_report(*, objective: Number | None = None, bound: Number | None = None) -> None:
    pass


def stop_in(seconds: float = PATIENCE_S) -> Stop:
    return Stop(cancelled=threading.Event(), deadline_s=time.monotonic() + seconds)


def search(problem: ScheduleProblem, limits: Limits = LIMITS) -> Answer:
    return search_schedule(problem, limits, no_report, stop_in())


# --- Against every order and every crew


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, ...]:
    edges = draw(st.lists(st.integers(0, 20), min_size=2, max_size=6).map(sorted))
    return tuple(Window(start=start, end=end) for start, end in zip(edges[::2], edges[1::2], strict=False))


@st.composite
def tiny_schedules(draw: st.DrawFn) -> ScheduleProblem:
    agents = tuple(
        Agent(
            id=f"a{i}",
            skills=dict.fromkeys(draw(st.sets(st.sampled_from("xy"))), 0),
            capacity=draw(st.integers(1, 2)),
            availability=draw(st.none() | windows()),
            cost=draw(st.sampled_from([0, 1, 2.5])),
        )
        for i in range(draw(st.integers(1, 3)))
    )
    tasks = tuple(
        Task(
            id=f"t{i}",
            duration=draw(st.integers(0, 4)),
            skills=dict.fromkeys(draw(st.sets(st.sampled_from("xy"), max_size=1)), 0),
            agents=draw(st.sampled_from([0, 1, 1, 1, 2])),
            uses=draw(st.dictionaries(st.just("r"), st.integers(0, 3))),
            priority=draw(st.sampled_from([0, 1, 3, 0.1])),
            release=draw(st.integers(0, 3)),
            deadline=draw(st.none() | st.integers(7, 12)),
            dependencies=tuple(
                f"t{j}" for j in sorted(draw(st.sets(st.integers(0, i - 1), max_size=2) if i else st.just(set())))
            ),
        )
        for i in range(draw(st.integers(1, 4)))
    )
    return ScheduleProblem(
        agents=agents,
        resources=(Resource(id="r", capacity=3),),
        tasks=tasks,
        objective=draw(st.sampled_from(OBJECTIVES)),
        deadlines=draw(st.sampled_from([None, "hard", "soft"])),
    )


def every_schedule(problem: ScheduleProblem) -> Iterator[ScheduleSolution]:
    """Place the tasks in every order with every choice of crews: among these schedules is a best one."""
    choices = [
        list(combinations(eligible, task.agents))
        for task, eligible in zip(problem.tasks, relate(problem).eligible, strict=True)
    ]
    for crews in product(*choices):
        for order in permutations(range(len(problem.tasks))):
            try:
                yield place_tasks(problem, order=order, crews=dict(enumerate(crews)))
            except Unplaceable:
                continue


def least_objective(problem: ScheduleProblem) -> Number | None:
    objectives = [verify(problem, schedule).objective for schedule in every_schedule(problem)]
    return min((objective for objective in objectives if objective is not None), default=None)


@settings(max_examples=80, deadline=None)
@given(tiny_schedules())
def test_the_answer_is_proven_and_no_order_or_crew_beats_it(problem: ScheduleProblem) -> None:
    best = least_objective(problem)
    answer = search(problem)
    verdicts = [verify(problem, solution) for solution in answer.solutions]
    best_objectives = [] if best is None else [best]
    assert all(verdict.feasible for verdict in verdicts)
    assert answer.complete
    assert answer.proof == ("infeasible" if best is None else "optimal")
    assert [verdict.objective for verdict in verdicts] == pytest.approx(best_objectives, rel=1e-12)
    assert [answer.claimed_objective for _ in verdicts] == pytest.approx(best_objectives, rel=1e-12)


@settings(max_examples=80, deadline=None)
@given(tiny_schedules())
def test_the_quick_bound_never_exceeds_the_best_objective(problem: ScheduleProblem) -> None:
    best = least_objective(problem)
    weights = weigh_objective(problem, latest_horizon(problem))
    bound = weights.unscale(bound_objective(problem, relate(problem), weights)) if best is not None else 0
    assert bound <= (best or 0) + 1e-9


@settings(max_examples=60, deadline=None)
@given(tiny_schedules())
def test_the_model_alone_has_the_same_best_objective(problem: ScheduleProblem) -> None:
    best = least_objective(problem)
    relations = relate(problem)
    horizon = latest_horizon(problem)
    assume(
        all(
            len(eligible) >= task.agents and start + task.duration <= (latest_end(problem, task) or horizon)
            for task, eligible, start in zip(problem.tasks, relations.eligible, relations.earliest, strict=True)
        )
    )
    weights = weigh_objective(problem, horizon)
    found = improve_schedule(
        formulate_schedule(problem, relations, weights, horizon),
        Found(solution=None, value=math.inf, bound=0),
        work=PATIENCE_S,
        limits=LIMITS,
        progress=lambda found: None,
        stop=stop_in(),
    )
    assert found.complete
    assert found.infeasible == (best is None)
    assert best is None or weights.unscale(int(found.value)) == pytest.approx(best, rel=1e-12)


# --- Larger ones


def workshop(tasks: int, **changes: object) -> ScheduleProblem:
    """Tasks in chains of five on machines and fitters of different skills."""
    agents = tuple(
        Agent(id=f"a{i}", skills={name: 1 for k, name in enumerate("pqrst") if (i + k) % 5 < 3}) for i in range(6)
    )
    return ScheduleProblem(
        agents=agents,
        tasks=tuple(
            Task(
                id=f"t{i}",
                duration=1 + i * 7 % 11,
                skills={"pqrst"[i * 3 % 5]: 1},
                priority=1 + i % 4,
                deadline=20 + i,
                dependencies=(f"t{i - 1}",) if i % 5 else (),
            )
            for i in range(tasks)
        ),
        deadlines="soft",
    ).model_copy(update=changes)


def improve(problem: ScheduleProblem, *, work: float, seed: int, stop: Stop) -> Found:
    relations = relate(problem)
    horizon = latest_horizon(problem)
    weights = weigh_objective(problem, horizon)
    first = place_tasks(problem)
    return improve_schedule(
        formulate_schedule(problem, relations, weights, horizon),
        Found(solution=first, value=weights.measure(problem, first), bound=0),
        work=work,
        limits=Limits(seed=seed),
        progress=lambda found: None,
        stop=stop,
    )


def test_the_same_work_and_seed_give_the_same_schedule_however_busy_the_machine_is() -> None:
    problem = workshop(40, objective=WeightedTardiness())
    alone = improve(problem, work=0.1, seed=3, stop=stop_in())
    beside: list[Found] = []
    threads = [
        threading.Thread(target=lambda: beside.append(improve(problem, work=0.1, seed=3, stop=stop_in())))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert alone.complete
    assert [found.solution for found in beside] == [alone.solution] * 3


def test_a_search_that_the_clock_cuts_short_says_so_and_has_an_answer() -> None:
    answer = search_schedule(workshop(60), replace(LIMITS, time_limit_s=3600.0), no_report, stop_in(0.0))
    assert not answer.complete
    assert verify(workshop(60), answer.solutions[0]).feasible


def test_a_cancelled_search_ends_soon_with_its_best_so_far() -> None:
    crowded = workshop(120, objective=WeightedTardiness())
    problem = crowded.model_copy(
        update={"tasks": tuple(task.model_copy(update={"deadline": 5}) for task in crowded.tasks)}
    )
    stop = stop_in(3600.0)

    def cancel(**_: Number | None) -> None:
        stop.cancelled.set()

    answer = search_schedule(problem, replace(LIMITS, time_limit_s=3600.0), cancel, stop)
    assert not answer.complete
    assert verify(problem, answer.solutions[0]).feasible


def test_progress_only_ever_gets_better_and_ends_at_the_answer() -> None:
    problem = workshop(30)
    objectives: list[Number | None] = []
    bounds: list[Number | None] = []

    def report(*, objective: Number | None = None, bound: Number | None = None) -> None:
        objectives.append(objective)
        bounds.append(bound)

    answer = search_schedule(problem, replace(LIMITS, time_limit_s=2.0), report, stop_in())
    known = [objective for objective in objectives if objective is not None]
    assert known == sorted(known, reverse=True)
    assert bounds == sorted(bound for bound in bounds if bound is not None)
    assert known[-1] == answer.claimed_objective


def test_an_impossible_deadline_is_explained_by_the_task_it_belongs_to() -> None:
    tasks = (Task(id="first", duration=5), Task(id="last", duration=5, deadline=9, dependencies=("first",)))
    answer = search(ScheduleProblem(agents=(Agent(id="a"),), tasks=tasks))
    assert answer.proof == "infeasible"
    assert "'last'" in answer.info["explanation"]


def test_deadlines_that_only_together_are_impossible_are_proven_so() -> None:
    tasks = tuple(Task(id=f"t{i}", duration=4, deadline=9) for i in range(5))
    answer = search(ScheduleProblem(agents=(Agent(id="a"), Agent(id="b")), tasks=tasks))
    assert answer.proof == "infeasible"
    assert answer.complete
    assert answer.info["explanation"]


def test_a_problem_too_large_for_a_model_is_solved_by_list_schedules_with_a_bound() -> None:
    agents = tuple(Agent(id=f"a{i}") for i in range(100))
    problem = ScheduleProblem(agents=agents, tasks=tuple(Task(id=f"t{i}", duration=1 + i % 9) for i in range(700)))
    answer = search(problem, replace(LIMITS, time_limit_s=0.5))
    assert answer.info["method"] == "list schedules"
    assert verify(problem, answer.solutions[0]).feasible
    assert answer.bound is not None
    assert answer.claimed_objective is not None
    assert answer.bound <= answer.claimed_objective
