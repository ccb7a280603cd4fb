"""What a state of a binary model is worth, on arrays: fast enough for searches, exact on integers."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import BinarySolution, Label, Number

# The value of each variable, in the order of the problem's labels and in its vartype; shape (n,).
State = NDArray[np.int8]


def measure_energy(problem: BinaryProblem, state: State) -> Number:
    """Return the energy: exact where the problem is integral, else with the sum of doubles rounded once."""
    values = state.astype(problem.linear.dtype)
    linear, pairs = problem.linear * values, problem.weight * (values[problem.head] * values[problem.tail])
    if problem.integral:
        return int(linear.sum()) + int(pairs.sum()) + int(problem.offset)
    return math.fsum((*linear.tolist(), *pairs.tolist(), problem.offset))


def name_values(problem: BinaryProblem, state: State) -> BinarySolution:
    """Give the values the customer's labels."""
    values: Mapping[Label, int] = dict(zip(problem.labels, state.tolist(), strict=True))
    return BinarySolution(values=values)
