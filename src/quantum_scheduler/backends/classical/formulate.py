"""A schedule as a CP-SAT model.

One start variable for each task, shared by its optional intervals; one literal for each eligible agent, as many of them
true as the task needs; no-overlap or cumulative for each agent, its absences as fixed intervals; cumulative for each
resource. One redundant row for each agent, its load against the makespan, gives the linear relaxation its bound.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from quantum_scheduler.backends.classical.objective import Weights
from quantum_scheduler.backends.run import never
from quantum_scheduler.problems.model import Assignment, ScheduleSolution
from quantum_scheduler.problems.relate import Relations, latest_end
from quantum_scheduler.problems.schedule import Agent, ScheduleProblem


class FormulationStopped(Exception):  # noqa: N818  an error is named for what happened
    """There was no time to write the whole model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Formulation:
    """The model, with what is needed to put a schedule into it and to read one out of it."""

    problem: ScheduleProblem
    model: cp_model.CpModel
    starts: Sequence[cp_model.IntVar]
    crews: Sequence[Mapping[int, cp_model.IntVar]]
    makespan: cp_model.IntVar
    tardiness: Mapping[int, cp_model.IntVar]
    objective: cp_model.LinearExprT

    def bound(self, value: int) -> None:
        """Tell the model that its objective is never below `value`."""
        self.model.add(self.objective >= value)

    def hint(self, solution: ScheduleSolution) -> None:
        """Make a schedule the model's hint, complete: a value for every variable that is not settled."""
        model, problem = self.model, self.problem
        agent_at = {agent.id: at for at, agent in enumerate(problem.agents)}
        model.clear_hints()  # type: ignore[no-untyped-call]  # ortools types the rest
        model.add_hint(self.makespan, max(placed.end for placed in solution.assignments))
        for at, (task, placed) in enumerate(zip(problem.tasks, solution.assignments, strict=True)):
            model.add_hint(self.starts[at], placed.start)
            if at in self.tardiness and task.deadline is not None:
                model.add_hint(self.tardiness[at], max(0, placed.end - task.deadline))
            chosen = {agent_at[name] for name in placed.agents}
            if len(self.crews[at]) > task.agents:
                for agent, literal in self.crews[at].items():
                    model.add_hint(literal, agent in chosen)

    def read(self, values: Sequence[int]) -> ScheduleSolution:
        """Read a schedule from the value of every variable."""
        assignments = []
        for task, start, crew in zip(self.problem.tasks, self.starts, self.crews, strict=True):
            begin = values[start.index]
            names = tuple(self.problem.agents[agent].id for agent, literal in crew.items() if values[literal.index])
            assignments.append(Assignment(task=task.id, agents=names, start=begin, end=begin + task.duration))
        return ScheduleSolution(assignments=tuple(assignments))


