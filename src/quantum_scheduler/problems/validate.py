"""Check that a schedule makes sense before anybody tries to solve it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import Protocol

from quantum_scheduler.problems.model import DEPENDENCIES_MAX, Issue, ProblemInvalid, ProblemTooLarge
from quantum_scheduler.problems.qualify import Eligibility
from quantum_scheduler.problems.schedule import ScheduleProblem, Task, WeightedSum

CYCLE_SHOWN_MAX = 10


class _Named(Protocol):
    @property
    def id(self) -> str: ...


def check_schedule(problem: ScheduleProblem) -> None:
    """Raise ProblemInvalid with every contradiction found, each with its field and the reason.

    What passes may still have no feasible schedule; what fails cannot have one, or does not say what is meant.
    Raises ProblemTooLarge where the dependencies of all tasks together are over DEPENDENCIES_MAX.
    """
    dependencies = sum(len(task.dependencies) for task in problem.tasks)
    if dependencies > DEPENDENCIES_MAX:
        reason = f"hold {dependencies:,} dependencies together; at most {DEPENDENCIES_MAX:,} are taken"
        raise ProblemTooLarge(Issue(field="tasks", reason=reason))
    issues = tuple(
        chain(
            _check_ids("agents", problem.agents),
            _check_ids("resources", problem.resources),
            _check_ids("tasks", problem.tasks),
            _check_windows(problem),
            _check_dependencies(problem.tasks),
            _check_resources(problem),
            _check_deadlines(problem.tasks),
            _check_crews(problem),
            _check_objective(problem),
        )
    )
    if issues:
        raise ProblemInvalid(*issues)


def _check_ids(field: str, items: Sequence[_Named]) -> Iterator[Issue]:
    first: dict[str, int] = {}
    for at, item in enumerate(items):
        earlier = first.setdefault(item.id, at)
        if earlier != at:
            yield Issue(field=f"{field}[{at}].id", reason=f"{item.id!r} is already the id of {field}[{earlier}]")


def _check_windows(problem: ScheduleProblem) -> Iterator[Issue]:
    for at, agent in enumerate(problem.agents):
        field = f"agents[{at}].availability"
        windows = agent.availability or ()
        for place, window in enumerate(windows):
            if window.start >= window.end:
                reason = f"ends at {window.end}, not after its start {window.start}"
                yield Issue(field=f"{field}[{place}]", reason=reason)
        for earlier, later in pairwise(sorted(windows, key=lambda window: (window.start, window.end))):
            if later.start < earlier.end:
                spans = f"[{earlier.start}, {earlier.end}) and [{later.start}, {later.end})"
                yield Issue(field=field, reason=f"the windows {spans} overlap")


def _check_dependencies(tasks: Sequence[Task]) -> Iterator[Issue]:
    known = {task.id for task in tasks}
    sound = True
    for at, task in enumerate(tasks):
        for place, dependency in enumerate(task.dependencies):
            if dependency not in known:
                sound = False
                yield Issue(field=f"tasks[{at}].dependencies[{place}]", reason=f"no task is called {dependency!r}")
            elif dependency == task.id:
                sound = False
                yield Issue(field=f"tasks[{at}].dependencies[{place}]", reason="a task cannot depend on itself")
    if sound:
        yield from _check_cycle(tasks)


def _check_cycle(tasks: Sequence[Task]) -> Iterator[Issue]:
    before = {task.id: task.dependencies for task in tasks}
    stuck = _stuck_tasks(before)
    if not stuck:
        return
    # Every stuck task waits for a stuck one, so walking backwards must come round.
    walk: dict[str, None] = {}
    step = next(name for name in before if name in stuck)
    while step not in walk:
        walk[step] = None
        step = next(dependency for dependency in before[step] if dependency in stuck)
    cycle = list(walk)[list(walk).index(step) :]
    shown = [repr(name) for name in cycle[:CYCLE_SHOWN_MAX]]
    hidden = [f"{len(cycle) - CYCLE_SHOWN_MAX:,} more"] if len(cycle) > CYCLE_SHOWN_MAX else []
    at = next(at for at, task in enumerate(tasks) if task.id == step)
    route = " -> ".join([*shown, *hidden, repr(step)])
    yield Issue(field=f"tasks[{at}].dependencies", reason=f"these tasks wait for each other in a circle: {route}")


def _stuck_tasks(before: Mapping[str, Iterable[str]]) -> set[str]:
    """Name the tasks that can never start, by taking away those that can (Kahn's algorithm)."""
    after: dict[str, list[str]] = {name: [] for name in before}
    waiting = Counter(dict.fromkeys(before, 0))
    for name, dependencies in before.items():
        for dependency in dependencies:
            after[dependency].append(name)
            waiting[name] += 1
    ready = [name for name, count in waiting.items() if not count]
    for name in ready:  # grows while it is read
        for later in after[name]:
            waiting[later] -= 1
            if not waiting[later]:
                ready.append(later)
    return {name for name, count in waiting.items() if count}


def _check_resources(problem: ScheduleProblem) -> Iterator[Issue]:
    capacity = {resource.id: resource.capacity for resource in problem.resources}
    for at, task in enumerate(problem.tasks):
        for name, units in task.uses.items():
            if name not in capacity:
                yield Issue(field=f"tasks[{at}].uses", reason=f"no resource is called {name!r}")
            elif units > capacity[name]:
                reason = f"asks for {units} of {name!r}, which has {capacity[name]} in all"
                yield Issue(field=f"tasks[{at}].uses", reason=reason)


def _check_deadlines(tasks: Sequence[Task]) -> Iterator[Issue]:
    for at, task in enumerate(tasks):
        earliest = task.release + task.duration
        if task.deadline is not None and task.deadline < earliest:
            reason = f"is {task.deadline}, before {earliest}, the earliest end: release + duration"
            yield Issue(field=f"tasks[{at}].deadline", reason=reason)


def _check_crews(problem: ScheduleProblem) -> Iterator[Issue]:
    if not problem.agents:
        needy = next((at for at, task in enumerate(problem.tasks) if task.agents), None)
        if needy is not None:
            reason = f"there are none, but tasks[{needy}] needs {problem.tasks[needy].agents}"
            yield Issue(field="agents", reason=reason)
            return
    eligibility = Eligibility(problem.agents)
    for at, task in enumerate(problem.tasks):
        for part, reason in _find_shortage(task, eligibility):
            yield Issue(field=f"tasks[{at}].{part}", reason=reason)


def _find_shortage(task: Task, eligibility: Eligibility) -> Iterator[tuple[str, str]]:
    """Say which part of a task too few agents can meet, and why."""
    if not task.agents:
        if task.skills:
            yield "skills", "asks for skills of 0 agents"
        return
    lacking = [(skill, level) for skill, level in task.skills.items() if not eligibility.holders(skill, level)]
    for skill, level in lacking:
        known = eligibility.holders(skill, 0)
        yield "skills", f"no agent has {skill!r} at level {level} or above" if known else f"no agent has {skill!r}"
    if lacking:
        return
    able = eligibility.able(task.skills)
    fitting = able & eligibility.free_for(task.duration)
    if able.bit_count() < task.agents:
        part = "skills" if task.skills else "agents"
        yield part, f"needs {task.agents} agents at once, but {able.bit_count()} can do it"
    elif fitting.bit_count() < task.agents:
        found = f"{fitting.bit_count()} of the agents who can do it have a window that long"
        yield "duration", f"is {task.duration}: {found}, but {task.agents} are needed"


def _check_objective(problem: ScheduleProblem) -> Iterator[Issue]:
    objective = problem.objective
    if isinstance(objective, WeightedSum) and not (objective.makespan or objective.tardiness or objective.cost):
        yield Issue(field="objective", reason="all its weights are 0, so every schedule would be equally good")
