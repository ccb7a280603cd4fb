"""Choose where a problem is solved."""

from quantum_scheduler.backends.load import load_backend
from quantum_scheduler.backends.model import BackendError, Limits
from quantum_scheduler.backends.port import Backend
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.solving.model import SolveRequest

# What `auto` stands for.
AUTO = "classical"


def choose_backend(request: SolveRequest) -> Backend:
    """Build the backend that the request names, or the one `auto` stands for. Raises BackendUnknown."""
    return load_backend(AUTO if request.backend == "auto" else request.backend)


def check_fit(backend: Backend, problem: Problem, limits: Limits) -> None:
    """Raise BackendError of kind `too_large` where the backend says that it cannot take the problem."""
    estimate = backend.estimate(problem, limits)
    if not estimate.fits:
        raise BackendError("too_large", f"{backend.name}: {estimate.why}")
