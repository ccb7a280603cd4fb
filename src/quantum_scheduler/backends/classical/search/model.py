"""The nouns of a search."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.problems.model import Number

Values = NDArray[np.int8]

# What kernels take for "no energy yet" and "no target": they are compiled without infinities.
ENERGY_NONE = float(np.finfo(np.float64).max)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The best state found.

    `values`, shape (n,), are in the model's own vartype; `energy` was recomputed on it, exactly where it is integral.
    `bound` is an energy that no state goes below, and `energy` itself where that is `proven`.
    `complete` says that the search ended by itself, so that the same model, limits and seed give the same values on
    any machine. `method` names what searched: one method or several joined by
    `+`, or `reduction` where nothing was left to search. `work` counts elementary updates.
    """

    values: Values
    energy: Number
    bound: Number
    complete: bool
    proven: bool
    method: str
    work: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """A model over {0, 1} as rows of neighbours, without offset, its numbers as the kernels take them.

    With n variables and m pair terms: `linear` has shape (n,), `start` (n + 1,), `other` and `weight` (2 m,); the
    neighbours of i are `other[start[i] : start[i + 1]]`. Numbers are in `unit`: int32 where all are multiples of it and
    small enough, else float64. Energies that differ by `tolerance` or less are equal: 0 where they are whole.
    """

    linear: NDArray[np.int32] | NDArray[np.float64]
    start: NDArray[np.int32]
    other: NDArray[np.int32]
    weight: NDArray[np.int32] | NDArray[np.float64]
    unit: float
    tolerance: float

    @property
    def count(self) -> int:
        """The number of variables."""
        return len(self.linear)

    @property
    def exact(self) -> bool:
        """Whether the numbers are integers."""
        return self.linear.dtype == np.int32

    @property
    def degrees(self) -> NDArray[np.int32]:
        """The number of neighbours of each variable."""
        return np.diff(self.start)

    @property
    def density(self) -> float:
        """The share of all pairs that have a term."""
        return len(self.other) / max(1, self.count * (self.count - 1))

    @property
    def weight_units(self) -> float:
        """The mean weight in units of the greatest that divides all; infinite where the numbers are no integers."""
        if not self.exact:
            return math.inf
        sizes = np.abs(self.weight)
        return float(sizes.mean()) / max(1, int(np.gcd.reduce(sizes))) if len(sizes) else 0.0

    @property
    def field(self) -> float:
        """T0: the mean over variables of the root of the sum of their squared weights, in spins."""
        squares = np.add.reduceat(np.append((self.weight / 4.0) ** 2, 0.0), self.start[:-1])
        return float(np.sqrt(np.where(self.degrees > 0, squares, 0.0)).mean())
