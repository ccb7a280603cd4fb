"""What a state of a binary model is worth, on arrays: fast enough for searches, exact on integers."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import BinarySolution, Label, Number

# The value of each variable, in the order of the problem's labels and in its vartype; shape (n,).
State = NDArray[np.int8]


def measure_energy(problem: BinaryProblem, state: State) -> Number:
    """Return the energy: exact where the problem is integral, else with the rounding of sums of doubles."""
    values = state.astype(problem.linear.dtype)
    energy = (problem.linear * values).sum() + (problem.weight * values[problem.head] * values[problem.tail]).sum()
    return int(energy) + int(problem.offset) if problem.integral else float(energy) + problem.offset


def name_values(problem: BinaryProblem, state: State) -> BinarySolution:
    """Give the values the customer's labels."""
    values: Mapping[Label, int] = dict(zip(problem.labels, state.tolist(), strict=True))
    return BinarySolution(values=values)
