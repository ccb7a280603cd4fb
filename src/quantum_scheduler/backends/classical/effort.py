"""How much work a time limit is worth: functions of the problem and the limits only, never of the clock.

Each rate is a third to a half of what one idle core (of a 2-core cloud machine of 2026) was measured to do, so that the
work normally ends before the limit.
"""

from dataclasses import dataclass
from typing import cast

from quantum_scheduler.backends.classical.choose import ScheduleMethod, choose_schedule
from quantum_scheduler.backends.model import AUTO, Limits
from quantum_scheduler.problems.relate import Relations
from quantum_scheduler.problems.schedule import ScheduleProblem

# The share of the time limit for list schedules: where CP-SAT comes after them and soon finds better ones, where its
# model is so large that it hardly does, and where there is no CP-SAT.
LISTS_SHARE = 0.05
LISTS_LARGE_SHARE = 0.3
LISTS_LARGE_SIZE = 5_000
LISTS_ONLY_SHARE = 1.0
# The least changed orders, for a first schedule, where CP-SAT is asked for alone.
STEPS_MIN = 1
# More changed orders than this find nothing that CP-SAT does not find sooner.
STEPS_MAX = 2_000
# Seconds to place one task, beside each agent that must be looked at.
PLACE_TASK_S = 30e-6
PLACE_AGENT_S = 2e-6
# CP-SAT's deterministic seconds for each second: of a small model, and of the largest; in between they fall with the
# size beyond `WORK_SIZE`.
WORK_RATE_SMALL = 0.14
WORK_RATE_LARGE = 0.02
WORK_SIZE = 800


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """The number of changed orders to place, and CP-SAT's deterministic time; 0 means no CP-SAT at all."""

    list_steps: int
    model_work: float


def plan_effort(problem: ScheduleProblem, relations: Relations, limits: Limits) -> Effort:
    """Decide what to do within the time limit."""
    literals = sum(
        len(eligible) for task, eligible in zip(problem.tasks, relations.eligible, strict=True) if task.agents
    )
    size = literals + len(problem.tasks)
    place_s = PLACE_TASK_S * len(problem.tasks) + PLACE_AGENT_S * literals
    methods = choose_schedule(size=size, time_limit_s=limits.time_limit_s)
    if limits.method != AUTO:
        methods = (cast("ScheduleMethod", limits.method),)
    if "cp-sat" not in methods:
        return Effort(list_steps=int(LISTS_ONLY_SHARE * limits.time_limit_s / place_s), model_work=0.0)
    share = LISTS_SHARE if size < LISTS_LARGE_SIZE else LISTS_LARGE_SHARE
    steps = min(STEPS_MAX, int(share * limits.time_limit_s / place_s))
    return Effort(
        list_steps=steps if "list" in methods else STEPS_MIN,
        model_work=limits.time_limit_s * max(WORK_RATE_LARGE, WORK_RATE_SMALL * min(1.0, WORK_SIZE / size)),
    )
