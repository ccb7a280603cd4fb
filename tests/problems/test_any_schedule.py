"""What holds for any schedule problem: placing, encoding, decoding and verifying, on small and nasty ones."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise, product
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.decode import decode
from quantum_scheduler.problems.encode import IDLE_LABEL, Encoding, encode_schedule
from quantum_scheduler.problems.model import Assignment, BinarySolution, Label, ScheduleSolution
from quantum_scheduler.problems.place import Unplaceable, place_tasks
from quantum_scheduler.problems.relate import bound_makespan, relate
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
from quantum_scheduler.problems.solution import read_solution, write_solution
from quantum_scheduler.problems.verify import verify

# Ids that an encoding's labels or a message could mix up.
NASTY_IDS = ("t0", "a0", "t0|a0", "|", " ", "0", "1", "'", "é", "idle")
WEIGHTS = st.sampled_from((0, 1, 3, 2.0, 0.1, 1_000_000_000))
# Several people may share the machine's cores.
unhurried = settings(deadline=None)
ANY_VALUE = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=2) | st.lists(st.integers(), max_size=1)
)


@st.composite
def windows(draw: st.DrawFn, time_max: int) -> tuple[Window, ...]:
    """Disjoint windows, some of them touching, in any order."""
    bounds = draw(st.lists(st.integers(0, time_max), min_size=2, max_size=6, unique=True).map(sorted))
    touching = draw(st.booleans())
    pairs = pairwise(bounds) if touching else zip(bounds[::2], bounds[1::2], strict=False)
    return tuple(draw(st.permutations([Window(start=start, end=end) for start, end in pairs])))


@st.composite
def agents_of(draw: st.DrawFn, *, agents_max: int, time_max: int) -> tuple[Agent, ...]:
    return tuple(
        Agent(
            id=name,
            skills=draw(st.dictionaries(st.sampled_from("xy"), st.integers(0, 1), max_size=2)),
            capacity=draw(st.sampled_from((1, 1, 2, 3))),
            availability=draw(st.none() | st.none() | windows(time_max)),
            cost=draw(WEIGHTS),
        )
        for name in NASTY_IDS[: draw(st.sampled_from(range(1, agents_max + 1)))]
    )


@st.composite
def tasks_of(
    draw: st.DrawFn, names: tuple[str, ...], agents: tuple[Agent, ...], resources: tuple[Resource, ...], time_max: int
) -> list[Task]:
    tasks: list[Task] = []
    for name in names:
        skills = draw(st.sampled_from([{}, {}, {}, *(agent.skills for agent in agents)]))
        able = [agent for agent in agents if all(agent.skills.get(skill, -1) >= skills[skill] for skill in skills)]
        duration = draw(st.sampled_from((0, 1, *range(1, time_max // 2 + 1))))
        release = draw(st.sampled_from((0, 0, 1, time_max // 2)))
        task = Task(
            id=name,
            duration=duration,
            skills=skills,
            agents=min(len(able), draw(st.sampled_from((1, 1, 1, 2, 3, 0)))),
            uses={resource.id: draw(st.integers(0, resource.capacity)) for resource in resources},
            priority=draw(WEIGHTS),
            release=release,
            deadline=draw(st.none() | st.sampled_from((0, 0, 1, 2, 4, 30)).map((release + duration).__add__)),
            # The first task can only depend on nothing.
            dependencies=tuple(draw(st.lists(st.sampled_from(names[: len(tasks)]), max_size=2)) if tasks else ()),
        )
        tasks.append(task)
    return tasks


@st.composite
def problems(draw: st.DrawFn, *, tasks_max: int = 6, time_max: int = 12, agents_max: int = 4) -> ScheduleProblem:
    """Valid schedules, whether or not there is room for them."""
    agents = draw(agents_of(agents_max=agents_max, time_max=time_max))
    resources = tuple(Resource(id=name, capacity=draw(st.integers(0, 3))) for name in "rs"[: draw(st.integers(0, 2))])
    tasks = draw(tasks_of(NASTY_IDS[: draw(st.sampled_from(range(1, tasks_max + 1)))], agents, resources, time_max))
    objective: st.SearchStrategy[Objective] = st.one_of(
        st.just(Makespan()),
        st.just(WeightedTardiness()),
        st.builds(WeightedSum, makespan=WEIGHTS, tardiness=WEIGHTS, cost=WEIGHTS),
    )
    return ScheduleProblem(
        agents=agents,
        resources=resources,
        tasks=tuple(draw(st.permutations(tasks))),
        objective=draw(objective),
        deadlines=draw(st.sampled_from((None, "hard", "soft"))),
    )


def tiny_problems() -> st.SearchStrategy[ScheduleProblem]:
    """Schedules small enough to try every solution."""
    return problems(tasks_max=2, time_max=4, agents_max=2)


@st.composite
def answers(draw: st.DrawFn, problem: ScheduleProblem) -> ScheduleSolution:
    """Any answer in its proper form, right or wrong, and those that are nearly right."""
    outcome = attempt(lambda: place_tasks(problem))
    assignments = []
    for i, task in enumerate(problem.tasks):
        if isinstance(outcome, Unplaceable) or draw(st.integers(0, 9)) == 0:
            start = draw(st.integers(0, 12))
            crew = tuple(draw(st.permutations([agent.id for agent in problem.agents]))[: task.agents])
        else:
            start = max(0, outcome.assignments[i].start + draw(st.sampled_from((0, 0, 0, 0, 0, 1, -1))))
            crew = outcome.assignments[i].agents
        assignments.append(Assignment(task=task.id, agents=crew, start=start, end=start + task.duration))
    return ScheduleSolution(assignments=tuple(assignments))


def keeps_every_rule(problem: ScheduleProblem, solution: ScheduleSolution) -> bool:
    """Check an answer in its proper form the slow way, one time unit after the other."""
    placed = {assignment.task: assignment for assignment in solution.assignments}
    agents = {agent.id: agent for agent in problem.agents}
    busy: Counter[tuple[str, str, int]] = Counter()
    for task in problem.tasks:
        run = placed[task.id]
        for time in range(run.start, run.end):
            busy.update(("agent", name, time) for name in run.agents)
            for name, units in task.uses.items():
                busy["resource", name, time] += units
    capacity = {("agent", agent.id): agent.capacity for agent in problem.agents}
    capacity |= {("resource", resource.id): resource.capacity for resource in problem.resources}
    return all(
        [
            *(units <= capacity[kind, name] for (kind, name, _), units in busy.items()),
            *(placed[task.id].start >= task.release for task in problem.tasks),
            *(placed[task.id].start >= placed[name].end for task in problem.tasks for name in task.dependencies),
            *(
                placed[task.id].end <= task.deadline
                for task in problem.tasks
                if problem.deadlines_are_hard and task.deadline is not None
            ),
            *(len(placed[task.id].agents) == task.agents for task in problem.tasks),
            *(
                agents[name].skills.get(skill, -1) >= level
                for task in problem.tasks
                for name in placed[task.id].agents
                for skill, level in task.skills.items()
            ),
            *(
                any(window.start <= run.start <= run.end <= window.end for window in agents[name].availability or ())
                for run in solution.assignments
                for name in run.agents
                if agents[name].availability is not None
            ),
        ]
    )


def every_answer(problem: ScheduleProblem, time_max: int) -> Iterator[ScheduleSolution]:
    """Every answer that starts all tasks up to `time_max`."""
    names = [agent.id for agent in problem.agents]
    choices = [
        [
            Assignment(task=task.id, agents=crew, start=start, end=start + task.duration)
            for crew in combinations(names, task.agents)
            for start in range(time_max + 1)
        ]
        for task in problem.tasks
    ]
    return (ScheduleSolution(assignments=assignments) for assignments in product(*choices))


def attempt(place: Callable[[], ScheduleSolution]) -> ScheduleSolution | Unplaceable:
    try:
        return place()
    except Unplaceable as unplaceable:
        return unplaceable


def violations(problem: ScheduleProblem, outcome: ScheduleSolution | Unplaceable) -> tuple[str, ...]:
    """What is wrong with a schedule; nothing is wrong with a reason why there is none."""
    return () if isinstance(outcome, Unplaceable) else verify(problem, outcome).violations


@unhurried
@given(problem=problems(), data=st.data())
def test_verify_agrees_with_a_walk_through_time(problem: ScheduleProblem, data: st.DataObject) -> None:
    answer = data.draw(answers(problem))
    verdict = verify(problem, answer)
    assert verdict.feasible == keeps_every_rule(problem, answer)
    assert verdict.feasible == (not verdict.violations)
    assert verdict.objective is not None


@unhurried
@given(problem=problems())
def test_what_is_placed_is_feasible_and_in_the_order_of_the_tasks(problem: ScheduleProblem) -> None:
    outcome = attempt(lambda: place_tasks(problem))
    assume(isinstance(outcome, ScheduleSolution))
    assert isinstance(outcome, ScheduleSolution)
    assert verify(problem, outcome).violations == ()
    assert [placed.task for placed in outcome.assignments] == [task.id for task in problem.tasks]
    assert read_solution(write_solution(outcome)) == outcome


@unhurried
@given(problem=problems(), data=st.data())
def test_any_order_and_any_crews_give_a_feasible_schedule_or_a_reason(
    problem: ScheduleProblem, data: st.DataObject
) -> None:
    count = len(problem.tasks)
    order = data.draw(st.permutations(range(count)))
    crews = data.draw(st.dictionaries(st.integers(-1, count), st.lists(st.integers(-1, 4), max_size=3)))
    outcome = attempt(lambda: place_tasks(problem, order=order, crews=crews))
    assert violations(problem, outcome) == ()


@unhurried
@given(problem=problems(), data=st.data())
def test_a_given_crew_that_can_do_its_task_does_it(problem: ScheduleProblem, data: st.DataObject) -> None:
    crews = {
        i: data.draw(st.permutations(eligible))[: problem.tasks[i].agents]
        for i, eligible in enumerate(relate(problem).eligible)
    }
    outcome = attempt(lambda: place_tasks(problem, crews=crews))
    assume(isinstance(outcome, ScheduleSolution))
    assert isinstance(outcome, ScheduleSolution)
    given_names = [{problem.agents[agent].id for agent in crews[i]} for i in range(len(problem.tasks))]
    assert [set(placed.agents) for placed in outcome.assignments] == given_names


@unhurried
@given(problem=problems())
def test_only_windows_and_hard_deadlines_can_make_placing_fail_unproven(problem: ScheduleProblem) -> None:
    always = tuple(agent.model_copy(update={"availability": None}) for agent in problem.agents)
    relaxed = problem.model_copy(update={"agents": always, "deadlines": "soft"})
    outcome = attempt(lambda: place_tasks(relaxed))
    assert isinstance(outcome, ScheduleSolution) or outcome.proven


@unhurried
@given(problem=tiny_problems())
def test_what_is_proven_unplaceable_has_no_feasible_answer(problem: ScheduleProblem) -> None:
    outcome = attempt(lambda: place_tasks(problem))
    impossible = isinstance(outcome, Unplaceable) and outcome.proven
    assert not (impossible and any(verify(problem, answer).feasible for answer in every_answer(problem, time_max=6)))


@unhurried
@given(problem=tiny_problems())
def test_no_feasible_answer_ends_before_the_makespan_bound(problem: ScheduleProblem) -> None:
    bound = bound_makespan(problem, relate(problem))
    verdicts = (verify(problem, answer) for answer in every_answer(problem, time_max=6))
    assert all(verdict.measures["makespan"] >= bound for verdict in verdicts if verdict.feasible)


@unhurried
@given(problem=problems(tasks_max=1))
def test_a_single_task_is_placed_as_early_as_it_can_be(problem: ScheduleProblem) -> None:
    feasible = [answer for answer in every_answer(problem, time_max=14) if verify(problem, answer).feasible]
    outcome = attempt(lambda: place_tasks(problem))
    starts = [] if isinstance(outcome, Unplaceable) else [outcome.assignments[0].start]
    assert starts == sorted({answer.assignments[0].start for answer in feasible})[:1]


def energies(model: BinaryProblem) -> tuple[np.ndarray, np.ndarray]:
    """Every state of a small model, one a row, and the energy of each."""
    states = np.array(list(product((0, 1), repeat=len(model.labels))))
    quadratic = (states[:, model.head] * states[:, model.tail]) @ model.weight
    return states, states @ model.linear + quadratic + model.offset


def keeps_the_rule(encoding: Encoding, state: np.ndarray) -> bool:
    """Whether a state gives every task that has a choice as many agents as it needs."""
    chosen: dict[int, int] = defaultdict(int)
    for (task, _), value in zip(encoding.choices, state.tolist(), strict=False):
        chosen[task] += value
    return all(count == encoding.problem.tasks[task].agents for task, count in chosen.items())


@unhurried
@given(problem=problems(tasks_max=4, agents_max=3))
def test_every_state_of_least_energy_and_every_local_minimum_chooses_whole_crews(problem: ScheduleProblem) -> None:
    encoding = encode_schedule(problem)
    states, energy = energies(encoding.model)
    bits = 1 << np.arange(len(encoding.model.labels))[::-1]
    flipped = energy[np.arange(len(states))[:, None] ^ bits]
    local_minima = states[(energy[:, None] <= flipped).all(axis=1)]
    assert len(local_minima)
    assert all(keeps_the_rule(encoding, state) for state in local_minima)
    assert all(keeps_the_rule(encoding, state) for state in states[energy == energy.min()])


@unhurried
@given(problem=problems())
def test_an_encoding_is_a_valid_model(problem: ScheduleProblem) -> None:
    encoding = encode_schedule(problem)
    model = encoding.model
    assert model.labels == (tuple(f"t{task}|a{agent}" for task, agent in encoding.choices) or (IDLE_LABEL,))
    assert (model.head < model.tail).all()
    assert len(set(zip(model.head.tolist(), model.tail.tolist(), strict=True))) == len(model.weight)
    assert (model.weight > 0).all()
    assert model.linear.dtype == model.weight.dtype
    assert abs(model.linear).sum() + model.weight.sum() + model.offset < 2**53
    values = dict.fromkeys(model.labels, 1)
    assert verify(model, BinarySolution(values=values)).feasible


@unhurried
@given(problem=problems(), data=st.data())
def test_any_read_decodes_to_a_feasible_schedule_or_a_reason(problem: ScheduleProblem, data: st.DataObject) -> None:
    encoding = encode_schedule(problem)
    labels = st.sampled_from(encoding.model.labels) | st.integers() | st.text(max_size=3)
    bits = st.fixed_dictionaries({label: st.integers(0, 1) for label in encoding.model.labels})
    spins = st.fixed_dictionaries({label: st.sampled_from((-1, 1)) for label in encoding.model.labels})
    read: dict[Label, Any] = data.draw(st.one_of(bits, spins, st.dictionaries(labels, ANY_VALUE)))
    outcome = attempt(lambda: decode(encoding, read))
    assert violations(problem, outcome) == ()
    freely = attempt(lambda: place_tasks(problem))
    assert isinstance(freely, Unplaceable) or isinstance(outcome, ScheduleSolution)


@unhurried
@given(problem=problems())
def test_the_same_problem_is_placed_and_encoded_the_same_way_twice(problem: ScheduleProblem) -> None:
    again = ScheduleProblem.model_validate(problem.model_dump())
    first, second = attempt(lambda: place_tasks(problem)), attempt(lambda: place_tasks(again))
    assert first == second or str(first) == str(second)
    assert encode_schedule(problem).model.to_document() == encode_schedule(again).model.to_document()


@unhurried
@given(problem=problems(), data=st.data())
def test_any_garbage_gets_a_verdict_and_never_feasible_unless_it_keeps_every_rule(
    problem: ScheduleProblem, data: st.DataObject
) -> None:
    task_ids = st.sampled_from(NASTY_IDS) | ANY_VALUE
    crews = st.lists(st.sampled_from(NASTY_IDS) | ANY_VALUE, max_size=3).map(tuple) | ANY_VALUE
    times = st.integers(0, 20) | ANY_VALUE
    assignments = st.builds(Assignment, task=task_ids, agents=crews, start=times, end=times)
    garbage = data.draw(
        st.builds(ScheduleSolution, assignments=st.lists(assignments | ANY_VALUE, max_size=8).map(tuple) | ANY_VALUE)
    )
    verdict = verify(problem, garbage)
    assert verdict.feasible == (not verdict.violations)
    assert all(violation.isprintable() for violation in verdict.violations)
    assert not verdict.feasible or keeps_every_rule(problem, garbage)
