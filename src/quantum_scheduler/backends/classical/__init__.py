"""The classical solvers: list schedules and CP-SAT for schedules, compiled search for binary models."""

from functools import partial

from quantum_scheduler.backends.classical.choose import METHODS
from quantum_scheduler.backends.local import LocalBackend, Search
from quantum_scheduler.backends.model import Capabilities
from quantum_scheduler.problems.model import VARIABLES_MAX
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.problems.schedule import ScheduleProblem


class ClassicalBackend(LocalBackend):
    """Solves everything, in this process."""

    name = "classical"

    def capabilities(self) -> Capabilities:
        """Say that it takes schedules and binary models of any size the service takes."""
        return Capabilities(
            problem_types=frozenset({"schedule", "binary"}),
            variables_max=VARIABLES_MAX,
            is_quantum=False,
            cancel="best_effort",
            idempotent_submit="local",
            methods=METHODS,
        )

    def load_search(self, problem: Problem) -> Search:
        """Import the solver of this kind of problem, have its kernels ready, and return its search."""
        if isinstance(problem, ScheduleProblem):
            from quantum_scheduler.backends.classical.list_search import kernels as of_lists  # noqa: PLC0415
            from quantum_scheduler.backends.classical.schedule import search_schedule  # noqa: PLC0415  imports ortools

            of_lists.load_kernels()
            return partial(search_schedule, problem)
        from quantum_scheduler.backends.classical.binary import search_binary  # noqa: PLC0415  imports numpy
        from quantum_scheduler.backends.classical.search import kernels as of_states  # noqa: PLC0415

        of_states.load_kernels()
        return partial(search_binary, problem)
