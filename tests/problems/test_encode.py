"""What an encoding holds: which choices, which limits, and a model whose best states are worth having."""

from itertools import product

import numpy as np
import pytest

from quantum_scheduler.problems.encode import IDLE_LABEL, Encoding, encode_schedule
from quantum_scheduler.problems.model import ENERGY_MAX, BinarySolution, ProblemTooLarge
from quantum_scheduler.problems.read import read_document, write_document
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

TEAM = (Agent(id="ann"), Agent(id="bob"), Agent(id="cat"))


def best_choices(encoding: Encoding) -> list[set[tuple[str, str]]]:
    """The (task, agent) pairs of every state of least energy."""
    model = encoding.model
    states = np.array(list(product((0, 1), repeat=len(model.labels))))
    energy = states @ model.linear + (states[:, model.head] * states[:, model.tail]) @ model.weight
    return [
        {
            (encoding.problem.tasks[task].id, encoding.problem.agents[agent].id)
            for (task, agent), value in zip(encoding.choices, state, strict=True)
            if value
        }
        for state in states[energy == energy.min()]
    ]


def test_only_a_task_that_has_a_choice_gets_variables() -> None:
    problem = ScheduleProblem(
        agents=(*TEAM, Agent(id="dan", skills={"x": 1})),
        resources=(Resource(id="oven", capacity=1),),
        tasks=(
            Task(id="free", duration=1, agents=2),
            Task(id="all", duration=1, agents=4),
            Task(id="expert", duration=1, skills={"x": 1}),
            Task(id="instant", duration=0),
            Task(id="machine", duration=1, agents=0, uses={"oven": 1}),
        ),
    )
    encoding = encode_schedule(problem)
    assert encoding.choices == ((0, 0), (0, 1), (0, 2), (0, 3))
    assert encoding.model.labels == ("t0|a0", "t0|a1", "t0|a2", "t0|a3")


def test_an_agent_without_a_window_for_the_task_is_no_choice() -> None:
    agents = (*TEAM, Agent(id="dan", availability=(Window(start=0, end=3),)))
    encoding = encode_schedule(ScheduleProblem(agents=agents, tasks=(Task(id="a", duration=4),)))
    assert [agent for _, agent in encoding.choices] == [0, 1, 2]


@pytest.mark.parametrize(
    "tasks",
    [
        (Task(id="a", duration=0),),
        (Task(id="a", duration=1, agents=3),),
        (Task(id="a", duration=1, skills={"unknown": 1}),),
    ],
)
def test_a_schedule_without_any_choice_becomes_one_idle_variable(tasks: tuple[Task, ...]) -> None:
    encoding = encode_schedule(ScheduleProblem(agents=TEAM, tasks=tasks))
    assert encoding.choices == ()
    assert encoding.model.labels == (IDLE_LABEL,)
    assert verify(encoding.model, BinarySolution(values={IDLE_LABEL: 1})).objective == 0


def test_tasks_that_would_overlap_go_to_different_agents() -> None:
    problem = ScheduleProblem(agents=TEAM, tasks=tuple(Task(id=name, duration=5) for name in "xyz"))
    for best in best_choices(encode_schedule(problem)):
        assert {agent for _, agent in best} == {"ann", "bob", "cat"}


def test_tasks_that_wait_for_each_other_are_not_kept_apart() -> None:
    problem = ScheduleProblem(
        agents=TEAM[:2], tasks=(Task(id="x", duration=5), Task(id="y", duration=5, dependencies=("x",)))
    )
    assert len(best_choices(encode_schedule(problem))) == 4


def test_an_agent_with_more_room_is_given_more() -> None:
    agents = (Agent(id="ann", capacity=3), Agent(id="bob"))
    problem = ScheduleProblem(agents=agents, tasks=tuple(Task(id=name, duration=5) for name in "wxyz"))
    for best in best_choices(encode_schedule(problem)):
        assert sorted(agent for _, agent in best) == ["ann", "ann", "ann", "bob"]


def test_where_cost_counts_the_cheap_agent_does_what_nobody_waits_for() -> None:
    problem = ScheduleProblem(
        agents=(Agent(id="ann", cost=5), Agent(id="bob", cost=1)),
        tasks=(Task(id="x", duration=5), Task(id="y", duration=5, dependencies=("x",))),
        objective=WeightedSum(makespan=1, cost=1),
    )
    assert best_choices(encode_schedule(problem)) == [{("x", "bob"), ("y", "bob")}]


