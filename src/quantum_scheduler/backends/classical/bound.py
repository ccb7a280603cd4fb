"""What no schedule can beat: bounds that take no search."""

from collections import defaultdict

from quantum_scheduler.backends.classical.objective import Weights
from quantum_scheduler.problems.relate import Relations, bound_makespan
from quantum_scheduler.problems.schedule import ScheduleProblem

# Sets of eligible agents whose load is compared with what they can carry, the most frequent first.
CLASSES_MAX = 300


def bound_objective(problem: ScheduleProblem, relations: Relations, weights: Weights) -> int:
    """Return a lower bound on the weighted objective: each of its parts at its own least."""
    makespan = max(bound_makespan(problem, relations), _bound_load(problem, relations))
    bound = weights.makespan * makespan
    # Tasks that are alike share their tuple.
    prices = {eligible: sorted(weights.cost[agent] for agent in eligible) for eligible in set(relations.eligible)}
    for i, task in enumerate(problem.tasks):
        if task.deadline is not None:
            bound += weights.tardiness[i] * max(0, relations.earliest[i] + task.duration - task.deadline)
        bound += task.duration * sum(prices[relations.eligible[i]][: task.agents])
    return bound


def latest_horizon(problem: ScheduleProblem) -> int:
    """Return a time by which some best schedule has ended, whatever the objective.

    No objective gains by waiting. Once all tasks are released and no window opens or closes any more, a schedule in
    which nothing waits in vain has always some task running until all are done.
    """
    settled = max(task.release for task in problem.tasks)
    for agent in problem.agents:
        settled = max(settled, max((window.end for window in agent.availability or ()), default=0))
    return settled + sum(task.duration for task in problem.tasks)


def _bound_load(problem: ScheduleProblem, relations: Relations) -> int:
    """Return the time that the busiest group of agents needs for the tasks that nobody else can do."""
    work: dict[int, int] = defaultdict(int)
    begin: dict[int, int] = {}
    groups = {eligible: sum(1 << agent for agent in eligible) for eligible in set(relations.eligible)}
    for i, task in enumerate(problem.tasks):
        if task.agents and task.duration and relations.eligible[i]:
            group = groups[relations.eligible[i]]
            work[group] += task.duration * task.agents
            begin[group] = min(begin.get(group, relations.earliest[i]), relations.earliest[i])
    capacities = [agent.capacity for agent in problem.agents]
    bound = 0
    for group in sorted(work, key=work.__getitem__, reverse=True)[:CLASSES_MAX]:
        inside = [other for other in work if other | group == group]
        carried = sum(capacity for agent, capacity in enumerate(capacities) if group >> agent & 1)
        load = sum(work[other] for other in inside)
        bound = max(bound, min(begin[other] for other in inside) - (-load // carried))
    return bound