def formulate_schedule(
    problem: ScheduleProblem,
    relations: Relations,
    weights: Weights,
    horizon: int,
    value_max: int | None = None,
    *,
    stop: Callable[[], bool] = never,
) -> Formulation:
    """Write the problem as a model in which every task ends by `horizon`.

    Every task must have time to end by then, and by a hard deadline, if it starts as early as it may. `value_max` is
    the weighted objective of a schedule that is known: no task may be so late that this alone is worse.

    Raises FormulationStopped once `stop` says so.
    """
    model = cp_model.CpModel()
    starts = []
    for task, weight, earliest in zip(problem.tasks, weights.tardiness, relations.earliest, strict=True):
        latest = latest_end(problem, task)
        end = horizon if latest is None else min(horizon, latest)
        if value_max is not None and weight and task.deadline is not None:
            end = min(end, task.deadline + value_max // weight)
        starts.append(model.new_int_var(earliest, end - task.duration, ""))
    crews = []
    for task, eligible in zip(problem.tasks, relations.eligible, strict=True):
        _check(stop)
        crews.append(choose_crew(model, task.agents, eligible))
    makespan = model.new_int_var(0, horizon, "")
    _add_order(model, problem, relations, starts, makespan)
    for at, agent in enumerate(problem.agents):
        _check(stop)
        members = [task for task, crew in enumerate(crews) if at in crew]
        literals = [crews[task][at] for task in members]
        add_agent(model, problem, agent, [(task, starts[task], crews[task][at]) for task in members], horizon)
        if weights.makespan:
            durations = [problem.tasks[task].duration for task in members]
            model.add(cp_model.LinearExpr.weighted_sum(literals, durations) <= agent.capacity * makespan)
    _add_resources(model, problem, starts)
    tardiness = _add_tardiness(model, problem, weights, starts, horizon)
    terms = [(makespan, weights.makespan)]
    terms += [(variable, weights.tardiness[at]) for at, variable in tardiness.items()]
    terms += [
        (literal, weights.cost[agent] * task.duration)
        for task, crew in zip(problem.tasks, crews, strict=True)
        for agent, literal in crew.items()
    ]
    terms = [(variable, factor) for variable, factor in terms if factor]
    objective = cp_model.LinearExpr.weighted_sum([variable for variable, _ in terms], [factor for _, factor in terms])
    model.minimize(objective)
    return Formulation(
        problem=problem,
        model=model,
        starts=starts,
        crews=crews,
        makespan=makespan,
        tardiness=tardiness,
        objective=objective,
    )


def _check(stop: Callable[[], bool]) -> None:
    if stop():
        raise FormulationStopped


def choose_crew(model: cp_model.CpModel, size: int, eligible: Sequence[int]) -> dict[int, cp_model.IntVar]:
    """Make one literal for each eligible agent; exactly `size` of them are true."""
    if size == 0:
        return {}
    if len(eligible) == size:
        return dict.fromkeys(eligible, model.new_constant(1))
    crew = {agent: model.new_bool_var("") for agent in eligible}
    if size == 1:
        model.add_exactly_one(crew.values())
    else:
        model.add(sum(crew.values()) == size)
    return crew


def _add_order(
    model: cp_model.CpModel,
    problem: ScheduleProblem,
    relations: Relations,
    starts: Sequence[cp_model.IntVar],
    makespan: cp_model.IntVar,
) -> None:
    """Let every task start after its predecessors end, and end by the makespan."""
    awaited = set()
    for at, predecessors in enumerate(relations.predecessors):
        for before in predecessors:
            model.add(starts[before] + problem.tasks[before].duration <= starts[at])
            awaited.add(before)
    for at, task in enumerate(problem.tasks):
        if at not in awaited:
            model.add(starts[at] + task.duration <= makespan)


def add_agent(
    model: cp_model.CpModel,
    problem: ScheduleProblem,
    agent: Agent,
    members: Iterable[tuple[int, cp_model.IntVar, cp_model.IntVar]],
    horizon: int,
    busy: Sequence[tuple[int, int]] = (),
) -> None:
    """Keep the agent's tasks within its capacity and windows. An instant (duration 0) takes up no capacity.

    A member is a task that it could do, with the variables of its start and of whether it does it. Each of `busy` takes
    up one of its units from a start to an end.
    """
    gaps, apart = _absences(agent, horizon)
    intervals = [model.new_fixed_size_interval_var(start, end - start, "") for start, end in busy]
    for at, begin, literal in members:
        duration = problem.tasks[at].duration
        if duration:
            intervals.append(model.new_optional_fixed_size_interval_var(begin, duration, literal, ""))
        if agent.availability is not None and not (duration and apart):
            begins = [
                [window.start, window.end - duration]
                for window in agent.availability
                if window.end - window.start >= duration
            ]
            domain = cp_model.Domain.from_intervals(begins)
            model.add_linear_expression_in_domain(begin, domain).only_enforce_if(literal)
    if len(intervals) + len(gaps) < 2:
        return
    absences = [model.new_fixed_size_interval_var(start, end - start, "") for start, end in gaps]
    if agent.capacity == 1:
        model.add_no_overlap([*intervals, *absences])
    else:
        demands = [1] * len(intervals) + [agent.capacity] * len(absences)
        model.add_cumulative([*intervals, *absences], demands, agent.capacity)


def _absences(agent: Agent, horizon: int) -> tuple[list[tuple[int, int]], bool]:
    """List the gaps between the agent's windows up to `horizon`, and say whether no two windows touch.

    Where two touch or overlap, staying out of the gaps does not yet keep a task inside one window.
    """
    if agent.availability is None:
        return [], True
    gaps = []
    apart = True
    closed = 0
    for number, window in enumerate(sorted(agent.availability, key=lambda window: (window.start, window.end))):
        if window.start > closed:
            gaps.append((closed, window.start))
        elif number:
            apart = False
        closed = max(closed, window.end)
    gaps.append((closed, horizon))
    return [(start, min(end, horizon)) for start, end in gaps if start < min(end, horizon)], apart


def _add_resources(model: cp_model.CpModel, problem: ScheduleProblem, starts: Sequence[cp_model.IntVar]) -> None:
    """Keep the use of every resource within its capacity; leave out what could not exceed it."""
    spans = [
        model.new_fixed_size_interval_var(start, task.duration, "") if task.uses and task.duration else None
        for task, start in zip(problem.tasks, starts, strict=True)
    ]
    for resource in problem.resources:
        uses = [
            (span, task.uses[resource.id])
            for task, span in zip(problem.tasks, spans, strict=True)
            if span is not None and task.uses.get(resource.id)
        ]
        if sum(units for _, units in uses) > resource.capacity:
            model.add_cumulative([span for span, _ in uses], [units for _, units in uses], resource.capacity)


def _add_tardiness(
    model: cp_model.CpModel,
    problem: ScheduleProblem,
    weights: Weights,
    starts: Sequence[cp_model.IntVar],
    horizon: int,
) -> dict[int, cp_model.IntVar]:
    """Make a variable for the tardiness of every task whose tardiness counts."""
    tardiness = {}
    for at, (task, weight) in enumerate(zip(problem.tasks, weights.tardiness, strict=True)):
        if weight and task.deadline is not None and task.deadline < horizon:
            tardiness[at] = model.new_int_var(0, horizon - task.deadline, "")
            model.add(tardiness[at] >= starts[at] + task.duration - task.deadline)
    return tardiness
