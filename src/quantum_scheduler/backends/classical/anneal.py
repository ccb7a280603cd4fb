"""Simulated annealing of a binary model with dwave-samplers."""

from collections.abc import Callable

import dimod
import numpy as np
from dwave.samplers import SimulatedAnnealingSampler, SteepestDescentSampler
from numpy.typing import NDArray

from quantum_scheduler.backends.energy import State
from quantum_scheduler.problems.binary import BinaryProblem

# Temperatures, as shares of the mean size of the field on a variable.
HOTTEST = 1.0
COLDEST = 0.03

# One read a row: its spins, -1 or 1; shape (reads, variables).
Spins = NDArray[np.int8]


class Annealer:
    """Anneals one model, whose variables are labelled by position."""

    def __init__(self, problem: BinaryProblem) -> None:
        self._vartype = problem.vartype
        self._count = len(problem.labels)
        self._model = problem.to_bqm()
        self._model.change_vartype(dimod.SPIN)
        vectors = self._model.to_numpy_vectors(variable_order=range(self._count))
        squares = vectors.linear_biases**2
        np.add.at(squares, vectors.quadratic.row_indices, vectors.quadratic.biases**2)
        np.add.at(squares, vectors.quadratic.col_indices, vectors.quadratic.biases**2)
        self._field = float(np.sqrt(squares).mean())

    def anneal(self, *, reads: int, sweeps: int, pieces: int, number: int, seed: int, stop: Callable[[], bool]) -> Spins:
        """Cool `reads` random states down in `sweeps` sweeps, and return those done before `stop`, at least one.

        Rounds with an even `number` lower the temperature evenly, the others by an even factor: neither is the better
        on all models. The sweeps are done in `pieces`; between two, and between two reads, `stop` is asked.
        """
        ends = HOTTEST * self._field, COLDEST * self._field
        temperatures = np.linspace(*ends, sweeps) if number % 2 == 0 else np.geomspace(*ends, sweeps)
        seeds = np.random.SeedSequence((seed, number)).generate_state(pieces)
        spins: Spins | None = None
        for piece, chosen in zip(np.array_split(1 / temperatures, pieces), seeds, strict=True):
            if spins is not None and stop():
                break
            spins = self._read(
                SimulatedAnnealingSampler().sample(
                    self._model,
                    num_reads=reads if spins is None else len(spins),
                    beta_schedule_type="custom",
                    beta_schedule=piece,
                    seed=int(chosen >> 1),
                    initial_states=None if spins is None else (spins, range(self._count)),
                    interrupt_function=stop,
                )
            )
        assert spins is not None
        return spins

    def descend(self, spins: Spins) -> Spins:
        """Flip spins while one flip lowers the energy, the steepest first."""
        sampler = SteepestDescentSampler()
        return self._read(
            sampler.sample(self._model, initial_states=(spins, range(self._count)), large_sparse_opt=True)
        )

    def energies(self, spins: Spins) -> NDArray[np.float64]:
        """Return the energy of each read."""
        return np.asarray(self._model.energies((spins, range(self._count))))

    def state(self, spins: NDArray[np.int8]) -> State:
        """Bring one read into the problem's own vartype."""
        return spins if self._vartype == "SPIN" else (spins + 1) // 2

    def _read(self, samples: dimod.SampleSet) -> Spins:
        """Take the reads out, with the variables in order."""
        order = np.argsort(np.fromiter(samples.variables, dtype=np.intp, count=self._count))
        return np.ascontiguousarray(samples.record.sample[:, order])
