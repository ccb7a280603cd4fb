"""Search for a state of least energy of a binary model, by the compiled search."""

from quantum_scheduler.backends.classical.search.arrange import MatrixTooLarge
from quantum_scheduler.backends.classical.search.run import search_binary as search_states
from quantum_scheduler.backends.energy import name_values
from quantum_scheduler.backends.local import Report, Stop
from quantum_scheduler.backends.model import Answer, BackendError, Limits
from quantum_scheduler.problems.binary import BinaryProblem


def search_binary(problem: BinaryProblem, limits: Limits, report: Report, stop: Stop) -> Answer:
    """Search for a state of least energy of a valid model; proven where its parts are small or its bound is met.

    Raises BackendError of kind `too_large` where the method that the limits name cannot hold the model.
    """
    try:
        found = search_states(problem, limits, lambda energy: report(objective=energy), stop)
    except MatrixTooLarge as error:
        raise BackendError("too_large", f"{limits.method}: {error}") from error
    return Answer(
        solutions=(name_values(problem, found.values),),
        complete=found.complete,
        proof="optimal" if found.proven else None,
        claimed_objective=found.energy,
        bound=found.bound,
        info={"method": found.method},
    )
