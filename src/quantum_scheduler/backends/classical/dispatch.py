"""Search over list schedules: place all tasks in one order, change the order a little, keep what is no worse."""

import math
import random
from collections.abc import Callable, Mapping, Sequence

from quantum_scheduler.backends.classical.objective import Weights
from quantum_scheduler.problems.model import ScheduleSolution
from quantum_scheduler.problems.place import Unplaceable, place_tasks
from quantum_scheduler.problems.relate import Relations
from quantum_scheduler.problems.schedule import ScheduleProblem

# One step moves so many tasks, each so far: the standard deviation as a share of the schedule's length.
MOVED = (1, 2, 3, 5, 8)
SHIFT = 0.15
# Every other step keeps the crews of this share of the tasks; the rest are taken by who is free first.
KEPT_SHARE = 0.9


class ListSearch:
    """The best list schedule so far, and the one from which the next step goes.

    `value` is the best one's weighted objective, infinite before there is any; `failure` is why the first placing
    failed.
    """

    def __init__(self, problem: ScheduleProblem, weights: Weights, improved: Callable[[int], None]) -> None:
        self.best: ScheduleSolution | None = None
        self.value: float = math.inf
        self.failure: Unplaceable | None = None
        self._problem = problem
        self._weights = weights
        self._improved = improved
        self._current: ScheduleSolution | None = None
        self._current_value: float = math.inf
        self._agent_at = {agent.id: at for at, agent in enumerate(problem.agents)}

    def place(self, order: Sequence[int] | None = None, crews: Mapping[int, Sequence[int]] | None = None) -> None:
        """Place the tasks in an order, by default that of `place_tasks`, and keep the schedule if it is no worse."""
        try:
            found = place_tasks(self._problem, order=order, crews=crews)
        except Unplaceable as unplaceable:
            self.failure = self.failure or unplaceable
            return
        value = self._weights.measure(self._problem, found)
        if value <= self._current_value:
            self._current, self._current_value = found, value
        if value < self.value:
            self.best, self.value = found, value
            self._improved(value)

    def step(self, chance: random.Random) -> None:
        """Place the tasks in the order in which they start now, a few of them moved."""
        assert self._current is not None
        placed = self._current.assignments
        length = max(assignment.end for assignment in placed)
        # Fractions shuffle the tasks that start together.
        turn = [assignment.start + chance.random() / 2 for assignment in placed]
        for _ in range(chance.choice(MOVED)):
            turn[chance.randrange(len(turn))] += chance.gauss(0, SHIFT * length)
        crews = {}
        if chance.random() < 0.5:
            for at, assignment in enumerate(placed):
                if chance.random() < KEPT_SHARE:
                    crews[at] = [self._agent_at[name] for name in assignment.agents]
        self.place(sorted(range(len(turn)), key=turn.__getitem__), crews)


def search_lists(
    search: ListSearch,
    rules: Sequence[Sequence[int]],
    *,
    steps: int,
    bound: int,
    seed: int,
    stop: Callable[[], bool],
) -> bool:
    """Place the tasks by each rule, then `steps` times by a changed order, until the best one's value is `bound`.

    Returns whether that was all; `stop` cuts it short, once there has been a first try.
    """
    search.place()
    if search.failure is not None and search.failure.proven:
        return True
    chance = random.Random(seed)  # noqa: S311  chance that can be repeated; no secret hangs on it
    for turn in range(len(rules) + steps):
        if search.value <= bound:
            return True
        if stop():
            return False
        if turn < len(rules):
            search.place(rules[turn])
        elif search.best is not None:
            search.step(chance)
    return True


def dispatch_rules(problem: ScheduleProblem, relations: Relations) -> list[list[int]]:
    """Order the tasks by longest tail, by deadline, and by how few agents could do them."""
    tasks = problem.tasks
    tail = [task.duration for task in tasks]
    for i in reversed(relations.sequence):
        for j in relations.predecessors[i]:
            tail[j] = max(tail[j], tasks[j].duration + tail[i])
    spare = [len(eligible) - task.agents for task, eligible in zip(tasks, relations.eligible, strict=True)]
    every = range(len(tasks))
    return [
        sorted(every, key=lambda i: -tail[i]),
        sorted(every, key=lambda i: (math.inf if (due := tasks[i].deadline) is None else due, -tail[i])),
        sorted(every, key=lambda i: (spare[i], -tail[i])),
    ]
