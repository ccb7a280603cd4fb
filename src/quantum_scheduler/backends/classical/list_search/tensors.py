"""A schedule problem as arrays, for the kernels: positions instead of ids, lists of lists end to end."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.backends.classical.objective import Weights
from quantum_scheduler.problems.relate import Relations
from quantum_scheduler.problems.schedule import ScheduleProblem

Integers = NDArray[np.int64]

# Later than any schedule ends; twice as late still fits an int64.
NEVER = 2**61


class Tensors(NamedTuple):
    """The problem. `x_from[i]` to `x_from[i + 1]` are the places of i's entries in the arrays about x.

    Tasks: `duration`, `release`, `due` (for tardiness) and `latest` (hard), both NEVER where there is none. `before`
    and `after` are the neighbours by dependency. A task has one slot in the crews for each agent it needs, and is of
    one kind: those who can do it are `able`, the most welcome first. `units` of each resource in `uses` are held.

    Timelines: the agents, then the resources. `capacity`, windows `opens` to `closes` (none means always), and
    `steps_from`, the room for each one's steps.
    """

    duration: Integers
    release: Integers
    due: Integers
    latest: Integers
    before_from: Integers
    before: Integers
    after_from: Integers
    after: Integers
    slots_from: Integers
    kind: Integers
    able_from: Integers
    able: Integers
    uses_from: Integers
    uses: Integers
    units: Integers
    capacity: Integers
    windows_from: Integers
    opens: Integers
    closes: Integers
    steps_from: Integers
    late_weight: Integers
    price: Integers
    makespan_weight: int
    agents: int


def tensors_of(problem: ScheduleProblem, relations: Relations, weights: Weights) -> Tensors:
    """Lay out a valid problem whose every task has enough eligible agents, and whose every use fits its resource."""
    tasks = problem.tasks
    kinds = {eligible: kind for kind, eligible in enumerate(dict.fromkeys(relations.eligible))}
    kind = [kinds[eligible] for eligible in relations.eligible]
    before_from, before = _end_to_end(relations.predecessors)
    after_from, after = _end_to_end(_turned_round(relations.predecessors))
    able_from, able = _end_to_end(_welcome(problem, kinds, kind, weights))
    position = {resource.id: len(problem.agents) + at for at, resource in enumerate(problem.resources)}
    held = [[(position[name], units) for name, units in task.uses.items() if units and task.duration] for task in tasks]
    uses_from, uses = _end_to_end([[timeline for timeline, _ in of_task] for of_task in held])
    windows = [sorted((window.start, window.end) for window in agent.availability or ()) for agent in problem.agents]
    windows += [[] for _ in problem.resources]
    windows_from, opens = _end_to_end([[start for start, _ in of_agent] for of_agent in windows])
    return Tensors(
        duration=_integers(task.duration for task in tasks),
        release=_integers(relations.earliest),
        due=_integers(NEVER if task.deadline is None else task.deadline for task in tasks),
        latest=_integers(
            NEVER if task.deadline is None or not problem.deadlines_are_hard else task.deadline for task in tasks
        ),
        before_from=before_from,
        before=before,
        after_from=after_from,
        after=after,
        slots_from=_starts(task.agents for task in tasks),
        kind=_integers(kind),
        able_from=able_from,
        able=able,
        uses_from=uses_from,
        uses=uses,
        units=_integers(units for of_task in held for _, units in of_task),
        capacity=_integers([agent.capacity for agent in problem.agents] + [r.capacity for r in problem.resources]),
        windows_from=windows_from,
        opens=opens,
        closes=_integers(end for of_agent in windows for _, end in of_agent),
        steps_from=_starts(_steps_max(problem, kinds, kind, uses)),
        late_weight=_integers(weights.tardiness),
        price=_integers(weights.cost),
        makespan_weight=weights.makespan,
        agents=len(problem.agents),
    )


def _integers(values: Iterable[int]) -> Integers:
    return np.fromiter(values, dtype=np.int64)


def _starts(lengths: Iterable[int]) -> Integers:
    """Return where lists of such lengths start when they stand end to end, and where the last one ends."""
    return np.concatenate(([0], np.cumsum(_integers(lengths))))


def _end_to_end(lists: Sequence[Sequence[int]]) -> tuple[Integers, Integers]:
    return _starts(len(one) for one in lists), _integers(chain.from_iterable(lists))


def _turned_round(lists: Sequence[Sequence[int]]) -> list[list[int]]:
    turned: list[list[int]] = [[] for _ in lists]
    for at, members in enumerate(lists):
        for member in members:
            turned[member].append(at)
    return turned


def _welcome(
    problem: ScheduleProblem, kinds: dict[tuple[int, ...], int], kind: Sequence[int], weights: Weights
) -> list[list[int]]:
    """Sort the agents of each kind of task: the cheapest first, then those to whom least work would fall evenly."""
    work = [0.0] * len(kinds)
    for task, at in zip(problem.tasks, kind, strict=True):
        work[at] += task.duration * task.agents
    share = [0.0] * len(problem.agents)
    for eligible, at in kinds.items():
        for agent in eligible:
            share[agent] += work[at] / len(eligible) / problem.agents[agent].capacity
    turn = {agent: (weights.cost[agent], share[agent], agent) for agent in range(len(problem.agents))}
    return [sorted(eligible, key=turn.__getitem__) for eligible in kinds]


def _steps_max(
    problem: ScheduleProblem, kinds: dict[tuple[int, ...], int], kind: Sequence[int], uses: Integers
) -> list[int]:
    """Return how many steps each timeline may come to have: two edges for each task, and one at either end."""
    edges = [0] * (len(problem.agents) + len(problem.resources))
    needed = Counter(at for task, at in zip(problem.tasks, kind, strict=True) if task.agents and task.duration)
    for eligible, at in kinds.items():
        for agent in eligible:
            edges[agent] += needed[at]
    for timeline in uses.tolist():
        edges[timeline] += 1
    return [2 * count + 3 for count in edges]
