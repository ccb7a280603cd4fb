"""Relate the parts of a schedule problem by position: who can do what, and what waits for what."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import accumulate

from quantum_scheduler.problems.qualify import Eligibility
from quantum_scheduler.problems.schedule import ScheduleProblem, Task, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Relations:
    """Positions instead of ids, with one entry for each task of the problem.

    `predecessors`: the tasks it depends on, each once. `sequence`: all tasks, each after its predecessors.
    `earliest`: the first start that its release and its predecessors allow, were nothing ever busy.
    `eligible`: the agents that could do it then, in ascending order; tasks that are alike share one tuple.
    """

    predecessors: tuple[tuple[int, ...], ...]
    sequence: tuple[int, ...]
    earliest: tuple[int, ...]
    eligible: tuple[tuple[int, ...], ...]


def relate(problem: ScheduleProblem) -> Relations:
    """Relate the parts of a valid problem: every id known and used once, no cycle of dependencies."""
    position = {task.id: i for i, task in enumerate(problem.tasks)}
    predecessors = tuple(tuple(dict.fromkeys(position[name] for name in task.dependencies)) for task in problem.tasks)
    sequence = tuple(TopologicalSorter(dict(enumerate(predecessors))).static_order())
    earliest = [task.release for task in problem.tasks]
    for i in sequence:
        for j in predecessors[i]:
            earliest[i] = max(earliest[i], earliest[j] + problem.tasks[j].duration)
    return Relations(
        predecessors=predecessors,
        sequence=sequence,
        earliest=tuple(earliest),
        eligible=_eligible(problem, earliest),
    )


def latest_end(problem: ScheduleProblem, task: Task) -> int | None:
    """Return the time at which the task must have ended, or None where nothing forces it."""
    return task.deadline if problem.deadlines_are_hard else None


def bound_makespan(problem: ScheduleProblem, relations: Relations) -> int:
    """Return a time before which no schedule can end: the critical path, or all work shared out evenly."""
    critical = max(start + task.duration for start, task in zip(relations.earliest, problem.tasks, strict=True))
    shared = _rounded_up(
        sum(task.duration * task.agents for task in problem.tasks), sum(agent.capacity for agent in problem.agents)
    )
    used = (
        _rounded_up(sum(task.duration * task.uses.get(resource.id, 0) for task in problem.tasks), resource.capacity)
        for resource in problem.resources
    )
    return max(critical, shared, *used)


def _rounded_up(work: int, capacity: int) -> int:
    return -(-work // capacity) if capacity else 0


def _eligible(problem: ScheduleProblem, earliest: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    eligibility = Eligibility(problem.agents)
    calendars = [None if agent.availability is None else _Calendar(agent.availability) for agent in problem.agents]
    skilled: dict[tuple[tuple[str, int], ...], tuple[int, ...]] = {}
    eligible: dict[tuple[object, ...], tuple[int, ...]] = {}
    answer = []
    for task, start in zip(problem.tasks, earliest, strict=True):
        latest = latest_end(problem, task)
        skills = tuple(sorted(task.skills.items()))
        if skills not in skilled:
            skilled[skills] = tuple(_members(eligibility.able(task.skills)))
        kind = (skills, start, task.duration, latest)
        if kind not in eligible:
            eligible[kind] = tuple(
                i
                for i in skilled[skills]
                if (calendar := calendars[i]) is None or calendar.holds(start, task.duration, latest)
            )
        answer.append(eligible[kind])
    return tuple(answer)


def _members(agents: int) -> Iterator[int]:
    """Yield the positions in a set of agents (an int with bit k for agent k), ascending."""
    while agents:
        yield (agents & -agents).bit_length() - 1
        agents &= agents - 1


class _Calendar:
    """The windows of an agent who is not always there, to look for room in."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self._spans = sorted((window.start, window.end) for window in windows)
        # The latest end of each window and those before it.
        self._reached = list(accumulate((end for _, end in self._spans), max))

    def holds(self, start: int, duration: int, latest: int | None) -> bool:
        """Tell whether a window holds `duration` between `start` and `latest`."""
        for at in range(bisect_left(self._reached, start + duration), len(self._spans)):
            opens, closes = self._spans[at]
            end = max(opens, start) + duration
            if latest is not None and end > latest:
                return False
            if end <= closes:
                return True
        return False