def test_an_urgent_task_does_not_wait_with_a_task_that_is_settled() -> None:
    problem = ScheduleProblem(
        agents=(Agent(id="ann", skills={"x": 1}), Agent(id="bob")),
        tasks=(Task(id="settled", duration=5, skills={"x": 1}, deadline=5), Task(id="urgent", duration=5, deadline=5)),
        objective=WeightedTardiness(),
    )
    assert best_choices(encode_schedule(problem)) == [{("urgent", "bob")}]


def test_a_crew_is_whole_however_dear_its_last_member_is() -> None:
    problem = ScheduleProblem(
        agents=(Agent(id="ann"), Agent(id="bob", cost=1_000), Agent(id="cat", cost=1_000)),
        tasks=(Task(id="x", duration=5, agents=2),),
        objective=WeightedSum(cost=1),
    )
    best = best_choices(encode_schedule(problem))
    assert best == [{("x", "ann"), ("x", "cat")}, {("x", "ann"), ("x", "bob")}]


def test_whole_numbers_are_encoded_as_integers_even_when_written_as_floats() -> None:
    agents = (Agent(id="ann", cost=2.0), Agent(id="bob", cost=3, capacity=2))
    tasks = tuple(Task(id=name, duration=5, priority=2.0, deadline=1) for name in "xyz")
    objective = WeightedSum(makespan=1, tardiness=3.0, cost=1)
    model = encode_schedule(ScheduleProblem(agents=agents, tasks=tasks, objective=objective)).model
    assert model.integral
    assert isinstance(model.offset, int)


def test_fractions_are_encoded_as_floats() -> None:
    agents = (Agent(id="ann", cost=0.1), Agent(id="bob", cost=3))
    problem = ScheduleProblem(agents=agents, tasks=(Task(id="x", duration=5),), objective=WeightedSum(cost=1))
    assert not encode_schedule(problem).model.integral


@pytest.mark.parametrize("capacities", [(1, 1, 1), (999_983, 999_979, 999_961)])
def test_numbers_too_large_for_exact_integers_are_scaled_into_range(capacities: tuple[int, ...]) -> None:
    problem = ScheduleProblem(
        agents=tuple(Agent(id=str(i), capacity=capacity, cost=10**9) for i, capacity in enumerate(capacities)),
        tasks=tuple(Task(id=str(i), duration=10**9 - i, priority=10**9, deadline=10**9) for i in range(4)),
        objective=WeightedSum(makespan=10**9, tardiness=10**9, cost=10**9),
        deadlines="soft",
    )
    encoding = encode_schedule(problem)
    model = encoding.model
    assert not model.integral
    assert abs(model.linear).sum() + model.weight.sum() + abs(model.offset) < ENERGY_MAX
    for best in best_choices(encoding):
        assert sorted(task for task, _ in best) == ["0", "1", "2", "3"]


def test_an_encoding_is_written_and_read_like_any_binary_problem() -> None:
    problem = ScheduleProblem(agents=TEAM, tasks=tuple(Task(id=name, duration=5) for name in "xyz"))
    model = encode_schedule(problem).model
    again = read_document(write_document(model))
    assert again.kind == "binary"
    assert write_document(again) == write_document(model)


def test_too_many_variables_are_refused_with_their_count() -> None:
    problem = ScheduleProblem(
        agents=tuple(Agent(id=str(i)) for i in range(1_000)),
        tasks=tuple(Task(id=str(i), duration=1) for i in range(101)),
    )
    with pytest.raises(ProblemTooLarge, match="takes 101,000 binary variables to encode; the limit is 100,000"):
        encode_schedule(problem)


def test_too_many_terms_are_refused_with_their_count() -> None:
    problem = ScheduleProblem(
        agents=tuple(Agent(id=str(i)) for i in range(100)),
        tasks=tuple(Task(id=str(i), duration=1) for i in range(1_000)),
    )
    with pytest.raises(ProblemTooLarge, match=r"takes [\d,]+ pair terms to encode; the limit is 2,000,000"):
        encode_schedule(problem)
