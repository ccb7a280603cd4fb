import math
import threading
import time
from dataclasses import replace
from itertools import chain, repeat

import pytest
from hypothesis import assume, given, settings
from tests.backends.schedules import least_objective, tiny_schedules, workshop

from quantum_scheduler.backends.classical.bound import bound_objective, latest_horizon
from quantum_scheduler.backends.classical.choose import METHODS, SCHEDULE
from quantum_scheduler.backends.classical.effort import MODEL_SIZE_MAX, plan_rounds
from quantum_scheduler.backends.classical.formulate import FormulationStopped, formulate_schedule
from quantum_scheduler.backends.classical.improve import Found, improve_schedule
from quantum_scheduler.backends.classical.list_search.kernels import Kernels, load_kernels
from quantum_scheduler.backends.classical.mend import Mender
from quantum_scheduler.backends.classical.objective import weigh_objective
from quantum_scheduler.backends.classical.schedule import search_rounds, search_schedule
from quantum_scheduler.backends.local import Stop
from quantum_scheduler.backends.model import Answer, BackendError, Limits
from quantum_scheduler.problems.model import Number
from quantum_scheduler.problems.place import Unplaceable, place_tasks
from quantum_scheduler.problems.relate import latest_end, relate
from quantum_scheduler.problems.schedule import Agent, ScheduleProblem, Task, WeightedTardiness
from quantum_scheduler.problems.verify import verify

PATIENCE_S = 60.0
LIMITS = Limits(time_limit_s=PATIENCE_S)


def no_report(*, objective: Number | None = None, bound: Number | None = None) -> None:
    pass


def stop_in(seconds: float = PATIENCE_S) -> Stop:
    return Stop(cancelled=threading.Event(), deadline_s=time.monotonic() + seconds)


def search(problem: ScheduleProblem, limits: Limits = LIMITS) -> Answer:
    return search_schedule(problem, limits, no_report, stop_in())


# --- Against every order and every crew


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


def test_several_threads_together_find_and_prove_the_best() -> None:
    answer = search(workshop(30, objective=WeightedTardiness()), Limits(time_limit_s=PATIENCE_S, threads=2))
    assert answer.proof == "optimal"
    assert answer.claimed_objective == answer.bound
    assert verify(workshop(30, objective=WeightedTardiness()), answer.solutions[0]).feasible


@pytest.mark.parametrize("kernels", [load_kernels(), None], ids=["compiled", "python"])
def test_one_thread_gives_the_same_answer_twice(kernels: Kernels | None) -> None:
    problem = workshop(60, objective=WeightedTardiness())
    limits = Limits(time_limit_s=0.4, seed=5)
    first, second = (search_rounds(problem, limits, no_report, stop_in(), kernels=kernels) for _ in range(2))
    assert first.complete
    assert second.complete
    assert first.solutions == second.solutions
    assert verify(problem, first.solutions[0]).objective == first.claimed_objective


def test_two_threads_that_settle_nothing_give_the_same_answer_twice() -> None:
    problem = workshop(200, objective=WeightedTardiness())
    limits = Limits(time_limit_s=0.3, seed=5, threads=2)
    first, second = (search_schedule(problem, limits, no_report, stop_in()) for _ in range(2))
    assert (first.complete, second.complete) == (True, True)
    assert first.solutions == second.solutions
    assert "lns" in first.info["method"]


@pytest.mark.parametrize("method", METHODS["schedule"])
def test_each_method_alone_makes_the_schedule_of_the_rules_better(method: str) -> None:
    problem = workshop(60, objective=WeightedTardiness())
    objectives: list[Number] = []

    def report(*, objective: Number | None = None, bound: Number | None = None) -> None:
        objectives.extend([] if objective is None else [objective])

    answer = search_schedule(problem, Limits(time_limit_s=0.5, method=method), report, stop_in())
    verdict = verify(problem, answer.solutions[0])
    assert set(answer.info["method"].split("+")) <= {"rules", *{"list": ("genetic", "repair")}.get(method, (method,))}
    assert verdict.feasible
    assert verdict.objective == answer.claimed_objective
    assert verdict.objective is not None
    assert verdict.objective < objectives[0]


