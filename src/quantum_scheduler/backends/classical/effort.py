"""Which methods search for a schedule, and how much work each gets: never a question of the clock.

All of it is a function of the problem and the limits. Each rate is about three quarters of what one idle core (of a
2-core cloud machine of 2026) was measured to do, so that the work normally ends before the limit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from quantum_scheduler.backends.classical.choose import ScheduleMethod, Turn, choose_schedule
from quantum_scheduler.backends.model import AUTO, Limits
from quantum_scheduler.problems.relate import Relations
from quantum_scheduler.problems.schedule import ScheduleProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One method and its work: steps of timelines (genetic, repair), orders, or CP-SAT's deterministic seconds."""

    method: ScheduleMethod
    work: float


Lane = tuple[Stage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What goes on at the same time, each lane in a thread of its own; the best is handed on to the next round."""

    lanes: tuple[Lane, ...]


# Steps a second.
GENETIC_RATE = 3.0e8
REPAIR_RATE = 2.3e8
# CP-SAT's deterministic seconds for each second of mending: its models are small.
LNS_RATE = 0.15
# The first genetic search on a thread that CP-SAT waits for does no more than this for each task.
FIRST_TASK_WORK = 300_000
# Seconds to place one task in Python, beside each agent that must be looked at.
PLACE_TASK_S = 30e-6
PLACE_AGENT_S = 2e-6
# Seconds to write one literal or task into a model. A round that is not so many times that goes without.
FORMULATE_S = 25e-6
FORMULATE_TIMES = 5
# The largest model that is written: CP-SAT takes some 3 kB for each literal or task.
MODEL_SIZE_MAX = 500_000
# CP-SAT's deterministic seconds for each second: of a small model, and of the largest. In between they fall with the
# size, sooner where due times leave the last tasks a wide choice of starts.
MODEL_RATE_SMALL = 0.25
MODEL_RATE_LARGE = 0.05
MAKESPAN_MODEL_SIZE = 1_500
OTHER_MODEL_SIZE = 500


def measure_size(problem: ScheduleProblem, relations: Relations) -> int:
    """Count the tasks, and the agents that could do each."""
    literals = sum(
        len(eligible) for task, eligible in zip(problem.tasks, relations.eligible, strict=True) if task.agents
    )
    return literals + len(problem.tasks)


def plan_rounds(problem: ScheduleProblem, relations: Relations, limits: Limits, *, compiled: bool) -> list[Round]:
    """Share out the time limit, or give all of it to the one method that the limits name."""
    size = measure_size(problem, relations)
    rates, formulate_s = _measure_rates(problem, size), size * FORMULATE_S

    def plan_stage(method: ScheduleMethod, seconds: float, instead: ScheduleMethod) -> Stage:
        if method == "cp-sat" and limits.method == AUTO and formulate_s * FORMULATE_TIMES > seconds:
            method = instead
        if method in ("genetic", "repair") and not compiled:
            method = "orders"
        return Stage(method=method, work=rates[method] * seconds)

    if limits.method not in (AUTO, "list"):
        method = cast("ScheduleMethod", limits.method)
        alone = plan_stage(method, limits.time_limit_s, method)
        return [Round(lanes=((alone,),) * limits.threads)]
    rounds = []
    for number, turn in enumerate(_choose_turns(problem, relations, size)):
        seconds = turn.share * limits.time_limit_s
        first, second = turn.beside
        if limits.method == "list":
            rounds.append(Round(lanes=((plan_stage(first, seconds, first),),) * limits.threads))
            continue
        if limits.threads > 1:
            lanes: list[Lane] = [(plan_stage(first, seconds, first),)] * (limits.threads - 1)
            rounds.append(Round(lanes=(*lanes, (plan_stage(second, seconds, first),))))
            continue
        stages = [plan_stage(method, part * seconds, first) for method, part in turn.alone]
        if number == 0 and stages[-1].method == "cp-sat" and compiled:
            stages[0] = replace(stages[0], work=min(stages[0].work, FIRST_TASK_WORK * len(problem.tasks)))
        rounds.append(Round(lanes=(tuple(stages),)))
    return rounds


def _choose_turns(problem: ScheduleProblem, relations: Relations, size: int) -> Sequence[Turn]:
    """Find the problem's row."""
    given = problem.objective.kind == "makespan" and all(
        task.agents in (0, len(eligible)) for task, eligible in zip(problem.tasks, relations.eligible, strict=True)
    )
    return choose_schedule(size=size, crews_given=given)


def _measure_rates(problem: ScheduleProblem, size: int) -> Mapping[ScheduleMethod, float]:
    """Say how much work of each method a second is worth."""
    tasks = len(problem.tasks)
    full = MAKESPAN_MODEL_SIZE if problem.objective.kind == "makespan" else OTHER_MODEL_SIZE
    model_rate = max(MODEL_RATE_LARGE, MODEL_RATE_SMALL * min(1.0, full / size))
    return {
        "genetic": GENETIC_RATE,
        "repair": REPAIR_RATE,
        "orders": 1.0 / (PLACE_TASK_S * tasks + PLACE_AGENT_S * (size - tasks)),
        "cp-sat": model_rate,
        "lns": LNS_RATE,
    }
