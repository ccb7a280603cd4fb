"""Search for a schedule: list schedules, CP-SAT from the best of them, and so on in rounds.

Every method gets an amount of work that depends on the problem and the limits only, so that it ends by itself. On one
thread the methods take turns, and the answer is the same on any machine; the clock is there for the machine that is too
slow or too busy. On several, each has a thread for a round, and what is settled by one ends the others.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from quantum_scheduler.backends.classical.bound import bound_objective, latest_horizon
from quantum_scheduler.backends.classical.dispatch import ListSearch, dispatch_rules, search_lists
from quantum_scheduler.backends.classical.effort import (
    MODEL_SIZE_MAX,
    Lane,
    Round,
    Stage,
    measure_size,
    plan_rounds,
)
from quantum_scheduler.backends.classical.formulate import FormulationStopped, formulate_schedule
from quantum_scheduler.backends.classical.improve import GOAL_NONE, Found, improve_schedule
from quantum_scheduler.backends.classical.list_search.kernels import UNPLACED, Kernels, load_kernels
from quantum_scheduler.backends.classical.list_search.run import CompiledLists
from quantum_scheduler.backends.classical.list_search.tables import tabulate
from quantum_scheduler.backends.classical.mend import Mender
from quantum_scheduler.backends.classical.objective import Weights, weigh_objective
from quantum_scheduler.backends.local import Report, Stop
from quantum_scheduler.backends.model import Answer, BackendError, Limits
from quantum_scheduler.problems.place import Unplaceable, check_alone
from quantum_scheduler.problems.relate import Relations, relate
from quantum_scheduler.problems.schedule import ScheduleProblem


def search_schedule(problem: ScheduleProblem, limits: Limits, report: Report, stop: Stop) -> Answer:
    """Search for the best schedule of a valid problem, and for a proof that it is the best or that there is none.

    Raises BackendError of kind `invalid` where the limits count flips, and as `search_rounds` does.
    """
    if limits.flips_max is not None:
        raise BackendError("invalid", "flips_max: only the search of a binary model counts flips")
    return search_rounds(problem, limits, report, stop, kernels=load_kernels())


def search_rounds(
    problem: ScheduleProblem,
    limits: Limits,
    report: Report,
    stop: Stop,
    *,
    kernels: Kernels | None,
) -> Answer:
    """Search as `search_schedule` does, with the compiled list searches or, without, with the one in Python.

    A method that the limits name goes on alone from the best schedule of the dispatch rules. Raises BackendError of
    kind `too_large` where that is CP-SAT and its model would be too large.
    """
    relations = relate(problem)
    if limits.method == "cp-sat" and (size := measure_size(problem, relations)) > MODEL_SIZE_MAX:
        what = "tasks and agents who could do each"
        raise BackendError("too_large", f"cp-sat takes at most {MODEL_SIZE_MAX:,} {what}, not {size:,}")
    try:
        check_alone(problem, relations)
    except Unplaceable as unplaceable:
        return Answer(solutions=(), complete=True, proof="infeasible", info={"explanation": str(unplaceable)})
    weights = weigh_objective(problem, latest_horizon(problem))
    rounds = plan_rounds(problem, relations, limits, compiled=kernels is not None)
    search = _Search(problem, relations, weights, kernels, limits, report, stop)
    used = search.run(rounds)
    return _answer(search.found, weights, "+".join(dict.fromkeys(used)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _LaneStop(Stop):
    """Ends one lane of a search: with the search, or once another lane has found enough."""

    whole: Stop
    enough: threading.Event

    def __call__(self) -> bool:
        """Say whether it is time."""
        return self.enough.is_set() or self.whole()

    def remaining_s(self) -> float:
        """Say how many seconds are left, down to 0."""
        return self.whole.remaining_s()


class _Search:
    """One search under way: what it is about, and in `found` what came of it so far."""

    def __init__(
        self,
        problem: ScheduleProblem,
        relations: Relations,
        weights: Weights,
        kernels: Kernels | None,
        limits: Limits,
        report: Report,
        stop: Stop,
    ) -> None:
        self._problem = problem
        self._relations = relations
        self._weights = weights
        self._limits = limits
        self._report = report
        self._stop = stop
        self._enough = threading.Event()
        self._reporting = threading.Lock()
        self._rules = dispatch_rules(problem, relations)
        self._mender = Mender(problem, relations, weights)
        bound = bound_objective(problem, relations, weights)
        goal = GOAL_NONE if limits.target is None else weights.weigh(limits.target)
        self.found = Found(solution=None, value=float("inf"), bound=bound, goal=goal)
        self._reported = self.found
        self._lists: list[CompiledLists] = []
        if kernels is not None:
            tables = tabulate(problem, relations, weights)
            self._lists = [CompiledLists(problem, kernels, tables) for _ in range(limits.threads)]
            self._lists[0].place(self._rules)
            self._take_list(self._lists[0])

    def _take_list(self, lists: CompiledLists) -> None:
        solution = lists.read()
        if solution is not None and lists.value < self.found.value:
            self.found = replace(self.found, solution=solution, value=lists.value)
            self._progress(self.found)

    def run(self, rounds: list[Round]) -> list[str]:
        """Run the rounds until enough is found or it is time; return the methods used."""
        used: list[str] = ["rules"] if self.found.solution is not None else []
        for number, lanes in enumerate(round_.lanes for round_ in rounds):
            if self.found.enough or not self.found.complete:
                break
            used += [stage.method for lane in lanes for stage in lane]
            if len(lanes) == 1:
                self.found = self._run_lane(number, 0, lanes[0])
                continue
            with ThreadPoolExecutor(len(lanes), thread_name_prefix="schedule") as pool:
                runs = [pool.submit(self._run_lane, number, at, lane) for at, lane in enumerate(lanes)]
            self.found = _join([run.result() for run in runs])
        return used

    def _run_lane(self, number: int, at: int, lane: Lane) -> Found:
        """Run the stages of a lane one after the other, each from the best of those before."""
        stop = _LaneStop(
            cancelled=self._stop.cancelled, deadline_s=self._stop.deadline_s, whole=self._stop, enough=self._enough
        )
        found = self.found
        for place, stage in enumerate(lane):
            if found.enough or not found.complete:
                break
            key = (self._limits.seed, number, at, place)
            seed = int(np.random.SeedSequence(key).generate_state(1, np.uint32)[0] >> 1)
            found = self._run_stage(stage, found, at, seed, stop)
            self._progress(found)
        if found.enough:
            self._enough.set()
        return found

    def _run_stage(self, stage: Stage, found: Found, at: int, seed: int, stop: Stop) -> Found:
        if stage.method == "cp-sat" or (stage.method == "lns" and found.solution is None):
            return self._run_model(found, stage.work, seed, stop)
        if stage.method == "lns":
            return self._mender.improve(found, work=stage.work, seed=seed, progress=self._progress, stop=stop)
        if stage.method == "orders":
            return self._run_orders(found, int(stage.work), seed, stop)
        lists = self._lists[at]
        if found.solution is not None:
            lists.adopt(found.solution, int(found.value))
        ended = lists.search(
            # What has no place at all cannot be taken apart.
            stage.method if lists.value < UNPLACED else "genetic",
            self._rules,
            work=int(stage.work),
            seed=seed,
            target=max(found.bound, found.goal),
            stop=stop,
            improved=lambda value: self._progress(replace(found, value=value)),
        )
        solution = lists.read()
        if solution is not None and lists.value < found.value:
            found = replace(found, solution=solution, value=lists.value)
        return replace(found, complete=ended)

    def _run_model(self, found: Found, work: float, seed: int, stop: Stop) -> Found:
        """Let CP-SAT search the whole problem, for anything better than what is found."""
        horizon = latest_horizon(self._problem)
        value = None if found.solution is None else int(found.value)
        if value is not None and self._weights.makespan:
            # No part of the objective is negative, so nothing better is longer than this.
            horizon = min(horizon, value // self._weights.makespan)
        try:
            formulation = formulate_schedule(self._problem, self._relations, self._weights, horizon, value, stop=stop)
        except FormulationStopped:
            return replace(found, complete=False)
        limits = replace(self._limits, seed=seed, threads=1)
        return improve_schedule(formulation, found, work=work, limits=limits, progress=self._progress, stop=stop)

    def _run_orders(self, found: Found, steps: int, seed: int, stop: Stop) -> Found:
        """Search list schedules in Python."""
        lists = ListSearch(
            self._problem, self._weights, lambda value: self._progress(replace(found, value=value)), found.solution
        )
        ended = search_lists(lists, self._rules, steps=steps, bound=max(found.bound, found.goal), seed=seed, stop=stop)
        if lists.value < found.value:
            found = replace(found, solution=lists.best, value=lists.value)
        return replace(found, complete=ended)

    def _progress(self, found: Found) -> None:
        """Report what any lane found, where it is more than was known before."""
        with self._reporting:
            known = replace(
                self._reported,
                value=min(found.value, self._reported.value),
                bound=max(found.bound, self._reported.bound),
            )
            if known == self._reported:
                return
            self._reported = known
            objective = self._weights.unscale(int(known.value)) if known.value < float("inf") else None
            self._report(objective=objective, bound=self._weights.unscale(known.bound))


def _join(lanes: list[Found]) -> Found:
    """Join what the lanes of a round found. Which of them came first is chance where one ended the others."""
    best = min(lanes, key=lambda found: found.value)
    return replace(
        best,
        bound=max(found.bound for found in lanes),
        infeasible=any(found.infeasible for found in lanes),
        complete=all(found.complete for found in lanes),
    )


def _answer(found: Found, weights: Weights, method: str) -> Answer:
    info = {"method": method}
    if found.infeasible:
        info["explanation"] = "no schedule keeps every dependency, window, capacity and hard deadline (CP-SAT's proof)"
        return Answer(solutions=(), complete=True, proof="infeasible", info=info)
    bound = weights.unscale(found.bound)
    if found.solution is None:
        return Answer(solutions=(), complete=found.complete, bound=bound, info=info)
    return Answer(
        solutions=(found.solution,),
        complete=found.complete,
        # Weights that had to be rounded down prove only what the bound says.
        proof="optimal" if found.settled and weights.exact else None,
        claimed_objective=weights.unscale(int(found.value)) if weights.exact else None,
        bound=bound,
        info=info,
    )
