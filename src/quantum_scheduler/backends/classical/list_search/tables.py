"""A schedule problem as arrays for the kernels: positions instead of ids, lists of lists end to end."""

import ctypes
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.backends.classical.objective import Weights
from quantum_scheduler.problems.relate import Relations
from quantum_scheduler.problems.schedule import ScheduleProblem

Times = NDArray[np.int64]
Places = NDArray[np.int32]

# Later than any schedule ends.
NEVER = 2**60


class _Problem(ctypes.Structure):
    """Laid out as `struct problem` in native/problem.h."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("tasks", "agents", "timelines", "kinds", "slots")),
        ("makespan_weight", ctypes.c_int64),
        *(
            (name, ctypes.c_void_p)
            for name in (
                "duration", "release", "due", "latest", "late_weight", "sequence", "before_from", "before",
                "after_from", "after", "slots_from", "kind", "able_from", "able", "uses_from", "uses", "units",
                "price", "capacity", "windows_from", "opens", "closes", "steps_from",
            )
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tables:
    """The problem. Those of i in a list of lists are `x[x_from[i] : x_from[i + 1]]`.

    Tasks: `duration`, `release` (the earliest start that dependencies allow, too), `due` (for tardiness) and `latest`
    (hard), both NEVER where there is none, `late_weight`; `sequence`, all of them, each after what it waits for;
    `before` and `after`, their neighbours by dependency. A task has a slot for each agent it needs and is of one
    `kind`: those who can do it are `able`, the most welcome first. It holds `units` of the timelines in `uses`.

    Timelines: the agents, then the resources. `capacity`; windows from `opens` to `closes` (none means always); the
    room for each one's steps. `price` is the weight of each agent's time.
    """

    duration: Times
    release: Times
    due: Times
    latest: Times
    late_weight: Times
    sequence: Places
    before_from: Places
    before: Places
    after_from: Places
    after: Places
    slots_from: Places
    kind: Places
    able_from: Places
    able: Places
    uses_from: Places
    uses: Places
    units: Times
    price: Times
    capacity: Times
    windows_from: Places
    opens: Times
    closes: Times
    steps_from: Times
    makespan_weight: int
    agents: int

    def borrow(self) -> ctypes.Structure:
        """Return the kernels' view of the tables, valid as long as they are."""
        arrays = {
            name: array.ctypes.data for name in self.__slots__ if isinstance(array := getattr(self, name), np.ndarray)
        }
        return _Problem(
            tasks=len(self.duration),
            agents=self.agents,
            timelines=len(self.capacity),
            kinds=len(self.able_from) - 1,
            slots=int(self.slots_from[-1]),
            makespan_weight=self.makespan_weight,
            **arrays,
        )


def tabulate(problem: ScheduleProblem, relations: Relations, weights: Weights) -> Tables:
    """Lay out a valid problem whose every task has enough eligible agents, and whose every use fits its resource."""
    tasks = problem.tasks
    kinds = {eligible: kind for kind, eligible in enumerate(dict.fromkeys(relations.eligible))}
    kind = [kinds[eligible] for eligible in relations.eligible]
    before_from, before = _end_to_end(relations.predecessors)
    after_from, after = _end_to_end(_turned_round(relations.predecessors))
    able_from, able = _end_to_end(_welcome(problem, kinds, kind, weights))
    timeline = {resource.id: len(problem.agents) + at for at, resource in enumerate(problem.resources)}
    held = [[(timeline[name], units) for name, units in task.uses.items() if units and task.duration] for task in tasks]
    uses_from, uses = _end_to_end([[at for at, _ in of_task] for of_task in held])
    windows = [sorted((window.start, window.end) for window in agent.availability or ()) for agent in problem.agents]
    windows += [[] for _ in problem.resources]
    windows_from, opens = _end_to_end([[start for start, _ in of_agent] for of_agent in windows])
    hard = problem.deadlines_are_hard
    return Tables(
        duration=_times(task.duration for task in tasks),
        release=_times(relations.earliest),
        due=_times(NEVER if task.deadline is None else task.deadline for task in tasks),
        latest=_times(NEVER if task.deadline is None or not hard else task.deadline for task in tasks),
        late_weight=_times(weights.tardiness),
        sequence=_places(relations.sequence),
        before_from=before_from,
        before=_places(before),
        after_from=after_from,
        after=_places(after),
        slots_from=_starts(task.agents for task in tasks),
        kind=_places(kind),
        able_from=able_from,
        able=_places(able),
        uses_from=uses_from,
        uses=_places(uses),
        units=_times(units for of_task in held for _, units in of_task),
        price=_times(weights.cost),
        capacity=_times([agent.capacity for agent in problem.agents] + [r.capacity for r in problem.resources]),
        windows_from=windows_from,
        opens=_times(opens),
        closes=_times(end for of_agent in windows for _, end in of_agent),
        steps_from=_starts(_steps_max(problem, kinds, kind, uses)).astype(np.int64),
        makespan_weight=weights.makespan,
        agents=len(problem.agents),
    )


def _times(values: Iterable[int]) -> Times:
    return np.fromiter(values, dtype=np.int64)


def _places(values: Iterable[int]) -> Places:
    return np.fromiter(values, dtype=np.int32)


def _starts(lengths: Iterable[int]) -> Places:
    """Return where lists of such lengths start when they stand end to end, and where the last one ends."""
    return np.concatenate(([0], np.cumsum(_times(lengths)))).astype(np.int32)


def _end_to_end(lists: Sequence[Sequence[int]]) -> tuple[Places, list[int]]:
    return _starts(len(one) for one in lists), list(chain.from_iterable(lists))


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
    turn = [(weights.cost[agent], share[agent], agent) for agent in range(len(problem.agents))]
    return [sorted(eligible, key=turn.__getitem__) for eligible in kinds]


def _steps_max(
    problem: ScheduleProblem, kinds: dict[tuple[int, ...], int], kind: Sequence[int], uses: Sequence[int]
) -> list[int]:
    """Return how many steps each timeline may come to have: two edges for each task, and one at either end."""
    edges = [0] * (len(problem.agents) + len(problem.resources))
    needed = Counter(at for task, at in zip(problem.tasks, kind, strict=True) if task.agents and task.duration)
    for eligible, at in kinds.items():
        for agent in eligible:
            edges[agent] += needed[at]
    for timeline in uses:
        edges[timeline] += 1
    return [2 * count + 3 for count in edges]
