"""Place every task in turn as early as it fits: a serial list schedule."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain

from quantum_scheduler.problems.model import Assignment, ScheduleSolution
from quantum_scheduler.problems.qualify import Eligibility
from quantum_scheduler.problems.rank import pull_dependencies, rank_tasks
from quantum_scheduler.problems.relate import Relations, latest_end, relate
from quantum_scheduler.problems.schedule import Agent, ScheduleProblem, Task
from quantum_scheduler.problems.timeline import Timeline

# Where the default order fails, the task that found no place goes first and all is placed anew: this many times at
# most, and fewer where a large problem makes each time slow.
RETRIES_MAX = 50
RETRIED_TASKS_MAX = 20_000


class Unplaceable(Exception):  # noqa: N818  an error is named for what happened
    """A task found no place. `proven` says that no schedule has a place for it, not only the one being built."""

    def __init__(self, task: str, reason: str, *, proven: bool = False) -> None:
        super().__init__(f"task {task!r} {reason}")
        self.task = task
        self.reason = reason
        self.proven = proven


def place_tasks(
    problem: ScheduleProblem,
    *,
    order: Sequence[int] | None = None,
    crews: Mapping[int, Sequence[int]] | None = None,
) -> ScheduleSolution:
    """Place the tasks of a valid problem, each at the earliest time at which its crew and resources are free.

    `order` is a permutation of the tasks' positions, most urgent first; dependencies go ahead of the task that waits
    for them. Without it tasks go by `rank_tasks`, and one that finds no place is tried again further ahead.
    `crews` maps tasks' positions to agents' positions. A crew that is missing or cannot do the task is chosen here:
    the earliest end, then the cheapest agents where cost counts, then those whom fewest tasks can use.
    Raises Unplaceable, and ValueError where `order` is no permutation.
    """
    relations = relate(problem)
    check_alone(problem, relations)
    candidates = _candidates(problem, relations, crews or {})
    if order is None:
        return _place_with_retries(problem, relations, candidates)
    return _place_in_order(problem, relations, candidates, order)


def _place_with_retries(
    problem: ScheduleProblem, relations: Relations, candidates: Sequence[Sequence[int]]
) -> ScheduleSolution:
    """Place the tasks by rank; while one finds no place, let it go first. Raises the first Unplaceable."""
    order = rank_tasks(problem, relations)
    position = {task.id: i for i, task in enumerate(problem.tasks)}
    failures = []
    for _ in range(1 + min(RETRIES_MAX, RETRIED_TASKS_MAX // len(order))):
        try:
            return _place_in_order(problem, relations, candidates, order)
        except Unplaceable as failure:
            failures.append(failure)
            order.remove(position[failure.task])
            order.insert(0, position[failure.task])
    raise failures[0]


def _place_in_order(
    problem: ScheduleProblem, relations: Relations, candidates: Sequence[Sequence[int]], order: Sequence[int]
) -> ScheduleSolution:
    agents = [Timeline(agent.capacity, _windows(agent)) for agent in problem.agents]
    resources = {resource.id: Timeline(resource.capacity) for resource in problem.resources}
    placed: dict[int, Assignment] = {}
    for i in pull_dependencies(relations, order):
        task = problem.tasks[i]
        ready = max([task.release, *(placed[j].end for j in relations.predecessors[i])])
        uses = [(resources[name], demand) for name, demand in task.uses.items()]
        place = _earliest_place(task, [(agent, agents[agent]) for agent in candidates[i]], uses, ready)
        if place is None:
            free = f"{task.agents} of its {len(candidates[i])} possible agents are free together"
            raise Unplaceable(task.id, f"finds no {task.duration} time units from {ready} on in which {free}")
        start, crew = place
        end = start + task.duration
        latest = latest_end(problem, task)
        if latest is not None and end > latest:
            raise Unplaceable(task.id, f"would end at {end} at the earliest, {end - latest} after its hard deadline")
        for agent in crew:
            agents[agent].occupy(start, end)
        for resource, demand in uses:
            resource.occupy(start, end, demand)
        names = tuple(problem.agents[agent].id for agent in crew)
        placed[i] = Assignment(task=task.id, agents=names, start=start, end=end)
    return ScheduleSolution(assignments=tuple(placed[i] for i in range(len(problem.tasks))))


def _windows(agent: Agent) -> list[tuple[int, int]] | None:
    return None if agent.availability is None else [(window.start, window.end) for window in agent.availability]


def _earliest_place(
    task: Task,
    candidates: Sequence[tuple[int, Timeline]],
    uses: Sequence[tuple[Timeline, int]],
    ready: int,
) -> tuple[int, tuple[int, ...]] | None:
    """Find the first time from `ready` on at which enough candidates and all resources are free together."""
    start = ready
    while (place := _earliest_crew(task, candidates, start)) is not None:
        start = place[0]
        for resource, demand in uses:
            fit = resource.earliest_fit(start, task.duration, demand)
            assert fit is not None
            start = max(start, fit)
        if start == place[0]:
            return place
    return None


def _earliest_crew(
    task: Task, candidates: Sequence[tuple[int, Timeline]], start: int
) -> tuple[int, tuple[int, ...]] | None:
    """Find the first time from `start` on at which enough candidates are free together; the first of them do it."""
    if not task.agents:
        return start, ()
    while True:
        fits = [
            (fit, agent)
            for agent, timeline in candidates
            if (fit := timeline.earliest_fit(start, task.duration)) is not None
        ]
        if len(fits) < task.agents:
            return None
        # Before this time, fewer than enough are free.
        start = sorted(fits)[task.agents - 1][0]
        crew = tuple(agent for fit, agent in fits if fit == start)[: task.agents]
        if len(crew) == task.agents:
            return start, crew


def _candidates(
    problem: ScheduleProblem, relations: Relations, crews: Mapping[int, Sequence[int]]
) -> list[Sequence[int]]:
    """List for each task its given crew where that can do it, else all eligible agents, the most welcome first."""
    tasks_for = Counter(chain.from_iterable(relations.eligible))
    cost_counts = problem.objective.kind == "weighted_sum" and problem.objective.cost > 0

    def welcome(agent: int) -> tuple[float, float]:
        cost = problem.agents[agent].cost
        return (cost, tasks_for[agent]) if cost_counts else (tasks_for[agent], cost)

    by_welcome: dict[tuple[int, ...], list[int]] = {}
    candidates: list[Sequence[int]] = []
    for i, (task, eligible) in enumerate(zip(problem.tasks, relations.eligible, strict=True)):
        crew = crews.get(i, ())
        if len(crew) == len(set(crew)) == task.agents and set(crew) <= set(eligible):
            candidates.append(crew)
            continue
        if eligible not in by_welcome:
            by_welcome[eligible] = sorted(eligible, key=welcome)
        candidates.append(by_welcome[eligible])
    return candidates


def check_alone(problem: ScheduleProblem, relations: Relations) -> None:
    """Refuse a task that has no place even where nothing is busy. Raises Unplaceable, proven."""
    capacity = {resource.id: resource.capacity for resource in problem.resources}
    for i, task in enumerate(problem.tasks):
        for name, demand in task.uses.items():
            if demand > capacity[name] and task.duration:
                reason = f"uses {demand} units of resource {name!r}, which has {capacity[name]}"
                raise Unplaceable(task.id, reason, proven=True)
        start = relations.earliest[i]
        end = start + task.duration
        latest = latest_end(problem, task)
        if latest is not None and end > latest:
            reason = f"cannot end before {end}, {end - latest} after its hard deadline, by its release and dependencies"
            raise Unplaceable(task.id, reason, proven=True)
        if len(relations.eligible[i]) < task.agents:
            raise Unplaceable(task.id, _why_too_few(problem, task, start, len(relations.eligible[i])), proven=True)


def _why_too_few(problem: ScheduleProblem, task: Task, start: int, eligible: int) -> str:
    needs = f"needs {task.agents} agent{'s' * (task.agents > 1)} at once"
    skilled = Eligibility(problem.agents).able(task.skills).bit_count()
    if skilled < task.agents:
        return f"{needs}; {skilled} have its skills"
    until = "" if latest_end(problem, task) is None else f" to {task.deadline}"
    fit = f"can fit {task.duration} time units from {start}{until} into an availability window"
    return f"{needs}; {eligible} of the {skilled} with its skills {fit}"
