"""Decode a read of an encoding's model into a schedule, whatever the read holds."""

from collections import defaultdict
from collections.abc import Mapping
from numbers import Real

from quantum_scheduler.problems.encode import Encoding
from quantum_scheduler.problems.model import Label, ScheduleSolution
from quantum_scheduler.problems.place import Unplaceable, place_tasks


def decode(encoding: Encoding, values: Mapping[Label, int]) -> ScheduleSolution:
    """Turn any values of the model's variables into a schedule that keeps to what they choose where that works.

    A value above 0 chooses its agent; a missing or meaningless one does not. A task with too many agents keeps the
    least loaded, one with too few is given the least loaded of the others, one with none is left to `place_tasks`.
    Where the choices leave no place for a task, all of them are dropped.
    Raises Unplaceable where `place_tasks` finds no schedule either.
    """
    crews = _repair(encoding, _chosen(encoding, values))
    try:
        return place_tasks(encoding.problem, crews=crews)
    except Unplaceable:
        return place_tasks(encoding.problem)


def _chosen(encoding: Encoding, values: Mapping[Label, int]) -> dict[int, list[int]]:
    """List for each task that has any the agents that the values choose for it."""
    chosen: dict[int, list[int]] = defaultdict(list)
    for (task, agent), label in zip(encoding.choices, encoding.model.labels, strict=False):
        value: object = values.get(label)
        if isinstance(value, Real) and float(value) > 0:
            chosen[task].append(agent)
    return chosen


def _repair(encoding: Encoding, chosen: Mapping[int, list[int]]) -> dict[int, list[int]]:
    """Give every task with a chosen agent as many as it needs, the longest tasks first where the read is wrong."""
    problem = encoding.problem
    eligible: dict[int, list[int]] = defaultdict(list)
    for task, agent in encoding.choices:
        eligible[task].append(agent)
    crews = {task: crew for task, crew in chosen.items() if len(crew) == problem.tasks[task].agents}
    load = [0.0] * len(problem.agents)

    def take(task: int) -> None:
        for agent in crews[task]:
            load[agent] += problem.tasks[task].duration / problem.agents[agent].capacity

    for task in crews:
        take(task)
    for task in sorted(chosen.keys() - crews.keys(), key=lambda task: (-problem.tasks[task].duration, task)):
        wanted = set(chosen[task])
        by_welcome = sorted(eligible[task], key=lambda agent: (agent not in wanted, load[agent], agent))
        crews[task] = by_welcome[: problem.tasks[task].agents]
        take(task)
    return crews
