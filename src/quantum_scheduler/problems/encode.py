"""Encode a schedule as a binary model that decides who does what, and leaves it to `place_tasks` when.

One variable for each task and agent where there is a choice. The energy of a state x is

    F(x) + sum over tasks of P_task x (agents chosen - agents needed)^2

where F stands for the objective, which no quadratic function of x can hold (see `Conflicts`). F never falls when an
agent is added. Each P is just large enough: let x be a state that no single flip improves, as is every state of least
energy.
- No task has too many agents: dropping one would lower the penalty by P > 0 or more and would not raise F.
- No task has too few. If task i lacked some of the k it needs, m = |eligible| - k + 1 or more agents would be free for
  it. Adding one lowers the penalty by P_i or more and raises F by what the task costs there alone plus its conflicts
  with the tasks already there. As no task j has more than k_j agents, the conflicts with j, summed over all the free
  agents, are at most k_j times the largest. The least of the rises is at most their mean, so it is at most the mean of
  the m highest costs alone + (sum over j of k_j x largest conflict with j) / m. `_penalties` takes P_i above that,
  so adding some agent would improve x.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.conflict import Conflicts, Positions, Reals
from quantum_scheduler.problems.model import ENERGY_MAX, TERMS_MAX, VARIABLES_MAX, Issue, ProblemTooLarge
from quantum_scheduler.problems.place import Unplaceable, place_tasks
from quantum_scheduler.problems.relate import Relations, relate
from quantum_scheduler.problems.schedule import ScheduleProblem

IDLE_LABEL = "idle"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encoding:
    """A schedule as a binary model. `choices[v]` is the (task, agent) that variable v chooses, by position.

    Without any choice the model has one variable, `IDLE_LABEL`, that stands for nothing and weighs nothing.
    """

    problem: ScheduleProblem
    model: BinaryProblem
    choices: tuple[tuple[int, int], ...]


def encode_schedule(problem: ScheduleProblem, *, penalised: bool = True) -> Encoding:
    """Encode who does what of a valid schedule problem. Raises ProblemTooLarge.

    Where it is not `penalised`, the model is F alone: for solvers that are told by other means how many agents a task
    needs.

    There is no choice, and so no variable, for a task that needs all of its eligible agents (or more than there are),
    and none for an instant (duration 0), which takes up nobody's time. Variables are labelled `t<task>|a<agent>` by
    position. Coefficients are integers where the problem's own numbers are and all of them sum to less than ENERGY_MAX.
    """
    relations = relate(problem)
    choices = tuple(
        (i, agent)
        for i, task in enumerate(problem.tasks)
        if task.duration and 0 < task.agents < len(relations.eligible[i])
        for agent in relations.eligible[i]
    )
    if not choices:
        return Encoding(problem=problem, model=_model((IDLE_LABEL,), [_NOTHING], 0, integral=True), choices=())
    if len(choices) > VARIABLES_MAX:
        reason = f"who does what takes {len(choices):,} binary variables to encode; the limit is {VARIABLES_MAX:,}"
        raise ProblemTooLarge(Issue(field="tasks", reason=reason))
    tasks, agents = np.array(choices, dtype=np.int64).T
    needed = np.array([task.agents for task in problem.tasks], dtype=np.int64)
    conflicts = Conflicts(problem, _reference_starts(problem, relations))
    _check_terms(conflicts, tasks, agents)
    objective = _objective(conflicts, tasks, agents, _settled(problem, relations))
    labels = tuple(f"t{task}|a{agent}" for task, agent in choices)
    if not penalised:
        model = _model(labels, [objective], 0, integral=conflicts.integral)
        return Encoding(problem=problem, model=model, choices=choices)
    penalties = _penalties(objective, tasks, needed, integral=conflicts.integral)
    rule, offset = _rule(tasks, needed, penalties)
    model = _model(labels, [objective, rule], offset, integral=conflicts.integral)
    return Encoding(problem=problem, model=model, choices=choices)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Terms:
    """Coefficients of a quadratic function, all held in doubles."""

    linear: Reals
    head: Positions
    tail: Positions
    weight: Reals


_NOTHING = _Terms(linear=np.zeros(1), head=np.zeros(0, np.int64), tail=np.zeros(0, np.int64), weight=np.zeros(0))


def _reference_starts(problem: ScheduleProblem, relations: Relations) -> Sequence[int]:
    """Return about when each task will run: as in a list schedule, or where that fails as early as it may."""
    try:
        return [placed.start for placed in place_tasks(problem).assignments]
    except Unplaceable:
        return relations.earliest


def _check_terms(conflicts: Conflicts, tasks: Positions, agents: Positions) -> None:
    """Count the pair terms before any is built. Raises ProblemTooLarge."""
    terms = sum(math.comb(len(variables), 2) for _, variables in _groups(tasks))
    terms += sum(int(_overlaps(conflicts, tasks[variables])[1].sum()) for _, variables in _groups(agents))
    if terms > TERMS_MAX:
        reason = f"who does what takes {terms:,} pair terms to encode; the limit is {TERMS_MAX:,}"
        raise ProblemTooLarge(Issue(field="tasks", reason=reason))


def _overlaps(conflicts: Conflicts, tasks: Positions) -> tuple[Positions, Positions]:
    """Sort the tasks by start; return that order, and how many of those right behind each one it overlaps with."""
    order = np.argsort(conflicts.starts[tasks], kind="stable")
    starts, ends = conflicts.starts[tasks][order], conflicts.ends[tasks][order]
    return order, np.searchsorted(starts, ends) - np.arange(1, len(tasks) + 1)


def _settled(problem: ScheduleProblem, relations: Relations) -> dict[int, list[int]]:
    """List for each agent the tasks that it must do, because they need all of their eligible agents."""
    settled: dict[int, list[int]] = defaultdict(list)
    for i, task in enumerate(problem.tasks):
        if task.duration and task.agents == len(relations.eligible[i]):
            for agent in relations.eligible[i]:
                settled[agent].append(i)
    return settled


def _objective(
    conflicts: Conflicts, tasks: Positions, agents: Positions, settled: Mapping[int, Sequence[int]]
) -> _Terms:
    """Build F: every choice's cost alone and with settled tasks, and the conflict of every two choices of one agent."""
    linear = conflicts.alone(tasks, agents)
    heads, tails, weights = [], [], []
    for agent, variables in _groups(agents):
        for task in settled.get(agent, ()):
            linear[variables] += conflicts.between(tasks[variables], np.array(task), agent)
        order, counts = _overlaps(conflicts, tasks[variables])
        first = np.repeat(np.arange(len(order)), counts)
        # Each one's partners stand right behind it: 1, 2, ... up to its count.
        second = first + 1 + np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
        head, tail = np.sort(variables[order[[first, second]]], axis=0)
        weight = conflicts.between(tasks[head], tasks[tail], agent)
        heads.append(head[weight > 0])
        tails.append(tail[weight > 0])
        weights.append(weight[weight > 0])
    return _Terms(linear=linear, head=np.concatenate(heads), tail=np.concatenate(tails), weight=np.concatenate(weights))


