"""Solve a small binary model by looking at all of its states."""

import numpy as np

from quantum_scheduler.backends.energy import State
from quantum_scheduler.problems.binary import BinaryProblem

VARIABLES_MAX = 20


def exhaust_states(problem: BinaryProblem) -> State:
    """Return a state of least energy, the first in counting order, of a model of up to `VARIABLES_MAX` variables."""
    low, high = (0, 1) if problem.vartype == "BINARY" else (-1, 1)
    count = len(problem.labels)
    weights = np.zeros((count, count), dtype=problem.linear.dtype)
    weights[problem.head, problem.tail] = problem.weight
    # All states of the variables so far: bit k of a state's number is variable k.
    energies = np.zeros(1, dtype=problem.linear.dtype)
    for new in range(count):
        field = np.full(1, problem.linear[new])
        for old in range(new):
            field = np.concatenate([field + low * weights[old, new], field + high * weights[old, new]])
        energies = np.concatenate([energies + low * field, energies + high * field])
    best = int(np.argmin(energies))
    return np.array([high if best >> k & 1 else low for k in range(count)], dtype=np.int8)
