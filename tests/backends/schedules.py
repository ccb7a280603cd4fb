"""Schedules to search: tiny ones with every trait, their best objectives by trying everything, and larger ones."""

from collections.abc import Iterator
from itertools import combinations, permutations, product

from hypothesis import strategies as st

from quantum_scheduler.problems.model import Number, ScheduleSolution
from quantum_scheduler.problems.place import Unplaceable, place_tasks
from quantum_scheduler.problems.relate import relate
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

OBJECTIVES: tuple[Objective, ...] = (
    Makespan(),
    WeightedTardiness(),
    WeightedSum(makespan=0.5, tardiness=1, cost=0.3),
)


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
