"""What `place_tasks` does with plain cases, and the reasons it gives where a task has no place."""

import pytest

from quantum_scheduler.problems.model import Assignment, ScheduleSolution
from quantum_scheduler.problems.place import Unplaceable, place_tasks
from quantum_scheduler.problems.schedule import Agent, Resource, ScheduleProblem, Task, WeightedSum, Window

ANN = Agent(id="ann")


def times(solution: ScheduleSolution) -> dict[str, tuple[int, int]]:
    return {placed.task: (placed.start, placed.end) for placed in solution.assignments}


def crews(solution: ScheduleSolution) -> dict[str, tuple[str, ...]]:
    return {placed.task: placed.agents for placed in solution.assignments}


def reason(problem: ScheduleProblem) -> str:
    with pytest.raises(Unplaceable) as caught:
        place_tasks(problem)
    return str(caught.value)


def test_a_later_task_fills_the_gap_before_an_earlier_one() -> None:
    problem = ScheduleProblem(
        agents=(ANN,), tasks=(Task(id="late", duration=2, release=5), Task(id="short", duration=5))
    )
    assert times(place_tasks(problem, order=(0, 1))) == {"late": (5, 7), "short": (0, 5)}


def test_an_order_against_the_dependencies_moves_them_ahead() -> None:
    problem = ScheduleProblem(
        agents=(ANN,),
        tasks=(
            Task(id="last", duration=1, dependencies=("middle",)),
            Task(id="other", duration=9),
            Task(id="middle", duration=1, dependencies=("first",)),
            Task(id="first", duration=1),
        ),
    )
    placed = times(place_tasks(problem, order=(0, 1, 2, 3)))
    assert placed == {"first": (0, 1), "middle": (1, 2), "last": (2, 3), "other": (3, 12)}


@pytest.mark.parametrize("order", [(), (0,), (0, 0), (0, 2), (0, 1, 1)])
def test_an_order_that_is_no_permutation_is_refused(order: tuple[int, ...]) -> None:
    problem = ScheduleProblem(agents=(ANN,), tasks=(Task(id="a", duration=1), Task(id="b", duration=1)))
    with pytest.raises(ValueError, match="every task's position once"):
        place_tasks(problem, order=order)


@pytest.mark.parametrize(
    ("objective", "chosen"), [(WeightedSum(makespan=1, cost=1), "cheap"), (WeightedSum(makespan=1), "plain")]
)
def test_of_equally_early_agents_cost_decides_where_it_counts_and_else_how_few_tasks_need_them(
    objective: WeightedSum, chosen: str
) -> None:
    problem = ScheduleProblem(
        agents=(
            Agent(id="cheap", skills={"x": 1}, cost=1),
            Agent(id="dear", skills={"x": 1}, cost=3),
            Agent(id="plain", cost=2),
        ),
        tasks=(Task(id="a", duration=1), Task(id="b", duration=1, release=9, skills={"x": 1})),
        objective=objective,
    )
    assert crews(place_tasks(problem)) == {"a": (chosen,), "b": ("cheap",)}


def test_an_earlier_end_comes_before_a_cheaper_agent() -> None:
    busy_until_three = (Window(start=3, end=9),)
    problem = ScheduleProblem(
        agents=(Agent(id="cheap", availability=busy_until_three), Agent(id="dear", cost=5)),
        tasks=(Task(id="a", duration=1),),
        objective=WeightedSum(cost=1),
    )
    assert crews(place_tasks(problem)) == {"a": ("dear",)}


def test_a_given_crew_is_kept_and_one_that_cannot_do_the_task_is_replaced() -> None:
    problem = ScheduleProblem(
        agents=(ANN, Agent(id="bob", skills={"x": 1})),
        tasks=(Task(id="a", duration=1), Task(id="b", duration=1, skills={"x": 1}), Task(id="c", duration=1)),
    )
    placed = place_tasks(problem, crews={0: (1,), 1: (0,), 2: (0, 1)})
    assert crews(placed) == {"a": ("bob",), "b": ("bob",), "c": ("ann",)}


def test_a_crew_starts_when_all_of_it_is_free_together() -> None:
    problem = ScheduleProblem(
        agents=(
            Agent(id="early", availability=(Window(start=0, end=4), Window(start=6, end=8))),
            Agent(id="late", availability=(Window(start=3, end=8),)),
        ),
        tasks=(Task(id="a", duration=2, agents=2),),
    )
    assert place_tasks(problem).assignments == (Assignment(task="a", agents=("early", "late"), start=6, end=8),)


def test_a_resource_delays_what_its_agent_could_do() -> None:
    problem = ScheduleProblem(
        agents=(ANN, Agent(id="bob")),
        resources=(Resource(id="oven", capacity=3),),
        tasks=(Task(id="a", duration=4, uses={"oven": 2}), Task(id="b", duration=4, uses={"oven": 2})),
    )
    assert sorted(times(place_tasks(problem)).values()) == [(0, 4), (4, 8)]


