"""Validation: a schedule that contradicts itself is refused, with the field and the reason."""

from typing import Any

import pytest

from quantum_scheduler.problems.model import (
    DEPENDENCIES_MAX,
    TASKS_MAX,
    TIME_MAX,
    ProblemInvalid,
    ProblemTooLarge,
)
from quantum_scheduler.problems.schedule import ScheduleProblem
from quantum_scheduler.problems.validate import check_schedule

WELDER = {"id": "ada", "skills": {"weld": 2}, "availability": [{"start": 10, "end": 40}, {"start": 40, "end": 90}]}
PAINTER = {"id": "bob", "skills": ["paint"]}


def make(*tasks: dict[str, Any], **parts: Any) -> ScheduleProblem:
    numbered = [{"id": f"t{at}", "duration": 3, **task} for at, task in enumerate(tasks)]
    return ScheduleProblem.model_validate({"agents": [WELDER, PAINTER], "tasks": numbered, **parts})


def issues(problem: ScheduleProblem) -> list[tuple[str, str]]:
    with pytest.raises(ProblemInvalid) as caught:
        check_schedule(problem)
    return [(issue.field, issue.reason) for issue in caught.value.issues]


@pytest.mark.parametrize(
    "problem",
    [
        make({"skills": {"weld": 2}, "duration": 50}, {"skills": ["paint"], "dependencies": ["t0"]}),
        make({"agents": 2, "deadline": 3}),
        make({"agents": 0, "uses": {"crane": 2}}, agents=[], resources=[{"id": "crane", "capacity": 2}]),
        make({"dependencies": ["t1", "t1"]}, {}),
        make({}, objective={"kind": "weighted_sum", "cost": 0.5}),
    ],
)
def test_what_makes_sense_passes(problem: ScheduleProblem) -> None:
    check_schedule(problem)


@pytest.mark.parametrize(
    ("problem", "field", "reason"),
    [
        (make({}, agents=[PAINTER, PAINTER]), "agents[1].id", "'bob' is already the id of agents[0]"),
        (make({}, resources=[{"id": "r", "capacity": 1}] * 2), "resources[1].id", "already the id of resources[0]"),
        (make({}, {"id": "t0"}), "tasks[1].id", "already the id of tasks[0]"),
        (
            make({}, agents=[{"id": "a", "availability": [{"start": 5, "end": 5}, {"start": 9, "end": 19}]}]),
            "agents[0].availability[0]",
            "ends at 5, not after its start 5",
        ),
        (
            make({}, agents=[{"id": "a", "availability": [{"start": 5, "end": 9}, {"start": 0, "end": 6}]}]),
            "agents[0].availability",
            "[0, 6) and [5, 9) overlap",
        ),
        (make({"dependencies": ["t1", "x"]}, {}), "tasks[0].dependencies[1]", "no task is called 'x'"),
        (make({"dependencies": ["t0"]}), "tasks[0].dependencies[0]", "cannot depend on itself"),
        (
            make(
                {"dependencies": ["t3"]}, {"dependencies": ["t2"]}, {"dependencies": ["t1"]}, {"dependencies": ["t2"]}
            ),
            "tasks[2].dependencies",
            "in a circle: 't2' -> 't1' -> 't2'",
        ),
        (make({"uses": {"crane": 0}}), "tasks[0].uses", "no resource is called 'crane'"),
        (
            make({"uses": {"crane": 3}}, resources=[{"id": "crane", "capacity": 2}]),
            "tasks[0].uses",
            "asks for 3 of 'crane', which has 2 in all",
        ),
        (make({"skills": ["cook"]}), "tasks[0].skills", "no agent has 'cook'"),
        (make({"skills": {"weld": 3}}), "tasks[0].skills", "no agent has 'weld' at level 3 or above"),
        (make({"skills": {"weld": 1, "paint": 0}}), "tasks[0].skills", "needs 1 agents at once, but 0 can do it"),
        (make({"skills": ["paint"], "agents": 2}), "tasks[0].skills", "needs 2 agents at once, but 1 can do it"),
        (make({"agents": 3}), "tasks[0].agents", "needs 3 agents at once, but 2 can do it"),
        (make({"agents": 0, "skills": ["paint"]}), "tasks[0].skills", "asks for skills of 0 agents"),
        (make({"agents": 0}, {}, agents=[]), "agents", "there are none, but tasks[1] needs 1"),
        (make({"skills": ["weld"], "duration": 51}), "tasks[0].duration", "is 51: 0 of the agents"),
        (make({"agents": 2, "duration": 51}), "tasks[0].duration", "1 of the agents who can do it have a window"),
        (make({}, agents=[{"id": "a", "availability": []}]), "tasks[0].duration", "0 of the agents"),
        (make({"release": 5, "deadline": 7}), "tasks[0].deadline", "is 7, before 8, the earliest end"),
        (make({"deadline": 2}, deadlines="soft"), "tasks[0].deadline", "is 2, before 3, the earliest end"),
        (make({}, objective={"kind": "weighted_sum"}), "objective", "all its weights are 0"),
    ],
)
def test_a_contradiction_is_named(problem: ScheduleProblem, field: str, reason: str) -> None:
    ((at, why),) = issues(problem)
    assert at == field
    assert reason in why


def test_every_contradiction_is_named_at_once() -> None:
    problem = make({"skills": ["cook"], "dependencies": ["x"]}, {"id": "t0"}, {"deadline": 1})
    assert [at for at, _ in issues(problem)] == [
        "tasks[1].id",
        "tasks[0].dependencies[0]",
        "tasks[2].deadline",
        "tasks[0].skills",
    ]


def test_a_long_circle_is_shown_in_part() -> None:
    ((_, reason),) = issues(make(*({"dependencies": [f"t{(at + 1) % 500}"]} for at in range(500))))
    assert reason.endswith("'t8' -> 't9' -> 490 more -> 't0'")


def test_dependencies_are_limited_all_together() -> None:
    dependencies = [f"t{at}" for at in range(5_000)]
    count = DEPENDENCIES_MAX // len(dependencies) + 1
    problem = make(*({} for _ in dependencies), *({"dependencies": dependencies} for _ in range(count)))
    with pytest.raises(ProblemTooLarge, match="hold 205,000 dependencies together"):
        check_schedule(problem)


def test_the_limits_keep_every_time_an_exact_double() -> None:
    latest_release_and_window = 2 * TIME_MAX
    assert TASKS_MAX * TIME_MAX + latest_release_and_window <= 2**53


def test_the_largest_schedule_is_checked() -> None:
    skills = [f"s{at}" for at in range(40)]
    agents = [{"id": at, "skills": dict.fromkeys(skills[at % 30 : at % 30 + 10], at % 7)} for at in range(1_000)]
    tasks = [
        {
            "agents": 1 + at % 3,
            "skills": dict.fromkeys(skills[at % 30 : at % 30 + 3], at % 6),
            "dependencies": [f"t{at - step}" for step in range(1, 11) if step <= at],
        }
        for at in range(TASKS_MAX)
    ]
    check_schedule(make(*tasks, agents=agents))
