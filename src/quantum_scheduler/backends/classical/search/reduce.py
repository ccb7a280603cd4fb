"""Make a binary model smaller without losing its best states.

A variable whose linear term outweighs all its pair terms has one best value: it is fixed. A variable with one or two
neighbours is replaced by what it is worth at its best for each of their states, which is again a pair term; so is one
with three, where that leaves no term of three variables (as in every Max-Cut problem). Integers stay integers.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.backends.classical.search.model import Values
from quantum_scheduler.problems.binary import BinaryProblem

DEGREE_MAX = 3
# Doubles may leave a cubic term this small, as a share of the largest weight: it is rounding.
CUBIC_TOLERANCE = 1e-13


@dataclass(frozen=True, slots=True)
class Removal:
    """A variable that was taken out: it is 1 where `field` + the weights of its neighbours at 1 is negative."""

    variable: int
    field: float
    neighbours: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """What is left of a model: `model` over the positions `kept`, and what was taken out, in order."""

    model: BinaryProblem
    kept: NDArray[np.intp]
    removals: tuple[Removal, ...]

    def lift(self, values: Values) -> Values:
        """Return best values of all variables for given values of those kept."""
        lifted = np.zeros(len(self.kept) + len(self.removals), dtype=np.int8)
        lifted[self.kept] = values
        for removal in reversed(self.removals):
            field = removal.field + sum(weight for other, weight in removal.neighbours if lifted[other])
            lifted[removal.variable] = field < 0
        return lifted


def write_binary(problem: BinaryProblem) -> BinaryProblem:
    """Write a model over {-1, 1} as one over {0, 1} with the same energies but for the offset: s = 2 x - 1."""
    if problem.vartype == "BINARY":
        return problem
    linear = 2 * problem.linear
    np.subtract.at(linear, problem.head, 2 * problem.weight)
    np.subtract.at(linear, problem.tail, 2 * problem.weight)
    return _model(linear, problem.head, problem.tail, 4 * problem.weight)


def reduce_model(problem: BinaryProblem, *, removals_max: int) -> Reduction:
    """Take up to `removals_max` variables out of a model over {0, 1}."""
    reducer = _Reducer(problem)
    removals = reducer.run(removals_max)
    if not removals:
        return Reduction(model=problem, kept=np.arange(len(problem.linear)), removals=())
    kept = np.flatnonzero(reducer.alive)
    return Reduction(model=reducer.rest(problem, kept), kept=kept, removals=tuple(removals))


class _Reducer:
    """The model while it shrinks. Only variables near a removal are held as dictionaries of neighbours."""

    def __init__(self, problem: BinaryProblem) -> None:
        count = len(problem.linear)
        self.linear: list[Any] = problem.linear.tolist()
        self.alive = np.ones(count, dtype=bool)
        ends = np.concatenate([problem.head, problem.tail])
        self._order = np.argsort(ends, kind="stable")
        self._start = np.concatenate([[0], np.cumsum(np.bincount(ends, minlength=count))])
        self._other = np.concatenate([problem.tail, problem.head])[self._order]
        self._weight = np.concatenate([problem.weight, problem.weight])[self._order]
        self.neighbours: dict[int, dict[int, Any]] = {}
        scale = float(np.max(np.abs(problem.weight), initial=0))
        self._cubic_tolerance = 0.0 if problem.integral else CUBIC_TOLERANCE * scale
        self._queue = deque(np.flatnonzero(self._may_go(problem)).tolist())

    def _may_go(self, problem: BinaryProblem) -> NDArray[np.bool_]:
        """Say which variables to look at first: those of low degree, and those whose linear term dominates."""
        reach = np.zeros_like(problem.linear)
        rise = np.zeros_like(problem.linear)
        for ends in (problem.head, problem.tail):
            np.add.at(reach, ends, np.minimum(problem.weight, 0))
            np.add.at(rise, ends, np.maximum(problem.weight, 0))
        low_degree = np.diff(self._start) <= DEGREE_MAX
        return low_degree | (problem.linear + reach >= 0) | (problem.linear + rise <= 0)

    def _of(self, variable: int) -> dict[int, Any]:
        held = self.neighbours.get(variable)
        if held is None:
            span = slice(self._start[variable], self._start[variable + 1])
            held = dict(zip(self._other[span].tolist(), self._weight[span].tolist(), strict=True))
            self.neighbours[variable] = held
        return held

    def run(self, removals_max: int) -> list[Removal]:
        removals: list[Removal] = []
        while self._queue and len(removals) < removals_max:
            variable = self._queue.popleft()
            if not self.alive[variable]:
                continue
            around = tuple(self._of(variable).items())
            field = self.linear[variable]
            low = field + sum(weight for _, weight in around if weight < 0)
            high = field + sum(weight for _, weight in around if weight > 0)
            if low >= 0 or high <= 0:
                # Whatever the neighbours are, this is its value: as if it had no neighbours.
                removals.append(Removal(variable, -1 if low < 0 else 0, ()))
                self._take_out(variable)
                if low < 0:
                    for other, weight in around:
                        self.linear[other] += weight
            elif len(around) <= DEGREE_MAX and self._replace(variable, field, around):
                removals.append(Removal(variable, field, around))
            else:
                continue
            self._queue.extend(other for other, _ in around)
        return removals

    def _take_out(self, variable: int) -> None:
        self.alive[variable] = False
        for other in self._of(variable):
            del self._of(other)[variable]

    def _replace(self, variable: int, field: Any, around: tuple[tuple[int, Any], ...]) -> bool:
        """Give the neighbours what the variable is worth at its best; False where that takes a cubic term."""
        count = len(around)
        worth = [
            min(0, field + sum(weight for bit, (_, weight) in enumerate(around) if state >> bit & 1))
            for state in range(1 << count)
        ]
        if count == DEGREE_MAX:
            cubic = worth[7] - worth[6] - worth[5] - worth[3] + worth[4] + worth[2] + worth[1] - worth[0]
            if abs(cubic) > self._cubic_tolerance:
                return False
        self._take_out(variable)
        for bit, (one, _) in enumerate(around):
            self.linear[one] += worth[1 << bit] - worth[0]
            for lower in range(bit):
                two = around[lower][0]
                pair = worth[1 << bit | 1 << lower] - worth[1 << bit] - worth[1 << lower] + worth[0]
                self._add(one, two, pair)
        return True

    def _add(self, one: int, two: int, weight: Any) -> None:
        total = self._of(one).get(two, 0) + weight
        for here, there in ((one, two), (two, one)):
            if total:
                self._of(here)[there] = total
            else:
                self._of(here).pop(there, None)

    def rest(self, problem: BinaryProblem, kept: NDArray[np.intp]) -> BinaryProblem:
        """Write the model over the variables that are left."""
        place = np.full(len(self.linear), -1, dtype=np.int32)
        place[kept] = np.arange(len(kept))
        untouched = np.ones(len(self.linear), dtype=bool)
        untouched[list(self.neighbours)] = False
        old = untouched[problem.head] | untouched[problem.tail]
        terms = [
            (one, two, weight)
            for one, around in self.neighbours.items()
            if self.alive[one]
            for two, weight in around.items()
            if one < two and not untouched[two]
        ]
        dtype = problem.weight.dtype
        head = np.concatenate([problem.head[old], np.array([one for one, _, _ in terms], dtype=np.int32)])
        tail = np.concatenate([problem.tail[old], np.array([two for _, two, _ in terms], dtype=np.int32)])
        weight = np.concatenate([problem.weight[old], np.array([term[2] for term in terms], dtype=dtype)])
        linear = np.array(self.linear, dtype=dtype)[kept]
        return _model(linear, place[head], place[tail], weight)


def _model(linear: Any, head: Any, tail: Any, weight: Any) -> BinaryProblem:
    return BinaryProblem(
        vartype="BINARY",
        labels=tuple(range(len(linear))),
        linear=linear,
        head=head.astype(np.int32),
        tail=tail.astype(np.int32),
        weight=weight,
        offset=0,
    )
