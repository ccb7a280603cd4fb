"""The solvers of schedules, each with the plainest model that its manual suggests. Each returns its best schedule."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from benchmarks.contest.clock import CpuClock, CpuStop

from quantum_scheduler.backends.model import Limits
from quantum_scheduler.problems.model import Assignment, ScheduleSolution
from quantum_scheduler.problems.relate import relate
from quantum_scheduler.problems.schedule import ScheduleProblem, Task

Part = TypeVar("Part")


def solve_ours(problem: ScheduleProblem, clock: CpuClock, seed: int) -> ScheduleSolution | None:
    """The classical backend, through its own search."""
    from quantum_scheduler.backends.classical import ClassicalBackend  # noqa: PLC0415  a peer loads only itself

    limits = Limits(time_limit_s=clock.budget_s, seed=seed, threads=1)
    stop = CpuStop(clock)
    done = clock.when_over(stop.cancelled.set)
    answer = ClassicalBackend().load_search(problem)(limits, lambda **_: None, stop)
    done.set()
    solution = answer.solutions[0] if answer.solutions else None
    assert solution is None or isinstance(solution, ScheduleSolution)
    return solution


def solve_cp_sat(problem: ScheduleProblem, clock: CpuClock, seed: int) -> ScheduleSolution | None:
    """CP-SAT without hints or redundant rows: an optional interval for each task and each agent that can do it."""
    from ortools.sat.python import cp_model  # noqa: PLC0415

    relations, horizon = relate(problem), _horizon(problem)
    model = cp_model.CpModel()
    position = {task.id: place for place, task in enumerate(problem.tasks)}
    starts = [model.new_int_var(task.release, horizon, "") for task in problem.tasks]
    does: list[dict[int, cp_model.IntVar]] = []
    runs = [model.new_fixed_size_interval_var(start, task.duration, "") for start, task in _pair(starts, problem)]
    work: list[list[cp_model.IntervalVar]] = [[] for _ in problem.agents]
    for place, task in enumerate(problem.tasks):
        eligible = relations.eligible[place] if task.agents else ()
        does.append({agent: model.new_bool_var("") for agent in eligible})
        for agent, chosen in does[-1].items():
            work[agent].append(model.new_optional_fixed_size_interval_var(starts[place], task.duration, chosen, ""))
        if task.agents:
            model.add(sum(does[-1].values()) == task.agents)
        for name in task.dependencies:
            before = position[name]
            model.add(starts[place] >= starts[before] + problem.tasks[before].duration)
    for worker, intervals in zip(problem.agents, work, strict=True):
        model.add_cumulative(intervals, [1] * len(intervals), worker.capacity)
    for resource in problem.resources:
        users = [place for place, task in enumerate(problem.tasks) if task.uses.get(resource.id)]
        demands = [problem.tasks[place].uses[resource.id] for place in users]
        model.add_cumulative([runs[place] for place in users], demands, resource.capacity)
    if problem.objective.kind == "makespan":
        makespan = model.new_int_var(0, horizon, "")
        model.add_max_equality(makespan, [start + task.duration for start, task in _pair(starts, problem)])
        model.minimize(makespan)
    else:
        late = [model.new_int_var(0, horizon, "") for _ in problem.tasks]
        for lateness, (start, task) in zip(late, _pair(starts, problem), strict=True):
            if task.deadline is not None:
                model.add(lateness >= start + task.duration - task.deadline)
        model.minimize(sum(int(task.priority) * lateness for lateness, task in _pair(late, problem)))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers, solver.parameters.random_seed = 1, seed
    solver.parameters.max_time_in_seconds = max(0.01, clock.left_wall_s())
    done = clock.when_over(solver.stop_search)
    status = solver.solve(model)
    done.set()
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    crews = [[agent for agent, chosen in options.items() if solver.boolean_value(chosen)] for options in does]
    return _write(problem, [solver.value(start) for start in starts], crews)


def solve_pyjobshop(problem: ScheduleProblem, clock: CpuClock, seed: int) -> ScheduleSolution | None:
    """PyJobShop with CP-SAT behind it: a mode for each agent that can do a task. Tasks take one agent at most."""
    import pyjobshop  # noqa: PLC0415

    relations = relate(problem)
    model = pyjobshop.Model()
    agents = [model.add_renewable(capacity=agent.capacity) for agent in problem.agents]
    resources = {resource.id: model.add_renewable(capacity=resource.capacity) for resource in problem.resources}
    tasks, crews = {}, []
    for place, task in enumerate(problem.tasks):
        assert task.agents <= 1, "the contest's schedules have no crews"
        job = None
        if problem.objective.kind != "makespan":
            job = model.add_job(weight=int(task.priority), due_date=task.deadline)
        tasks[task.id] = model.add_task(job=job, earliest_start=task.release)
        uses = {name: units for name, units in task.uses.items() if units}
        for agent in relations.eligible[place] if task.agents else (None,):
            held = [*(resources[name] for name in uses), *([] if agent is None else [agents[agent]])]
            demands = [*uses.values(), *([] if agent is None else [1])]
            model.add_mode(tasks[task.id], held, task.duration, demands)
            crews.append([] if agent is None else [agent])
    for task in problem.tasks:
        for name in task.dependencies:
            model.add_end_before_start(tasks[name], tasks[task.id])
    if problem.objective.kind == "makespan":
        model.set_objective(weight_makespan=1)
    else:
        model.set_objective(weight_total_tardiness=1)
    limit_s = max(0.01, clock.left_wall_s())
    result = model.solve(time_limit=limit_s, display=False, num_workers=1, random_seed=seed)
    if not result.best.tasks:
        return None
    return _write(
        problem, [placed.start for placed in result.best.tasks], [crews[placed.mode] for placed in result.best.tasks]
    )


def _horizon(problem: ScheduleProblem) -> int:
    """A time by which everything can be done, one task after another."""
    return max(task.release for task in problem.tasks) + sum(task.duration for task in problem.tasks)


def _pair(parts: Sequence[Part], problem: ScheduleProblem) -> Iterator[tuple[Part, Task]]:
    return zip(parts, problem.tasks, strict=True)


def _write(problem: ScheduleProblem, starts: list[int], crews: list[list[int]]) -> ScheduleSolution:
    return ScheduleSolution(
        assignments=tuple(
            Assignment(
                task=task.id,
                agents=tuple(problem.agents[agent].id for agent in crew),
                start=start,
                end=start + task.duration,
            )
            for task, start, crew in zip(problem.tasks, starts, crews, strict=True)
        )
    )
