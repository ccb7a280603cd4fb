"""Split a binary model into parts that no term joins, which can be solved one by one."""

import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.problems.binary import BinaryProblem

# The positions of a part's variables, ascending.
Positions = NDArray[np.intp]


def split_parts(problem: BinaryProblem) -> list[Positions]:
    """Return the connected parts of the model, the smallest first; a variable without pair terms is a part."""
    part = np.arange(len(problem.labels))
    while True:
        lower = np.minimum(part[problem.head], part[problem.tail])
        joined = part.copy()
        np.minimum.at(joined, problem.head, lower)
        np.minimum.at(joined, problem.tail, lower)
        # Each variable points at one of its part with a smaller position: jump to where that one points.
        joined = joined[joined]
        if np.array_equal(joined, part):
            break
        part = joined
    order = np.argsort(part, kind="stable")
    starts = np.flatnonzero(np.diff(part[order], prepend=-1))
    return sorted(np.split(order, starts[1:]), key=len)


def take_part(problem: BinaryProblem, positions: Positions) -> BinaryProblem:
    """Return the model of some parts alone, without the offset; variables are labelled by their position in it."""
    place = np.full(len(problem.labels), -1, dtype=np.int32)
    place[positions] = np.arange(len(positions))
    inside = place[problem.head] >= 0
    return BinaryProblem(
        vartype=problem.vartype,
        labels=tuple(range(len(positions))),
        linear=problem.linear[positions],
        head=place[problem.head[inside]],
        tail=place[problem.tail[inside]],
        weight=problem.weight[inside],
        offset=0,
    )
