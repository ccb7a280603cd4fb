"""`solve`: an answer here and now, from Python."""

from collections.abc import Callable

from quantum_scheduler.backends.model import Progress
from quantum_scheduler.backends.run import never
from quantum_scheduler.library.limit import limit_request
from quantum_scheduler.library.take import Given, take_problem
from quantum_scheduler.solving.compute import solve_problem
from quantum_scheduler.solving.model import Result


def solve(  # noqa: PLR0913  one for each of its parameters
    problem: Given,
    *,
    time_limit_s: float = 10.0,
    seed: int = 0,
    threads: int = 1,
    backend: str = "auto",
    method: str = "auto",
    target: float | None = None,
    flips_max: int | None = None,
    report: Callable[[Progress], None] | None = None,
    stopped: Callable[[], bool] = never,
) -> Result:
    """Solve a problem in this process and verify the answer on the problem as it was given.

    `problem` is a ScheduleProblem or a BinaryProblem, a mapping in the form of our JSON (or of dimod's
    `BQM.to_serializable(use_bytes=False)`), the path of a file in any supported format, or a dimod BQM.
    `method` names one of the backend's methods, to use it alone. The classical search also ends at the objective
    `target` or below, and that of a binary model when each thread has done the work of `flips_max` flips. The same
    problem, `seed` and limits give the same answer, unless the clock cuts the search short; the result's
    `reproducible` says whether it did. `report` is called from this thread with each improvement; once `stopped`
    returns true, the search ends with the best it has found so far.

    Raises ProblemInvalid with each field that is wrong and why; OSError where the file cannot be read; ValueError for a
    limit out of range; MethodUnknown, which names the choices; BackendUnknown; BackendError where the backend cannot
    take the problem or fails.
    """
    request = limit_request(
        backend=backend,
        time_limit_s=time_limit_s,
        seed=seed,
        threads=threads,
        method=method,
        target=target,
        flips_max=flips_max,
    )
    return solve_problem(take_problem(problem), request, report=report or _ignore, stopped=stopped)


def _ignore(_progress: Progress) -> None:
    """Leave the improvements unseen."""
