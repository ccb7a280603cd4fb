"""How much two tasks are in each other's way on one agent, and what an agent costs: the objective of an encoding."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.problems.model import ENERGY_MAX, Number
from quantum_scheduler.problems.schedule import Agent, ScheduleProblem

Positions = NDArray[np.int64]
Reals = NDArray[np.float64]


class Conflicts:
    """What the objective has against a task on an agent, and against two tasks on one agent; never negative.

    Times are those of a reference schedule, in which every task i has a start and an end. Where two tasks overlap in
    it, an agent that does both makes one of them wait, the one for which that is less bad:

        min((end_i - start_j) w_j, (end_j - start_i) w_i) / room

    A wait weighs w = makespan weight x 2 durations + tardiness weight x horizon x priority (0 without a deadline); were
    all starts equal, the first would sum up to the squares of the agents' loads and the second to Smith's rule. `room`
    is what an agent can take on: its capacity x the time it works up to the horizon, the end of the reference schedule.
    A task on an agent costs cost weight x agent's cost x duration.
    All is scaled by the least common multiple of the rooms where that is small enough. `integral` tells that it then
    consists of integers, held in doubles, because the problem's own numbers are integers.
    """

    def __init__(self, problem: ScheduleProblem, starts: Sequence[int]) -> None:
        makespan, tardiness, cost = _weights(problem)
        durations = np.array([task.duration for task in problem.tasks], dtype=np.float64)
        self.starts = np.array(starts, dtype=np.float64)
        self.ends = self.starts + durations
        horizon = max(1, int(self.ends.max()))
        rooms = [_room(agent, horizon) for agent in problem.agents]
        scale = math.lcm(*rooms)
        if scale >= ENERGY_MAX:
            scale = 1
        priorities = [0 if task.deadline is None or not tardiness else task.priority for task in problem.tasks]
        costs = [agent.cost if cost else 0 for agent in problem.agents]
        self.integral = all(scale % room == 0 for room in rooms) and all(
            float(number).is_integer() for number in (makespan, tardiness, cost, *priorities, *costs)
        )
        self._wait = 2.0 * makespan * durations + float(tardiness) * horizon * np.array(priorities, dtype=np.float64)
        self._shares = scale / np.array(rooms, dtype=np.float64)
        self._durations = durations
        self._prices = float(cost) * scale * np.array(costs, dtype=np.float64)

    def alone(self, tasks: Positions, agents: Positions) -> Reals:
        """Return what each task costs on its agent."""
        return self._durations[tasks] * self._prices[agents]

    def between(self, tasks: Positions, others: Positions, agent: int) -> Reals:
        """Return what each task and the other cost together on the agent; 0 where they do not overlap."""
        others_wait = np.maximum(0, self.ends[tasks] - self.starts[others]) * self._wait[others]
        tasks_wait = np.maximum(0, self.ends[others] - self.starts[tasks]) * self._wait[tasks]
        lesser_wait: Reals = np.minimum(others_wait, tasks_wait)
        share: float = self._shares[agent]
        return lesser_wait * share


def _weights(problem: ScheduleProblem) -> tuple[Number, Number, Number]:
    """Return what makespan, tardiness and cost weigh; the makespan counts where nothing else does."""
    objective = problem.objective
    if objective.kind == "weighted_tardiness":
        return 0, 1, 0
    if objective.kind == "weighted_sum" and (objective.makespan or objective.tardiness or objective.cost):
        return objective.makespan, objective.tardiness, objective.cost
    return 1, 0, 0


def _room(agent: Agent, horizon: int) -> int:
    """Return the time units of work the agent can take on up to the horizon, at least 1."""
    if agent.availability is None:
        return agent.capacity * horizon
    works = sum(max(0, min(window.end, horizon) - window.start) for window in agent.availability)
    return agent.capacity * max(1, works)
