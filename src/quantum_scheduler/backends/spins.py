"""A binary model in spins, as the samplers of dwave-samplers take it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.backends.energy import State
from quantum_scheduler.problems.binary import BinaryProblem

if TYPE_CHECKING:
    import dimod

# One read a row: its spins, -1 or 1; shape (reads, variables).
Spins = NDArray[np.int8]


class SpinModel:
    """The model `bqm` in spins, labelled by position, and what goes in and out of a sampler.

    `field` is the mean over variables of the root of the sum of the squares of a variable's coefficients: the size of
    the energies that one spin decides about. Temperatures go by it.
    """

    def __init__(self, problem: BinaryProblem) -> None:
        import dimod  # noqa: PLC0415  takes a second, and adapters are loaded where no problem is solved

        self._vartype = problem.vartype
        self._places = range(len(problem.labels))
        pairs = problem.head, problem.tail, problem.weight.astype(np.float64)
        linear = problem.linear.astype(np.float64)
        self.bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(
            linear, pairs, float(problem.offset), dimod.as_vartype(problem.vartype)
        )
        self.bqm.change_vartype(dimod.SPIN)
        vectors = self.bqm.to_numpy_vectors(variable_order=self._places)
        squares = vectors.linear_biases**2
        np.add.at(squares, vectors.quadratic.row_indices, vectors.quadratic.biases**2)
        np.add.at(squares, vectors.quadratic.col_indices, vectors.quadratic.biases**2)
        self.field = float(np.sqrt(squares).mean()) or 1.0

    def write(self, spins: Spins) -> tuple[Spins, Sequence[int]]:
        """Write spins as a sampler's initial states."""
        return spins, self._places

    def read(self, samples: "dimod.SampleSet") -> Spins:
        """Read the spins that a sampler returned, with the variables in order."""
        order = np.argsort(np.fromiter(samples.variables, dtype=np.intp, count=len(self._places)))
        return np.ascontiguousarray(samples.record.sample[:, order], dtype=np.int8)

    def descend(self, spins: Spins) -> Spins:
        """Flip one spin after another, the best first, until no flip lowers the energy."""
        from dwave.samplers import SteepestDescentSampler  # noqa: PLC0415

        sampler = SteepestDescentSampler()  # type: ignore[no-untyped-call]  # dwave-samplers types half of itself
        return self.read(sampler.sample(self.bqm, initial_states=self.write(spins), large_sparse_opt=True))

    def energies(self, spins: Spins) -> NDArray[np.float64]:
        """Return the energy of each read, shape (reads,)."""
        return np.asarray(self.bqm.energies(self.write(spins)))

    def state(self, spins: NDArray[np.int8]) -> State:
        """Bring one read, shape (variables,), into the problem's own vartype."""
        return spins if self._vartype == "SPIN" else (spins + 1) // 2
