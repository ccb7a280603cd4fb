"""Lay a binary model out for the kernels."""

import math

import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.backends.classical.search.model import Rows
from quantum_scheduler.problems.binary import BinaryProblem

# Half of what int32 holds: a change of energy, and twice it, must fit.
NUMBER_MAX = 2**30
# Whole numbers whose sum stays below this are added up exactly as doubles; below the other they are int64.
DOUBLE_WHOLE_MAX = 2.0**53
WHOLE_MAX = 2.0**62
# Energies of other doubles that differ by no more, as a share of the largest term, are one energy.
TOLERANCE = 1e-10
# Doubles that are whole after so many doublings are integers in disguise.
DOUBLINGS_MAX = 20
# Of the largest matrix.
MATRIX_BYTES_MAX = 2**31
# A row of a matrix is a multiple of this, and begins where a cache line does.
ROW_MULTIPLE = 64
CACHE_LINE_BYTES = 64


class MatrixTooLarge(Exception):  # noqa: N818  an error is named for what happened
    """A model has too many variables to be written as a matrix; the message says how many."""


def arrange_rows(model: BinaryProblem) -> Rows:
    """Write a model over {0, 1} as rows of neighbours."""
    count = len(model.linear)
    terms, unit = _find_unit(model)
    linear, weight = terms[:count], terms[count:]
    ends = np.concatenate([model.head, model.tail])
    order = np.argsort(ends, kind="stable")
    return Rows(
        linear=linear,
        start=np.concatenate([[0], np.cumsum(np.bincount(ends, minlength=count))]).astype(np.int32),
        other=np.concatenate([model.tail, model.head])[order],
        weight=np.concatenate([weight, weight])[order],
        unit=unit,
        tolerance=_find_tolerance(terms),
    )


def _find_unit(model: BinaryProblem) -> tuple[NDArray[np.int32] | NDArray[np.float64], float]:
    """Return the linear terms and weights, one after the other, in a unit that makes small integers of them; and it.

    Integers too large for that are doubles in the unit of their greatest divisor, and other doubles in one that brings
    the largest to between 1/2 and 1: kernels compute squares, and chances in single precision.
    """
    terms = np.concatenate([model.linear, model.weight]).astype(np.float64)
    largest = float(np.max(np.abs(terms), initial=0.0))
    doublings = 0 if model.integral else _count_doublings(terms)
    if doublings is None or math.ldexp(largest, doublings) >= WHOLE_MAX:
        exponent = math.frexp(largest)[1]
        return np.ldexp(terms, -exponent), math.ldexp(1.0, exponent)
    whole = np.ldexp(terms, doublings).astype(np.int64)
    divisor = max(1, int(np.gcd.reduce(whole)))
    whole //= divisor
    unit = math.ldexp(divisor, -doublings)
    small = _reach(model, np.abs(whole)) < NUMBER_MAX
    return whole.astype(np.int32) if small else whole.astype(np.float64), unit


def _find_tolerance(terms: NDArray[np.int32] | NDArray[np.float64]) -> float:
    """Return how much two energies may differ by rounding alone."""
    sizes = np.abs(terms.astype(np.float64))
    if np.array_equal(sizes, np.rint(sizes)) and float(sizes.sum()) < DOUBLE_WHOLE_MAX:
        return 0.0
    return TOLERANCE * float(np.max(sizes, initial=0.0))


def _reach(model: BinaryProblem, sizes: NDArray[np.int64]) -> int:
    """Return the most that a flip can change, of terms of such sizes."""
    reach = sizes[: len(model.linear)].copy()
    for ends in (model.head, model.tail):
        np.add.at(reach, ends, sizes[len(model.linear) :])
    return int(np.max(reach, initial=0))


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

    The matrix is int16 where the weights fit, else of the rows' own type. Raises MatrixTooLarge.
    """
    small = rows.exact and np.max(np.abs(rows.weight), initial=0) <= np.iinfo(np.int16).max
    length = row_length(rows.count)
    kind = np.dtype(np.int16) if small else rows.weight.dtype
    if rows.count * length * kind.itemsize > MATRIX_BYTES_MAX:
        raise MatrixTooLarge(f"a matrix of {rows.count:,} variables, of {kind}, is more than 2 GiB")
    matrix = _aligned_zeros(rows.count * length, kind)
    matrix[np.repeat(np.arange(rows.count), rows.degrees) * length + rows.other] = rows.weight
    linear = _aligned_zeros(length, rows.linear.dtype)
    linear[: rows.count] = rows.linear
    return matrix.reshape(rows.count, length), linear


def _aligned_zeros(count: int, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    room = np.zeros(count * dtype.itemsize + CACHE_LINE_BYTES, dtype=np.uint8)
    begin = -room.ctypes.data % CACHE_LINE_BYTES
    return room[begin : begin + count * dtype.itemsize].view(dtype)