@pytest.mark.parametrize("method", ["auto", *METHODS["schedule"]])
def test_a_search_ends_where_it_is_as_good_as_was_asked_for(method: str) -> None:
    problem = workshop(60, objective=WeightedTardiness())
    first = verify(problem, place_tasks(problem)).objective
    assert first is not None
    target = 0.9 * first
    limits = Limits(time_limit_s=PATIENCE_S, method=method, target=target)
    answer, again = (search_schedule(problem, limits, no_report, stop_in()) for _ in range(2))
    assert answer.complete
    assert answer.solutions == again.solutions
    assert answer.claimed_objective is not None
    assert answer.claimed_objective <= target


def test_no_round_plans_for_more_than_its_share_of_the_time_limit() -> None:
    assert all(sum(turn.share for turn in case.turns) == pytest.approx(1.0) for case in SCHEDULE)
    assert all(sum(part for _, part in turn.alone) == pytest.approx(1.0) for case in SCHEDULE for turn in case.turns)


def test_five_thousand_tasks_have_a_schedule_at_once_and_then_a_better_one() -> None:
    problem = workshop(5_000, objective=WeightedTardiness())
    objectives: list[Number] = []

    def report(*, objective: Number | None = None, bound: Number | None = None) -> None:
        objectives.extend([] if objective is None else [objective])

    answer = search_schedule(problem, Limits(time_limit_s=1.0), report, stop_in())
    verdict = verify(problem, answer.solutions[0])
    assert verdict.feasible
    assert verdict.objective == answer.claimed_objective
    assert answer.bound is not None
    assert verdict.objective is not None
    assert answer.bound <= verdict.objective < objectives[0]


@settings(max_examples=60, deadline=None)
@given(tiny_schedules())
def test_mending_keeps_a_schedule_feasible_and_knows_what_it_is_worth(problem: ScheduleProblem) -> None:
    try:
        first = place_tasks(problem)
    except Unplaceable:
        assume(False)
    relations, weights = relate(problem), weigh_objective(problem, latest_horizon(problem))
    found = Found(solution=first, value=weights.measure(problem, first), bound=-1)
    mended = Mender(problem, relations, weights).improve(
        found, work=0.02, seed=1, progress=lambda found: None, stop=stop_in()
    )
    assert mended.complete
    assert mended.solution is not None
    verdict = verify(problem, mended.solution)
    assert verdict.feasible, verdict.violations
    assert mended.value == weights.measure(problem, mended.solution)
    assert mended.value <= found.value


def test_a_problem_too_large_for_a_model_is_solved_by_list_schedules_with_a_bound() -> None:
    agents = tuple(Agent(id=f"a{i}") for i in range(100))
    problem = ScheduleProblem(agents=agents, tasks=tuple(Task(id=f"t{i}", duration=1 + i % 9) for i in range(700)))
    answer = search(problem, replace(LIMITS, time_limit_s=0.5))
    assert "cp-sat" not in answer.info["method"]
    assert verify(problem, answer.solutions[0]).feasible
    assert answer.bound is not None
    assert answer.claimed_objective is not None
    assert answer.bound <= answer.claimed_objective


def test_a_model_that_would_not_fit_in_memory_is_refused_by_name() -> None:
    agents = tuple(Agent(id=f"a{i}") for i in range(600))
    problem = ScheduleProblem(agents=agents, tasks=tuple(Task(id=f"t{i}", duration=1 + i % 9) for i in range(1_000)))
    with pytest.raises(BackendError, match=rf"cp-sat takes at most {MODEL_SIZE_MAX:,} .* not 601,000") as refusal:
        search(problem, replace(LIMITS, method="cp-sat"))
    assert refusal.value.kind == "too_large"


@pytest.mark.parametrize("threads", [1, 2])
def test_a_model_that_would_not_fit_in_memory_is_in_no_plan_however_long_the_time(threads: int) -> None:
    agents = tuple(Agent(id=f"a{i}") for i in range(600))
    problem = ScheduleProblem(agents=agents, tasks=tuple(Task(id=f"t{i}", duration=1) for i in range(1_000)))
    limits = replace(LIMITS, time_limit_s=36_000.0, threads=threads)
    rounds = plan_rounds(problem, relate(problem), limits, compiled=True)
    planned = [stage.method for each in rounds for lane in each.lanes for stage in lane]
    assert planned
    assert "cp-sat" not in planned


def test_a_model_that_is_still_written_when_the_time_is_over_is_given_up() -> None:
    problem = workshop(60)
    relations, horizon = relate(problem), latest_horizon(problem)
    asked = chain([False] * 63, repeat(True))
    with pytest.raises(FormulationStopped):
        formulate_schedule(
            problem,
            relations,
            weigh_objective(problem, horizon),
            horizon,
            stop=lambda: next(asked),
        )
