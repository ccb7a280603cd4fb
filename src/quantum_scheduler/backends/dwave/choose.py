"""Choose how and on which of D-Wave's solvers a problem is solved."""

from typing import Any, Literal, cast, get_args

from quantum_scheduler.backends.credentials import credential
from quantum_scheduler.backends.dwave.access import Access, refusal
from quantum_scheduler.backends.model import BackendError
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.problems.schedule import ScheduleProblem

# qpu: the annealer, through an embedding; bqm and cqm: Leap's hybrid solvers of binary and of constrained models.
Route = Literal["qpu", "bqm", "cqm"]
Mode = Literal["auto", "qpu", "bqm", "cqm"]

# Where the operator leaves the choice to us: up to this many variables go to the annealer. Any such model fits on the
# Zephyr graph of an Advantage2 with chains of at most nine qubits.
QPU_VARIABLES_AUTO_MAX = 100
# The whole definition of a QPU is a megabyte of couplers.
SUMMARY = "none,+identity,+status,+avg_load,+properties.category,+properties.supported_problem_types"
PROBLEM_TYPES: dict[Route, str] = {"qpu": "ising", "bqm": "bqm", "cqm": "cqm"}


def read_mode() -> Mode:
    """Read DWAVE_MODE. Raises BackendError."""
    mode = credential("DWAVE_MODE") or "auto"
    if mode not in get_args(Mode):
        raise BackendError("offline", f"dwave: DWAVE_MODE is {mode!r}, not one of {', '.join(get_args(Mode))}")
    return cast("Mode", mode)


def choose_routes(mode: Mode, problem: Problem) -> tuple[Route, ...]:
    """List the ways to solve the problem, the best first. Raises BackendError where there is none."""
    if isinstance(problem, ScheduleProblem):
        if mode in ("qpu", "bqm"):
            raise BackendError("invalid", f"dwave takes no schedules as they are with DWAVE_MODE={mode}")
        return ("cqm",)
    if mode != "auto":
        return (mode,)
    return ("qpu", "bqm") if len(problem.labels) <= QPU_VARIABLES_AUTO_MAX else ("bqm",)


def find_solver(solvers: Any, routes: tuple[Route, ...], access: Access) -> tuple[Route, str]:
    """Pick the first route that a solver of the account is online for, and of those the least loaded.

    Raises BackendError of kind `offline` where there is none.
    """
    offered = solvers.list_solvers(filter=SUMMARY)
    for route in routes:
        fitting = [
            solver
            for solver in offered
            if PROBLEM_TYPES[route] in solver.properties.get("supported_problem_types", ())
            and (route != "qpu" or solver.properties.get("category") == "qpu")
            and solver.status.upper() == "ONLINE"
            and access.solver in (None, solver.identity.name)
        ]
        if fitting:
            return route, min(fitting, key=lambda solver: solver.avg_load).identity.name
    named = "" if access.solver is None else f" called {access.solver}"
    raise refusal("offline", f"no solver{named} that takes {' or '.join(routes)} problems is online", access)