def test_a_task_that_waits_for_a_resource_needs_its_agent_still_free_then() -> None:
    problem = ScheduleProblem(
        agents=(Agent(id="ann", availability=(Window(start=0, end=4), Window(start=6, end=9))), Agent(id="bob")),
        resources=(Resource(id="oven", capacity=1), Resource(id="sink", capacity=1)),
        tasks=(
            Task(id="oven", duration=3, uses={"oven": 1}),
            Task(id="sink", duration=7, uses={"sink": 1}),
            Task(id="both", duration=2, uses={"oven": 1, "sink": 1}),
        ),
    )
    crew = {0: (1,), 1: (1,), 2: (0,)}
    one_after_the_other = times(place_tasks(problem, order=(0, 2, 1), crews=crew))
    assert one_after_the_other == {"oven": (0, 3), "both": (6, 8), "sink": (8, 15)}


def test_an_instant_takes_no_capacity_and_waits_for_its_dependencies() -> None:
    problem = ScheduleProblem(
        agents=(Agent(id="ann", availability=(Window(start=0, end=4),)),),
        resources=(Resource(id="oven", capacity=1),),
        tasks=(
            Task(id="work", duration=4, uses={"oven": 1}),
            Task(id="done", duration=0, uses={"oven": 1}, dependencies=("work",)),
        ),
    )
    assert times(place_tasks(problem)) == {"work": (0, 4), "done": (4, 4)}


def test_a_task_that_the_usual_order_leaves_no_room_for_goes_first() -> None:
    """By latest start "eager" goes first and takes the only window that "fixed" fits into."""
    problem = ScheduleProblem(
        agents=(Agent(id="ann", availability=(Window(start=0, end=4), Window(start=5, end=8))),),
        tasks=(Task(id="eager", duration=3, deadline=9), Task(id="fixed", duration=4, deadline=20)),
    )
    assert times(place_tasks(problem)) == {"eager": (5, 8), "fixed": (0, 4)}
    with pytest.raises(Unplaceable) as caught:
        place_tasks(problem, order=(0, 1))
    assert not caught.value.proven


def test_a_hard_deadline_is_met_and_a_soft_one_only_counts() -> None:
    late = Task(id="late", duration=4, deadline=4)
    rival = Task(id="rival", duration=4, deadline=4)
    hard = ScheduleProblem(agents=(ANN,), tasks=(late, rival), deadlines="hard")
    soft = hard.model_copy(update={"deadlines": "soft"})
    assert "would end at 8 at the earliest, 4 after its hard deadline" in reason(hard)
    assert sorted(times(place_tasks(soft)).values()) == [(0, 4), (4, 8)]


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (
            ScheduleProblem(agents=(ANN,), tasks=(Task(id="a", duration=1, skills={"x": 1}),)),
            "task 'a' needs 1 agent at once; 0 have its skills",
        ),
        (
            ScheduleProblem(
                agents=(ANN, Agent(id="bob", availability=(Window(start=0, end=4),))),
                tasks=(Task(id="a", duration=5, agents=2),),
            ),
            (
                "task 'a' needs 2 agents at once; 1 of the 2 with its skills can fit 5 time units from 0 into "
                "an availability window"
            ),
        ),
        (
            ScheduleProblem(
                agents=(Agent(id="bob", availability=(Window(start=4, end=9),)),),
                tasks=(Task(id="a", duration=2, release=1, deadline=5),),
            ),
            (
                "task 'a' needs 1 agent at once; 0 of the 1 with its skills can fit 2 time units from 1 to 5 into an "
                "availability window"
            ),
        ),
        (
            ScheduleProblem(
                agents=(ANN,),
                tasks=(Task(id="a", duration=5), Task(id="b", duration=2, deadline=6, dependencies=("a",))),
            ),
            "task 'b' cannot end before 7, 1 after its hard deadline, by its release and dependencies",
        ),
        (
            ScheduleProblem(
                resources=(Resource(id="oven", capacity=1),),
                tasks=(Task(id="a", duration=1, agents=0, uses={"oven": 2}),),
            ),
            "task 'a' uses 2 units of resource 'oven', which has 1",
        ),
    ],
)
def test_what_no_schedule_can_place_is_explained_and_proven(problem: ScheduleProblem, message: str) -> None:
    with pytest.raises(Unplaceable) as caught:
        place_tasks(problem)
    assert str(caught.value) == message
    assert caught.value.proven


def test_agents_who_are_never_free_together_are_explained() -> None:
    problem = ScheduleProblem(
        agents=(
            Agent(id="ann", availability=(Window(start=0, end=5),)),
            Agent(id="bob", availability=(Window(start=3, end=9),)),
        ),
        tasks=(Task(id="a", duration=3, agents=2),),
    )
    assert reason(problem) == (
        "task 'a' finds no 3 time units from 0 on in which 2 of its 2 possible agents are free together"
    )


def test_two_thousand_tasks_leave_a_hundred_agents_hardly_idle() -> None:
    problem = ScheduleProblem(
        agents=tuple(Agent(id=str(i)) for i in range(100)),
        tasks=tuple(Task(id=str(i), duration=1 + i % 7) for i in range(2_000)),
    )
    assert max(placed.end for placed in place_tasks(problem).assignments) <= 90
