"""List schedules: the orders that rules give, and a search over orders for where nothing can compile the kernels."""

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence

from quantum_scheduler.backends.classical.objective import Weights
from quantum_scheduler.problems.model import ScheduleSolution
from quantum_scheduler.problems.place import Unplaceable, place_tasks
from quantum_scheduler.problems.rank import pull_dependencies, rank_tasks
from quantum_scheduler.problems.relate import Relations
from quantum_scheduler.problems.schedule import ScheduleProblem

# One step moves so many tasks, each so far: the standard deviation as a share of the schedule's length.
MOVED = (1, 2, 3, 5, 8)
SHIFT = 0.15
# Every other step keeps the crews of this share of the tasks; the rest are taken by who is free first.
KEPT_SHARE = 0.9


def dispatch_rules(problem: ScheduleProblem, relations: Relations) -> list[list[int]]:
    """Return orders of the tasks by every rule, the usually best first; each keeps to the dependencies."""
    return [pull_dependencies(relations, order) for order in _rules(problem, relations)]


def _rules(problem: ScheduleProblem, relations: Relations) -> Iterator[Sequence[int]]:
    tasks, every = problem.tasks, range(len(problem.tasks))
    tail = [task.duration for task in tasks]
    work = [task.duration for task in tasks]
    for i in reversed(relations.sequence):
        for j in relations.predecessors[i]:
            tail[j] = max(tail[j], tasks[j].duration + tail[i])
            work[j] += tasks[i].duration
    due = [math.inf if task.deadline is None else task.deadline for task in tasks]
    spare = [len(eligible) - task.agents for task, eligible in zip(tasks, relations.eligible, strict=True)]
    units = {resource.id: max(1, resource.capacity) for resource in problem.resources}
    demand = [task.duration * sum(used / units[name] for name, used in task.uses.items()) for task in tasks]
    # Modified due date along dependencies, or the latest start that a shortest schedule would leave.
    yield rank_tasks(problem, relations)
    # Longest tail; earliest due date; least slack; fewest agents who could do it.
    yield sorted(every, key=lambda i: -tail[i])
    yield sorted(every, key=lambda i: (due[i], -tail[i]))
    yield sorted(every, key=lambda i: (due[i] - tail[i] - relations.earliest[i], -tail[i]))
    yield sorted(every, key=lambda i: (spare[i], -tail[i]))
    # Greatest weight for its time; most work, with what waits for it; most resources; longest; shortest.
    yield sorted(every, key=lambda i: (-tasks[i].priority / max(1, tasks[i].duration), due[i]))
    yield sorted(every, key=lambda i: -work[i])
    yield sorted(every, key=lambda i: (-demand[i], -tail[i]))
    yield sorted(every, key=lambda i: -tasks[i].duration)
    yield sorted(every, key=lambda i: tasks[i].duration)


class ListSearch:
    """The best list schedule so far, and the one from which the next step goes.

    `value` is the best one's weighted objective, infinite before there is any.
    """

    def __init__(
        self,
        problem: ScheduleProblem,
        weights: Weights,
        improved: Callable[[int], None],
        given: ScheduleSolution | None = None,
    ) -> None:
        self.best = given
        self.value: float = math.inf if given is None else weights.measure(problem, given)
        self._problem = problem
        self._weights = weights
        self._improved = improved
        self._current = given
        self._current_value = self.value
        self._agent_at = {agent.id: at for at, agent in enumerate(problem.agents)}

    def place(self, order: Sequence[int] | None = None, crews: Mapping[int, Sequence[int]] | None = None) -> None:
        """Place the tasks in an order, by default that of `place_tasks`, and keep the schedule if it is no worse."""
        try:
            found = place_tasks(self._problem, order=order, crews=crews)
        except Unplaceable:
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
    if search.best is None:
        search.place()
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
