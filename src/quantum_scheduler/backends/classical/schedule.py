"""Search for a schedule: list schedules first, then CP-SAT from the best of them.

Both get an amount of work that depends on the problem and the limits only, so that they end by themselves and give the
same answer on any machine; the clock is there for the machine that is too slow or too busy.
"""

from quantum_scheduler.backends.classical.bound import bound_objective, latest_horizon
from quantum_scheduler.backends.classical.dispatch import ListSearch, dispatch_rules, search_lists
from quantum_scheduler.backends.classical.effort import plan_effort
from quantum_scheduler.backends.classical.formulate import formulate_schedule
from quantum_scheduler.backends.classical.improve import Found, improve_schedule
from quantum_scheduler.backends.classical.objective import Weights, weigh_objective
from quantum_scheduler.backends.local import Report, Stop
from quantum_scheduler.backends.model import Answer, Limits
from quantum_scheduler.problems.relate import relate
from quantum_scheduler.problems.schedule import ScheduleProblem


def search_schedule(problem: ScheduleProblem, limits: Limits, report: Report, stop: Stop) -> Answer:
    """Search for the best schedule of a valid problem, and for a proof that it is the best or that there is none."""
    relations = relate(problem)
    horizon = latest_horizon(problem)
    weights = weigh_objective(problem, horizon)
    bound = bound_objective(problem, relations, weights)
    effort = plan_effort(problem, relations, limits)

    def progress(found: Found) -> None:
        objective = weights.unscale(int(found.value)) if found.value < float("inf") else None
        report(objective=objective, bound=weights.unscale(found.bound))

    lists = ListSearch(problem, weights, lambda value: progress(Found(solution=None, value=value, bound=bound)))
    complete = search_lists(
        lists, dispatch_rules(problem, relations), steps=effort.list_steps, bound=bound, seed=limits.seed, stop=stop
    )
    if lists.failure is not None and lists.failure.proven:
        return Answer(solutions=(), complete=True, proof="infeasible", info={"explanation": str(lists.failure)})
    found = Found(solution=lists.best, value=lists.value, bound=bound, complete=complete)
    method = "list schedules"
    if effort.model_work and complete and not found.settled:
        if lists.best is not None and weights.makespan:
            # No part of the objective is negative, so nothing better is longer than this.
            horizon = min(horizon, int(lists.value) // weights.makespan)
        formulation = formulate_schedule(problem, relations, weights, horizon)
        found = improve_schedule(
            formulation, found, work=effort.model_work, limits=limits, progress=progress, stop=stop
        )
        method = "list schedules, then CP-SAT"
    return _answer(found, weights, method)


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
