"""A binary model as the diagonal Hamiltonian of a QAOA circuit: one qubit a variable, a spin is its Pauli Z."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.backends.spins import SpinModel

# Measured bits, one shot a row: 0 is spin 1 and 1 is spin -1; shape (shots, qubits).
Bits = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ising:
    """H = offset + sum of field[i] Z_i + sum of coupling[k] Z_head[k] Z_tail[k], in the energies of the model.

    `scale` is the size of the energies that one spin decides about: angles go by its inverse.
    """

    field: NDArray[np.float64]
    head: NDArray[np.intp]
    tail: NDArray[np.intp]
    coupling: NDArray[np.float64]
    offset: float
    scale: float

    @property
    def qubits(self) -> int:
        """How many qubits it takes."""
        return len(self.field)


def read_ising(model: SpinModel) -> Ising:
    """Read the Hamiltonian off the model in spins."""
    vectors = model.bqm.to_numpy_vectors(variable_order=range(model.bqm.num_variables))
    return Ising(
        field=np.asarray(vectors.linear_biases, dtype=np.float64),
        head=np.asarray(vectors.quadratic.row_indices, dtype=np.intp),
        tail=np.asarray(vectors.quadratic.col_indices, dtype=np.intp),
        coupling=np.asarray(vectors.quadratic.biases, dtype=np.float64),
        offset=float(vectors.offset),
        scale=model.field,
    )
