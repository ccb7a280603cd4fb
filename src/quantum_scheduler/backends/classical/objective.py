"""The objective of a schedule in integers: what solvers of integer models minimise, and the way back."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

from quantum_scheduler.problems.model import Number, ScheduleSolution
from quantum_scheduler.problems.schedule import ScheduleProblem

# The largest value the scaled objective may take: far enough below 2**63 that no solver's sums overflow.
SCALED_OBJECTIVE_MAX = 2**52
# A customer's objective is a double: this share of it may be rounding.
ROUNDING = Fraction(1, 10**12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Integer weights: of the makespan, of each task's tardiness, and of each agent's time units.

    The weighted objective is `scale` times the customer's where `exact`, and never more than that where not.
    """

    makespan: int
    tardiness: tuple[int, ...]
    cost: tuple[int, ...]
    scale: Fraction
    exact: bool

    def unscale(self, value: int) -> Number:
        """Bring a weighted objective, or a bound on it, back to the customer's units, never rounding it up."""
        exact = Fraction(value) / self.scale
        if exact.denominator == 1:
            return int(exact)
        nearest = float(exact)
        return nearest if Fraction(nearest) <= exact else math.nextafter(nearest, -math.inf)

    def weigh(self, objective: Number) -> int:
        """Return what a schedule of such an objective, in the customer's units, is worth at most."""
        exact = Fraction(str(objective)) * self.scale
        nearest = round(exact)
        weighed = nearest if abs(exact - nearest) <= ROUNDING * abs(exact) else math.floor(exact)
        return max(-1, min(weighed, SCALED_OBJECTIVE_MAX))

    def measure(self, problem: ScheduleProblem, solution: ScheduleSolution) -> int:
        """Return the weighted objective of a complete schedule."""
        value = self.makespan * max(placed.end for placed in solution.assignments)
        if any(self.tardiness):
            for weight, task, placed in zip(self.tardiness, problem.tasks, solution.assignments, strict=True):
                if weight and task.deadline is not None and placed.end > task.deadline:
                    value += weight * (placed.end - task.deadline)
        if any(self.cost):
            price = {agent.id: weight for agent, weight in zip(problem.agents, self.cost, strict=True)}
            for task, placed in zip(problem.tasks, solution.assignments, strict=True):
                value += task.duration * sum(price[name] for name in placed.agents)
        return value


def weigh_objective(problem: ScheduleProblem, horizon: int) -> Weights:
    """Turn the objective into integer weights, exactly unless it could overflow for a schedule of length `horizon`."""
    objective = problem.objective
    makespan, tardiness, cost = Fraction(0), Fraction(0), Fraction(0)
    if objective.kind == "makespan":
        makespan = Fraction(1)
    elif objective.kind == "weighted_tardiness":
        tardiness = Fraction(1)
    else:
        makespan, tardiness, cost = map(_exact, (objective.makespan, objective.tardiness, objective.cost))
    late = [Fraction(0) if task.deadline is None else tardiness * _exact(task.priority) for task in problem.tasks]
    paid = [cost * _exact(agent.cost) for agent in problem.agents]

    # One at least: a weight that never counts, as where nothing takes time, must be within range too.
    work = max(1, sum(task.duration * task.agents for task in problem.tasks))
    largest = max(1, horizon) * (makespan + sum(late)) + work * max(paid, default=Fraction(0))
    scale = _common_scale([makespan, *late, *paid])
    exact = largest * scale <= SCALED_OBJECTIVE_MAX
    if not exact:
        scale = SCALED_OBJECTIVE_MAX / largest
    return Weights(
        makespan=math.floor(makespan * scale),
        tardiness=tuple(math.floor(weight * scale) for weight in late),
        cost=tuple(math.floor(weight * scale) for weight in paid),
        scale=scale,
        exact=exact,
    )


def _exact(number: Number) -> Fraction:
    """Read a number as the decimal fraction that its text shows: 0.1 is one tenth."""
    return Fraction(str(number))


def _common_scale(weights: Sequence[Fraction]) -> Fraction:
    """Find the smallest factor that makes every weight an integer."""
    denominator = reduce(math.lcm, (weight.denominator for weight in weights), 1)
    divisor = reduce(math.gcd, (int(weight * denominator) for weight in weights), 0)
    return Fraction(denominator, divisor or 1)
