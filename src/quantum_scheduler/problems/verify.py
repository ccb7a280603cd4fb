"""Verify a solution: recompute what it is worth, and name everything wrong with it, on the customer's own problem.

This shares no code with what builds solutions, so that neither can hide the other's mistakes.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import (
    ENERGY_MAX,
    ISSUES_MAX,
    Assignment,
    BinarySolution,
    Number,
    ScheduleSolution,
    Solution,
    Verdict,
)
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.problems.schedule import Agent, ScheduleProblem, Task

QUOTED_LENGTH_MAX = 60
# All tasks one after the other, each as long as allowed, end well before this time.
END_MAX = ENERGY_MAX

Exact = int | Fraction


def verify(problem: Problem, solution: Solution) -> Verdict:
    """Recompute objective and feasibility from scratch; a solution of the wrong kind or shape is only infeasible.

    At most `ISSUES_MAX` violations are spelt out, one sentence each; a last one counts the rest.
    """
    if isinstance(problem, BinaryProblem):
        if isinstance(solution, BinarySolution):
            return _verify_binary(problem, solution)
        return _verdict([f"the problem is a binary model and the solution is {_quote(solution)}"])
    if isinstance(solution, ScheduleSolution):
        return _verify_schedule(problem, solution)
    return _verdict([f"the problem is a schedule and the solution is {_quote(solution)}"])


def _verdict(
    violations: list[str], objective: Number | None = None, measures: Mapping[str, Number] | None = None
) -> Verdict:
    named = violations[:ISSUES_MAX]
    if len(violations) > ISSUES_MAX:
        named.append(f"and {len(violations) - ISSUES_MAX} more")
    return Verdict(feasible=not violations, objective=objective, violations=tuple(named), measures=measures or {})


def _quote(thing: object) -> str:
    """Show a short label or number as it is written and anything else by its type."""
    if isinstance(thing, str):
        return repr(thing) if len(thing) <= QUOTED_LENGTH_MAX else f"{thing[:QUOTED_LENGTH_MAX]!r}…"
    if thing is None or isinstance(thing, float) or (isinstance(thing, int) and abs(thing) <= END_MAX):
        return repr(thing)
    return f"<{type(thing).__name__}>"


# --- Binary models


def _verify_binary(problem: BinaryProblem, solution: BinarySolution) -> Verdict:
    if not isinstance(solution.values, Mapping):
        return _verdict([f"the values are {_quote(solution.values)}, not a mapping of labels"])
    violations = list(_value_violations(problem, solution.values))
    if violations:
        return _verdict(violations)
    energy = _energy(problem, solution.values)
    return _verdict([], energy, {"energy": energy})


def _value_violations(problem: BinaryProblem, values: Mapping[Any, Any]) -> Iterator[str]:
    low, high = (0, 1) if problem.vartype == "BINARY" else (-1, 1)
    for label in problem.labels:
        if label not in values:
            yield f"variable {_quote(label)} has no value"
        elif not isinstance(values[label], int | np.integer) or values[label] not in (low, high):
            yield f"variable {_quote(label)} has the value {_quote(values[label])}, not {low} or {high}"
    if len(values) > len(problem.labels):
        known = set(problem.labels)
        yield from (f"the model has no variable {_quote(label)}" for label in values if label not in known)


def _energy(problem: BinaryProblem, values: Mapping[int | str, int]) -> Number:
    """Return offset + linear x + x quadratic x. Each term is exact; only the float sum is rounded, once."""
    x = np.fromiter((values[label] for label in problem.labels), dtype=np.int64, count=len(problem.labels))
    linear = problem.linear * x
    quadratic = problem.weight * (x[problem.head] * x[problem.tail])
    if problem.integral:
        # No energy leaves +-ENERGY_MAX, so no sum overflows.
        return int(linear.sum()) + int(quadratic.sum()) + problem.offset
    return math.fsum((*linear.tolist(), *quadratic.tolist(), problem.offset))


# --- Schedules


def _verify_schedule(problem: ScheduleProblem, solution: ScheduleSolution) -> Verdict:
    placed: dict[str, Assignment] = {}
    violations = list(_match(problem, solution, placed))
    complete = not violations
    violations += _task_violations(problem, placed)
    violations += _dependency_violations(problem, placed)
    violations += _agent_violations(problem, placed)
    violations += _resource_violations(problem, placed)
    if not complete:
        return _verdict(violations)
    objective, measures = _measure(problem, placed)
    return _verdict(violations, objective, measures)


def _match(problem: ScheduleProblem, solution: ScheduleSolution, placed: dict[str, Assignment]) -> Iterator[str]:
    """Fill `placed` with the assignment of each task that has one in its proper form."""
    assignments: object = solution.assignments
    if not isinstance(assignments, tuple):
        yield f"the assignments are {_quote(assignments)}, not a tuple"
        return
    tasks = {task.id for task in problem.tasks}
    agents = {agent.id for agent in problem.agents}
    named = set()
    for i, assignment in enumerate(assignments):
        if not isinstance(assignment, Assignment) or not isinstance(assignment.task, str):
            yield f"assignment {i} names no task"
        elif assignment.task not in tasks:
            yield f"the problem has no task {_quote(assignment.task)}"
        elif assignment.task in named:
            yield f"task {_quote(assignment.task)} is assigned more than once"
        else:
            named.add(assignment.task)
            fault = _fault(assignment, agents)
            if fault:
                yield f"task {_quote(assignment.task)} {fault}"
            else:
                placed[assignment.task] = assignment
    for task in problem.tasks:
        if task.id not in named:
            yield f"task {_quote(task.id)} is not assigned"


def _fault(assignment: Assignment, agents: set[str]) -> str | None:
    """Say what keeps an assignment from being checked any further."""
    crew: object = assignment.agents
    if not isinstance(crew, tuple):
        return f"has {_quote(crew)} for its agents, not a tuple"
    for agent in crew:
        if not isinstance(agent, str) or agent not in agents:
            return f"is given to agent {_quote(agent)}, whom the problem does not have"
    for time in (assignment.start, assignment.end):
        if type(time) is not int or abs(time) > END_MAX:
            return f"has the time {_quote(time)}, not an integer within {END_MAX}"
    return None


def _task_violations(problem: ScheduleProblem, placed: Mapping[str, Assignment]) -> Iterator[str]:
    agents = {agent.id: agent for agent in problem.agents}
    for task in problem.tasks:
        if task.id in placed:
            assignment = placed[task.id]
            yield from _time_violations(task, assignment, hard=problem.deadlines_are_hard)
            yield from _crew_violations(task, assignment, [agents[name] for name in assignment.agents])


def _time_violations(task: Task, assignment: Assignment, *, hard: bool) -> Iterator[str]:
    name, start, end = _quote(task.id), assignment.start, assignment.end
    if start < 0:
        yield f"task {name} starts at {start}, before time 0"
    if start < task.release:
        yield f"task {name} starts at {start}, before its release {task.release}"
    if end != start + task.duration:
        yield f"task {name} runs from {start} to {end}, not for its duration {task.duration}"
    if hard and task.deadline is not None and end > task.deadline:
        yield f"task {name} ends at {end}, {end - task.deadline} after its hard deadline {task.deadline}"


def _crew_violations(task: Task, assignment: Assignment, crew: list[Agent]) -> Iterator[str]:
    name, start, end = _quote(task.id), assignment.start, assignment.end
    if len(set(assignment.agents)) != len(crew):
        yield f"task {name} names an agent twice"
    if len(crew) != task.agents:
        yield f"task {name} has {len(crew)} agents and needs {task.agents}"
    for agent in crew:
        for skill, level in task.skills.items():
            if skill not in agent.skills or agent.skills[skill] < level:
                wanted = f"skill {_quote(skill)} at level {level}"
                yield f"task {name} needs {wanted}, which agent {_quote(agent.id)} does not hold"
        windows = agent.availability
        if windows is not None and not any(window.start <= start and end <= window.end for window in windows):
            yield f"task {name} runs from {start} to {end}, in no availability window of agent {_quote(agent.id)}"


def _dependency_violations(problem: ScheduleProblem, placed: Mapping[str, Assignment]) -> Iterator[str]:
    for task in problem.tasks:
        for other in task.dependencies:
            if task.id in placed and other in placed and placed[task.id].start < placed[other].end:
                start, end = placed[task.id].start, placed[other].end
                yield f"task {_quote(task.id)} starts at {start}, before its dependency {_quote(other)} ends at {end}"


def _agent_violations(problem: ScheduleProblem, placed: Mapping[str, Assignment]) -> Iterator[str]:
    runs = defaultdict(list)
    for assignment in placed.values():
        for name in set(assignment.agents):
            runs[name].append((assignment, 1))
    for agent in problem.agents:
        for assignment, in_use in _overloads(runs[agent.id], agent.capacity):
            yield (
                f"agent {_quote(agent.id)} does {in_use} tasks at once when task {_quote(assignment.task)} starts "
                f"at {assignment.start}; its capacity is {agent.capacity}"
            )


def _resource_violations(problem: ScheduleProblem, placed: Mapping[str, Assignment]) -> Iterator[str]:
    runs = defaultdict(list)
    for task in problem.tasks:
        if task.id in placed:
            for name, units in task.uses.items():
                runs[name].append((placed[task.id], units))
    for resource in problem.resources:
        for assignment, in_use in _overloads(runs[resource.id], resource.capacity):
            yield (
                f"{in_use} units of resource {_quote(resource.id)} are in use when task {_quote(assignment.task)} "
                f"starts at {assignment.start}; its capacity is {resource.capacity}"
            )


def _overloads(runs: Iterable[tuple[Assignment, int]], capacity: int) -> Iterator[tuple[Assignment, int]]:
    """Sweep over starts and ends; yield each assignment whose start takes more than `capacity`, and the units then."""
    events = []
    for i, (assignment, units) in enumerate(runs):
        if assignment.start < assignment.end and units:
            events.append((assignment.end, -units, i, assignment))
            events.append((assignment.start, units, i, assignment))
    in_use = 0
    # At one time, ends (negative) come before starts, because an interval excludes its end.
    for _, units, _, assignment in sorted(events, key=lambda event: event[:3]):
        in_use += units
        if units > 0 and in_use > capacity:
            yield assignment, in_use


def _measure(problem: ScheduleProblem, placed: Mapping[str, Assignment]) -> tuple[Number, dict[str, Number]]:
    """Compute the objective and its parts, exactly; what is not an integer is rounded once, at the end."""
    price = {agent.id: _exact(agent.cost) for agent in problem.agents}
    late = {task.id: max(0, placed[task.id].end - task.deadline) for task in problem.tasks if task.deadline is not None}
    makespan = max(assignment.end for assignment in placed.values())
    tardiness = sum(_exact(task.priority) * late[task.id] for task in problem.tasks if task.id in late)
    cost = sum(price[name] * task.duration for task in problem.tasks for name in placed[task.id].agents)
    measures = {
        "makespan": makespan,
        "weighted_tardiness": _rounded(tardiness),
        "cost": _rounded(cost),
        "late_tasks": sum(1 for lateness in late.values() if lateness),
    }
    objective = problem.objective
    if objective.kind == "makespan":
        return makespan, measures
    if objective.kind == "weighted_tardiness":
        return measures["weighted_tardiness"], measures
    parts = ((objective.makespan, makespan), (objective.tardiness, tardiness), (objective.cost, cost))
    return _rounded(sum(_exact(weight) * part for weight, part in parts if weight)), measures


def _exact(number: Number) -> Exact:
    return int(number) if number == int(number) else Fraction(number)


def _rounded(number: Exact) -> Number:
    return number if isinstance(number, int) else float(number)
