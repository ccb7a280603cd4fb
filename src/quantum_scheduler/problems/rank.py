"""Rank the tasks of a schedule: which should be placed first."""

from collections.abc import Sequence

from quantum_scheduler.problems.relate import Relations, bound_makespan
from quantum_scheduler.problems.schedule import ScheduleProblem


def rank_tasks(problem: ScheduleProblem, relations: Relations) -> list[int]:
    """Order the tasks' positions by the latest start that keeps them, and what waits for them, in time.

    The modified due date rule (Baker and Bertrand 1982) along dependencies: what can no longer be in time counts from
    its earliest start, and equals go by priority for each time unit. Without deadlines it is longest tail first.
    """
    tasks = problem.tasks
    deadlines_count = problem.objective.kind != "makespan" or problem.deadlines_are_hard
    horizon = bound_makespan(problem, relations)
    latest = [
        (task.deadline if deadlines_count and task.deadline is not None else horizon) - task.duration for task in tasks
    ]
    density = [task.priority / max(1, task.duration) for task in tasks]
    for i in reversed(relations.sequence):
        for j in relations.predecessors[i]:
            latest[j] = min(latest[j], latest[i] - tasks[j].duration)
            density[j] = max(density[j], density[i])
    return sorted(range(len(tasks)), key=lambda i: (max(latest[i], relations.earliest[i]), -density[i]))


def pull_dependencies(relations: Relations, order: Sequence[int]) -> list[int]:
    """Reorder so that every task comes after its predecessors, which move ahead with it.

    Raises ValueError where `order` is no permutation of the tasks' positions.
    """
    if sorted(order) != list(range(len(relations.sequence))):
        raise ValueError("the order must name every task's position once")
    turn = [0] * len(order)
    for place, i in enumerate(order):
        turn[i] = place
    for i in reversed(relations.sequence):
        for j in relations.predecessors[i]:
            turn[j] = min(turn[j], turn[i])
    # The sort is stable: among those that moved ahead together, the order of `sequence` stands.
    return sorted(relations.sequence, key=turn.__getitem__)
