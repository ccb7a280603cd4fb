"""The simulator backend: a quantum annealer, simulated in this process."""

from functools import partial

from quantum_scheduler.backends.local import LocalBackend, Search
from quantum_scheduler.backends.model import BackendError, Capabilities
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.problem import Problem

# About what the annealers of 2026 have qubits for.
VARIABLES_MAX = 5_000


class SimulatorBackend(LocalBackend):
    """Takes binary models, as the quantum annealer does that it stands for."""

    name = "simulator"

    def capabilities(self) -> Capabilities:
        """Say that it takes binary models up to `VARIABLES_MAX` variables, and that no quantum hardware is involved."""
        return Capabilities(
            problem_types=frozenset({"binary"}),
            variables_max=VARIABLES_MAX,
            is_quantum=False,
            cancel="best_effort",
            idempotent_submit="local",
        )

    def load_search(self, problem: Problem) -> Search:
        """Import the sampler and return its search."""
        if not isinstance(problem, BinaryProblem):
            raise BackendError("invalid", f"{self.name} takes binary models only")
        from quantum_scheduler.backends.path_integral import sample_paths  # noqa: PLC0415  imports dwave-samplers

        return partial(sample_paths, problem)
