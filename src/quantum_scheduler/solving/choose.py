"""Choose where a problem is solved."""

from quantum_scheduler.backends.fit import MethodUnknown, explain_method
from quantum_scheduler.backends.load import load_backend
from quantum_scheduler.backends.model import BackendError, Limits
from quantum_scheduler.backends.port import Backend
from quantum_scheduler.problems.problem import Problem, ProblemType
from quantum_scheduler.solving.model import SolveRequest

# What `auto` stands for.
AUTO = "classical"


def choose_backend(request: SolveRequest) -> Backend:
    """Build the backend that the request names, or the one `auto` stands for. Raises BackendUnknown."""
    return load_backend(AUTO if request.backend == "auto" else request.backend)


def check_method(backend: Backend, problem: Problem, method: str) -> None:
    """Raise MethodUnknown unless the backend has the method, for the problem or for its encoding."""
    capabilities = backend.capabilities()
    kind: ProblemType = problem.kind if problem.kind in capabilities.problem_types else "binary"
    explain = explain_method(capabilities, kind, method)
    if explain:
        raise MethodUnknown(f"{backend.name} {explain}")


def check_fit(backend: Backend, problem: Problem, limits: Limits) -> None:
    """Check that the backend takes the problem and has the method.

    Raises MethodUnknown, and BackendError of kind `too_large` where the backend says that it cannot take the problem.
    """
    check_method(backend, problem, limits.method)
    estimate = backend.estimate(problem, limits)
    if not estimate.fits:
        raise BackendError("too_large", f"{backend.name}: {estimate.why}")
