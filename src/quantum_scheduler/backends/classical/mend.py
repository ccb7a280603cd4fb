"""Improve a schedule a few tasks at a time: CP-SAT places them anew among all others, which stay as they are."""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ortools.sat.python import cp_model

from quantum_scheduler.backends.classical.formulate import add_agent, choose_crew
from quantum_scheduler.backends.classical.improve import Found, stopping
from quantum_scheduler.backends.classical.objective import Weights
from quantum_scheduler.backends.local import Stop
from quantum_scheduler.problems.model import Assignment, ScheduleSolution
from quantum_scheduler.problems.relate import Relations, latest_end
from quantum_scheduler.problems.schedule import ScheduleProblem

# So many tasks are placed anew at once, with so many deterministic seconds to do it.
FREE_MAX = 25
SOLVE_WORK = 0.05
# What a neighbourhood costs beside, in deterministic seconds: for itself, and for each task of the problem.
MODEL_WORK = 1e-3
TASK_WORK = 2e-7
# Every so often a task near in time is left where it is, so that neighbourhoods differ.
SKIPPED_SHARE = 0.3


class Mender:
    """Places neighbourhoods of a schedule anew; `problem` and `weights` say what for."""

    def __init__(self, problem: ScheduleProblem, relations: Relations, weights: Weights) -> None:
        self._problem = problem
        self._relations = relations
        self._weights = weights
        self._agent_at = {agent.id: at for at, agent in enumerate(problem.agents)}
        self._successors: list[list[int]] = [[] for _ in problem.tasks]
        for at, predecessors in enumerate(relations.predecessors):
            for before in predecessors:
                self._successors[before].append(at)

    def improve(self, found: Found, *, work: float, seed: int, progress: Callable[[Found], None], stop: Stop) -> Found:
        """Go from one neighbourhood to the next for so many deterministic seconds, or until nothing is left to find."""
        chance = random.Random(seed)  # noqa: S311  chance that can be repeated; no secret hangs on it
        if found.solution is None:
            return found
        placed = list(found.solution.assignments)
        while work > 0 and not found.enough:
            if stop():
                return replace(found, complete=False)
            free = self._choose_free(placed, chance)
            change, used = self._place_anew(placed, free, chance.randrange(2**31), stop)
            work -= used + MODEL_WORK + TASK_WORK * len(placed)
            if change is None:
                continue
            placed = [change.get(at, assignment) for at, assignment in enumerate(placed)]
            solution = ScheduleSolution(assignments=tuple(placed))
            value = self._weights.measure(self._problem, solution)
            if value < found.value:
                progress(replace(found, value=value))
            found = replace(found, solution=solution, value=value)
        return found

    def _choose_free(self, placed: Sequence[Assignment], chance: random.Random) -> list[int]:
        """Choose tasks around one that costs something: near in time, on a few agents, or along what held it up."""
        eligible = self._relations.eligible
        seed = self._choose_seed(placed, chance)
        kind = chance.randrange(3)
        free = [seed]
        if kind == 0:
            while len(free) < FREE_MAX // 2:
                before = max(self._relations.predecessors[free[-1]], key=lambda at: placed[at].end, default=None)
                if before is None:
                    break
                free.append(before)
        names = None
        if kind == 1 and eligible[seed]:
            few = chance.sample(eligible[seed], min(3, len(eligible[seed])))
            names = {self._problem.agents[at].id for at in few} | set(placed[seed].agents)
        taken, begin = set(free), placed[seed].start
        able = set(eligible[seed])
        for at in sorted(range(len(placed)), key=lambda at: abs(placed[at].start - begin)):
            if len(free) == min(FREE_MAX, len(placed)):
                break
            near = not able or not eligible[at] or not able.isdisjoint(eligible[at])
            if names is not None:
                near = not names.isdisjoint(placed[at].agents)
            if near and at not in taken and chance.random() > SKIPPED_SHARE:
                free.append(at)
        return free

    def _choose_seed(self, placed: Sequence[Assignment], chance: random.Random) -> int:
        """Choose a task that is late, or among the last if the makespan counts; else any."""
        tasks, weights = self._problem.tasks, self._weights
        last = max(assignment.end for assignment in placed)
        costly = [
            at
            for at, (task, assignment) in enumerate(zip(tasks, placed, strict=True))
            if (weights.makespan and assignment.end == last)
            or (task.deadline is not None and weights.tardiness[at] and assignment.end > task.deadline)
        ]
        return chance.choice(costly) if costly and chance.random() < 0.8 else chance.randrange(len(placed))

    def _place_anew(
        self, placed: Sequence[Assignment], free: Sequence[int], seed: int, stop: Stop
    ) -> tuple[dict[int, Assignment] | None, float]:
        """Return the best places found for the free tasks, no worse than theirs now, and the work that it took."""
        part = self._formulate(placed, free)
        solver = cp_model.CpSolver()
        solver.parameters.random_seed = seed
        solver.parameters.num_workers = 1
        solver.parameters.max_deterministic_time = SOLVE_WORK
        solver.parameters.max_time_in_seconds = stop.remaining_s()
        with stopping(solver, stop):
            status = solver.solve(part.model)
        used = solver.response_proto.deterministic_time
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None, used
        return part.read(self._problem, solver), used

    def _formulate(self, placed: Sequence[Assignment], free: Sequence[int]) -> "_Part":
        problem, weights, inside = self._problem, self._weights, set(free)
        tasks = problem.tasks
        last = max(assignment.end for assignment in placed)
        model = cp_model.CpModel()
        starts: dict[int, cp_model.IntVar] = {}
        for at in free:
            ready = [placed[before].end for before in self._relations.predecessors[at] if before not in inside]
            wanted = [placed[after].start for after in self._successors[at] if after not in inside]
            latest = latest_end(problem, tasks[at])
            end = min([last, *wanted, *([] if latest is None else [latest])])
            starts[at] = model.new_int_var(max([tasks[at].release, *ready]), end - tasks[at].duration, "")
            model.add_hint(starts[at], placed[at].start)
        for at in free:
            for before in self._relations.predecessors[at]:
                if before in inside:
                    model.add(starts[before] + tasks[before].duration <= starts[at])
        crews = {at: choose_crew(model, tasks[at].agents, self._relations.eligible[at]) for at in free}
        for at, crew in crews.items():
            if len(crew) > tasks[at].agents:
                chosen = {self._agent_at[name] for name in placed[at].agents}
                for agent, literal in crew.items():
                    model.add_hint(literal, agent in chosen)
        self._add_agents(model, placed, starts, crews, last)
        self._add_resources(model, placed, starts)
        terms = [
            weights.cost[agent] * tasks[at].duration * literal
            for at, crew in crews.items()
            for agent, literal in crew.items()
            if weights.cost[agent]
        ]
        for at, task in ((at, tasks[at]) for at in free):
            if weights.tardiness[at] and task.deadline is not None and task.deadline < last:
                late = model.new_int_var(0, last - task.deadline, "")
                model.add(late >= starts[at] + task.duration - task.deadline)
                model.add_hint(late, max(0, placed[at].end - task.deadline))
                terms.append(weights.tardiness[at] * late)
        if weights.makespan:
            others = max((placed[at].end for at in range(len(placed)) if at not in inside), default=0)
            makespan = model.new_int_var(others, last, "")
            for at in free:
                model.add(starts[at] + tasks[at].duration <= makespan)
            model.add_hint(makespan, last)
            terms.append(weights.makespan * makespan)
        model.minimize(sum(terms))
        return _Part(model=model, starts=starts, crews=crews)

    def _add_agents(
        self,
        model: cp_model.CpModel,
        placed: Sequence[Assignment],
        starts: Mapping[int, cp_model.IntVar],
        crews: Mapping[int, Mapping[int, cp_model.IntVar]],
        last: int,
    ) -> None:
        """Keep every agent who could do a free task within capacity and windows, beside the tasks that stay."""
        members = defaultdict(list)
        for at, crew in crews.items():
            for agent, literal in crew.items():
                members[agent].append((at, starts[at], literal))
        busy = defaultdict(list)
        for at, assignment in enumerate(placed):
            if at not in starts and assignment.start < assignment.end:
                for name in assignment.agents:
                    busy[self._agent_at[name]].append((assignment.start, assignment.end))
        for at, could_do in members.items():
            add_agent(model, self._problem, self._problem.agents[at], could_do, last, busy[at])

    def _add_resources(
        self, model: cp_model.CpModel, placed: Sequence[Assignment], starts: Mapping[int, cp_model.IntVar]
    ) -> None:
        """Keep the use of every resource that a free task uses within its capacity, beside the tasks that stay."""
        tasks = self._problem.tasks
        used = {name for at in starts for name, units in tasks[at].uses.items() if units and tasks[at].duration}
        for resource in self._problem.resources:
            if resource.id not in used:
                continue
            intervals, demands = [], []
            for at, (task, assignment) in enumerate(zip(tasks, placed, strict=True)):
                units = task.uses.get(resource.id, 0)
                if units and task.duration:
                    begin = starts.get(at, assignment.start)
                    intervals.append(model.new_fixed_size_interval_var(begin, task.duration, ""))
                    demands.append(units)
            model.add_cumulative(intervals, demands, resource.capacity)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The model of the free tasks."""

    model: cp_model.CpModel
    starts: Mapping[int, cp_model.IntVar]
    crews: Mapping[int, Mapping[int, cp_model.IntVar]]

    def read(self, problem: ScheduleProblem, solver: cp_model.CpSolver) -> dict[int, Assignment]:
        """Read the places of the free tasks from the solver's answer."""
        places = {}
        for at, variable in self.starts.items():
            start, task = solver.value(variable), problem.tasks[at]
            names = tuple(problem.agents[agent].id for agent, chosen in self.crews[at].items() if solver.value(chosen))
            places[at] = Assignment(task=task.id, agents=names, start=start, end=start + task.duration)
        return places
