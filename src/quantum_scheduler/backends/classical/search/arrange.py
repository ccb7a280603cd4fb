"""Lay a binary model out for the kernels."""

import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.backends.classical.search.model import Rows
from quantum_scheduler.problems.binary import BinaryProblem

# Half of what int32 holds: a change of energy, and twice it, must fit.
NUMBER_MAX = 2**30
# Doubles that are whole after so many doublings are integers in disguise.
DOUBLINGS_MAX = 20
# A row of a matrix is a multiple of this, and begins where a cache line does.
ROW_MULTIPLE = 64
CACHE_LINE_BYTES = 64


def arrange_rows(model: BinaryProblem) -> Rows:
    """Write a model over {0, 1} as rows of neighbours."""
    count = len(model.linear)
    linear, weight, unit = _find_unit(model)
    ends = np.concatenate([model.head, model.tail])
    order = np.argsort(ends, kind="stable")
    return Rows(
        linear=linear,
        start=np.concatenate([[0], np.cumsum(np.bincount(ends, minlength=count))]).astype(np.int32),
        other=np.concatenate([model.tail, model.head])[order],
        weight=np.concatenate([weight, weight])[order],
        unit=unit,
    )


def _find_unit(
    model: BinaryProblem,
) -> tuple[NDArray[np.int32] | NDArray[np.float64], NDArray[np.int32] | NDArray[np.float64], float]:
    """Return the linear terms and weights in the unit that makes small integers of them, if one does, and the unit."""
    linear, weight = model.linear.astype(np.float64), model.weight.astype(np.float64)
    doublings = 0 if model.integral else _count_doublings(np.concatenate([linear, weight]))
    if doublings is not None:
        whole = np.concatenate([np.ldexp(linear, doublings), np.ldexp(weight, doublings)])
        if np.max(np.abs(whole), initial=0) < NUMBER_MAX:
            integers = whole.astype(np.int64)
            divisor = max(1, int(np.gcd.reduce(integers)))
            integers //= divisor
            reach = np.abs(integers[: len(linear)])
            for ends in (model.head, model.tail):
                np.add.at(reach, ends, np.abs(integers[len(linear) :]))
            if np.max(reach, initial=0) < NUMBER_MAX:
                small = integers.astype(np.int32)
                return small[: len(linear)], small[len(linear) :], float(np.ldexp(divisor, -doublings))
    return linear, weight, 1.0


def _count_doublings(numbers: NDArray[np.float64]) -> int | None:
    for doublings in range(DOUBLINGS_MAX + 1):
        doubled = np.ldexp(numbers, doublings)
        if np.array_equal(doubled, np.rint(doubled)):
            return doublings
    return None


def row_length(count: int) -> int:
    """The padded length of a dense matrix's row."""
    return -(-count // ROW_MULTIPLE) * ROW_MULTIPLE


def arrange_matrix(rows: Rows) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """Write rows as a matrix of shape (n, `row_length(n)`) and linear terms padded to that length, both aligned.

    The matrix is int16 where the weights fit, else of the rows' own type.
    """
    small = rows.exact and np.max(np.abs(rows.weight), initial=0) <= np.iinfo(np.int16).max
    length = row_length(rows.count)
    matrix = _aligned_zeros(rows.count * length, np.dtype(np.int16) if small else rows.weight.dtype)
    matrix[np.repeat(np.arange(rows.count), rows.degrees) * length + rows.other] = rows.weight
    linear = _aligned_zeros(length, rows.linear.dtype)
    linear[: rows.count] = rows.linear
    return matrix.reshape(rows.count, length), linear


def _aligned_zeros(count: int, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    room = np.zeros(count * dtype.itemsize + CACHE_LINE_BYTES, dtype=np.uint8)
    begin = -room.ctypes.data % CACHE_LINE_BYTES
    return room[begin : begin + count * dtype.itemsize].view(dtype)
