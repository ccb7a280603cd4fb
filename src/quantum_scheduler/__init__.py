"""Optimisation jobs on quantum computers and classical solvers: queued durably, answered always, verified.

As a library: `solve(problem, time_limit_s=10, seed=0)` for any problem, and `QuantumSchedulerSampler` wherever Ocean
takes a dimod sampler. They and the nouns beside them are imported when they are first used, because the solvers behind
them take a second to load.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "BackendError",
    "BackendUnknown",
    "MethodUnknown",
    "ProblemInvalid",
    "QuantumSchedulerSampler",
    "Result",
    "__version__",
    "solve",
]

if TYPE_CHECKING:
    from quantum_scheduler.backends.fit import MethodUnknown
    from quantum_scheduler.backends.load import BackendUnknown
    from quantum_scheduler.backends.model import BackendError
    from quantum_scheduler.library.sample import QuantumSchedulerSampler
    from quantum_scheduler.library.solve import solve
    from quantum_scheduler.problems.model import ProblemInvalid
    from quantum_scheduler.solving.model import Result
else:
    _HOMES = {
        "BackendError": "quantum_scheduler.backends.model",
        "BackendUnknown": "quantum_scheduler.backends.load",
        "MethodUnknown": "quantum_scheduler.backends.fit",
        "ProblemInvalid": "quantum_scheduler.problems.model",
        "QuantumSchedulerSampler": "quantum_scheduler.library.sample",
        "Result": "quantum_scheduler.solving.model",
        "solve": "quantum_scheduler.library.solve",
    }

    def __getattr__(name: str) -> object:
        """Import what is named in `__all__` on its first use."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415  only where something is used

        return globals().setdefault(name, getattr(import_module(_HOMES[name]), name))

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
