"""A cheap lower bound of a binary model's energy."""

import numpy as np

from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import Number

# Sums of doubles are rounded: a bound of them is lowered by this share of all that was added.
ROUNDING = 1e-12


def bound_energy(model: BinaryProblem) -> Number:
    """Return what no state of a model over {0, 1} goes below; a whole number where the model is integral.

    It is the better of two: of each variable's own terms with half of its negative pair terms, and of the same model in
    spins with every term at its least.
    """
    halves, reach = 2 * model.linear, 2 * model.linear
    for ends in (model.head, model.tail):
        np.add.at(halves, ends, np.minimum(model.weight, 0))
        np.add.at(reach, ends, model.weight)
    # Four times the energy, so that integers stay integers.
    own = 2 * np.minimum(halves, 0).sum()
    rest = 2 * model.linear.sum() + model.weight.sum() - np.abs(reach).sum() - np.abs(model.weight).sum()
    if model.integral:
        return -(-max(int(own), int(rest)) // 4) + int(model.offset)
    added = float(np.abs(model.linear).sum() + np.abs(model.weight).sum()) + abs(model.offset)
    return max(float(own), float(rest)) / 4 + model.offset - ROUNDING * added
