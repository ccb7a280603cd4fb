"""Improve a schedule with CP-SAT, or find the first one, or prove that there is none."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ortools.sat.python import cp_model

from quantum_scheduler.backends.classical.formulate import Formulation
from quantum_scheduler.backends.local import Stop
from quantum_scheduler.backends.model import Limits
from quantum_scheduler.problems.model import ScheduleSolution

# A solve has used up its work when it has done all but this share of it; less means that the clock cut it short.
WORK_TOLERANCE = 0.01
# Below every weighted objective.
GOAL_NONE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The best schedule so far, if any, its weighted objective and a bound on that.

    `infeasible`: that there is none is proven. `complete` is False where the clock or a cancel cut the search short.
    `goal` is the weighted objective at which there is no need to search on.
    """

    solution: ScheduleSolution | None
    value: float
    bound: int
    complete: bool = True
    infeasible: bool = False
    goal: int = GOAL_NONE

    @property
    def settled(self) -> bool:
        """Whether nothing is left to find."""
        return self.infeasible or self.value <= self.bound

    @property
    def enough(self) -> bool:
        """Whether nothing is left to find, or what is found is as good as was asked for."""
        return self.settled or self.value <= self.goal


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One run of CP-SAT: `neighbourhoods` takes turns between many searches, most of them around the best schedule;
    otherwise one tree search without a linear relaxation."""

    neighbourhoods: bool
    share: float


# The first finds good schedules and, by its linear relaxation, the bound; the second is better at ending small ones.
PHASES = (Phase(neighbourhoods=True, share=0.5), Phase(neighbourhoods=False, share=0.5))


def improve_schedule(
    formulation: Formulation,
    found: Found,
    *,
    work: float,
    limits: Limits,
    progress: Callable[[Found], None],
    stop: Stop,
) -> Found:
    """Run CP-SAT's phases from the best schedule so far, `work` deterministic seconds of each thread in all."""
    for phase in PHASES:
        if found.enough or not found.complete:
            break
        found = _run_phase(formulation, found, phase, work=work, limits=limits, progress=progress, stop=stop)
        progress(found)
    return found


def _run_phase(
    formulation: Formulation,
    found: Found,
    phase: Phase,
    *,
    work: float,
    limits: Limits,
    progress: Callable[[Found], None],
    stop: Stop,
) -> Found:
    if stop():
        return replace(found, complete=False)
    formulation.bound(found.bound)
    if found.solution is not None:
        formulation.hint(found.solution)
    # Deterministic time is the sum over all threads.
    budget = work * phase.share * (limits.threads if phase.neighbourhoods else 1)
    solver = cp_model.CpSolver()
    solver.parameters.random_seed = limits.seed
    solver.parameters.max_deterministic_time = budget
    solver.parameters.max_time_in_seconds = stop.remaining_s()
    if phase.neighbourhoods:
        solver.parameters.interleave_search = True
        solver.parameters.num_workers = limits.threads
        solver.parameters.subsolvers.append("default_lp")
    else:
        solver.parameters.num_workers = 1
        solver.parameters.linearization_level = 0
    watch = _Watch(found, progress)
    solver.best_bound_callback = watch.on_bound
    with stopping(solver, stop):
        status = solver.solve(formulation.model, watch)
    return _judge(formulation, found, solver, status, budget)


def _judge(formulation: Formulation, found: Found, solver: cp_model.CpSolver, status: object, budget: float) -> Found:
    """Take over what the solver found and proved."""
    if status == cp_model.INFEASIBLE:
        return replace(found, infeasible=True)
    if status == cp_model.MODEL_INVALID:
        raise ValueError(f"CP-SAT refused the model: {formulation.model.validate()}")
    response = solver.response_proto
    complete = status == cp_model.OPTIMAL or response.deterministic_time >= (1 - WORK_TOLERANCE) * budget
    found = replace(found, complete=complete)
    if status == cp_model.UNKNOWN:
        return found
    found = replace(found, bound=max(found.bound, response.inner_objective_lower_bound))
    value = round(response.objective_value)
    if value >= found.value:
        return found
    found = replace(found, solution=formulation.read(list(response.solution)), value=value)
    return replace(found, complete=complete or found.enough)


class _Watch(cp_model.CpSolverSolutionCallback):
    """Hands on what CP-SAT reports while it runs; it calls from threads of its own, one at a time."""

    def __init__(self, found: Found, progress: Callable[[Found], None]) -> None:
        super().__init__()
        self._found = found
        self._progress = progress

    def on_solution_callback(self) -> None:
        """Take a better schedule; the schedule itself is read when the search has ended."""
        self._take(value=min(self._found.value, round(self.objective_value)))
        if self._found.value <= self._found.goal:
            self.stop_search()

    def on_bound(self, bound: float) -> None:
        """Take a better bound."""
        self._take(bound=max(self._found.bound, round(bound)))

    def _take(self, *, value: float | None = None, bound: int | None = None) -> None:
        found = self._found
        self._found = replace(
            found, value=found.value if value is None else value, bound=found.bound if bound is None else bound
        )
        if self._found != found:
            self._progress(self._found)


@contextmanager
def stopping(solver: cp_model.CpSolver, stop: Stop) -> Iterator[None]:
    """Stop the solver when it is told to while it runs."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            if stop():
                solver.stop_search()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