def _penalties(objective: _Terms, tasks: Positions, needed: Positions, *, integral: bool) -> Reals:
    """Return P for each task: above what adding the best free agent can raise F by (the proof is at the top)."""
    count = len(needed)
    pairs, pair_of = np.unique(tasks[objective.head] * count + tasks[objective.tail], return_inverse=True)
    largest = np.zeros(len(pairs))
    np.maximum.at(largest, pair_of, objective.weight)
    one, other = pairs // count, pairs % count
    raised = np.zeros(count)
    raised += np.bincount(one, needed[other] * largest, count) + np.bincount(other, needed[one] * largest, count)
    for task, variables in _groups(tasks):
        free = len(variables) - needed[task] + 1
        raised[task] = (raised[task] + np.sort(objective.linear[variables])[-free:].sum()) / free
    # The margin is wider than any rounding of doubles.
    raised *= 1 + 2**-20
    return np.floor(raised) + 1 if integral else np.where(raised > 0, raised, 1.0)


def _rule(tasks: Positions, needed: Positions, penalties: Reals) -> tuple[_Terms, float]:
    """Build the sum over tasks of P x (agents chosen - agents needed)^2, and its constant part."""
    heads, tails = [], []
    offset = 0.0
    for task, variables in _groups(tasks):
        first, second = np.triu_indices(len(variables), 1)
        heads.append(variables[first])
        tails.append(variables[second])
        offset += float(penalties[task]) * int(needed[task]) ** 2
    head, tail = np.concatenate(heads), np.concatenate(tails)
    linear = penalties[tasks] * (1 - 2 * needed[tasks])
    return _Terms(linear=linear, head=head, tail=tail, weight=2 * penalties[tasks[head]]), offset


def _groups(keys: Positions) -> Iterator[tuple[int, Positions]]:
    """Yield each key and the positions at which it stands, both ascending."""
    order = np.argsort(keys, kind="stable")
    values, starts = np.unique(keys[order], return_index=True)
    yield from zip(values.tolist(), np.split(order, starts[1:]), strict=True)


def _model(labels: tuple[str, ...], parts: Sequence[_Terms], offset: float, *, integral: bool) -> BinaryProblem:
    """Add the parts up: as integers where they are all within ENERGY_MAX, else as doubles scaled into that range.

    With a total below ENERGY_MAX, doubles have held all that went into it exactly.
    """
    linear = np.sum([part.linear for part in parts], axis=0)
    head = np.concatenate([part.head for part in parts]).astype(np.int32)
    tail = np.concatenate([part.tail for part in parts]).astype(np.int32)
    weight = np.concatenate([part.weight for part in parts])
    order = np.lexsort((tail, head))
    head, tail, weight = head[order], tail[order], weight[order]
    total = sum(float(np.abs(part.linear).sum() + part.weight.sum()) for part in parts) + offset
    if integral and total < ENERGY_MAX:
        return BinaryProblem(
            vartype="BINARY",
            labels=labels,
            linear=linear.astype(np.int64),
            head=head,
            tail=tail,
            weight=weight.astype(np.int64),
            offset=int(offset),
        )
    # A power of two changes no digit.
    scale = 2.0 ** min(0, 52 - math.frexp(total)[1])
    return BinaryProblem(
        vartype="BINARY",
        labels=labels,
        linear=linear * scale,
        head=head,
        tail=tail,
        weight=weight * scale,
        offset=offset * scale,
    )
