"""The compiled kernels, called from Python. They run without the interpreter's lock."""

import ctypes
from functools import cache
from typing import Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from quantum_scheduler.backends.classical.choose import BinaryMethod, Plan
from quantum_scheduler.backends.classical.search.arrange import arrange_matrix, row_length
from quantum_scheduler.backends.classical.search.build import NoCompiler, find_library
from quantum_scheduler.backends.classical.search.model import ENERGY_NONE, Rows
from quantum_scheduler.backends.classical.search.plan import Budget, choose_temperatures, is_lattice

ENDED_WORK = 0
ENDED_STOPPED = 3
ENDED_NO_MEMORY = 4

log = structlog.get_logger()


class Stream(ctypes.Structure):
    """One stream of search: what is asked of it and what it found. Laid out as `struct stream` in native/search.h.

    `stop` may be set, and `best` and `work` read, while it runs.
    """

    _fields_ = (
        ("seed", ctypes.c_uint64),
        ("work_max", ctypes.c_int64),
        ("settled_min", ctypes.c_int64),
        ("target", ctypes.c_double),
        ("tolerance", ctypes.c_double),
        ("stop", ctypes.c_int32),
        ("ended", ctypes.c_int32),
        ("work", ctypes.c_int64),
        ("work_at_best", ctypes.c_int64),
        ("best", ctypes.c_double),
        ("values", ctypes.c_void_p),
    )
    work: int
    best: float
    stop: int
    ended: int
    seed: int
    work_max: int
    work_at_best: int
    settled_min: int
    target: float
    tolerance: float
    values: int


class Kernel(Protocol):
    """A search ready to run on its model: fills in the stream and its values."""

    def __call__(self, stream: Stream) -> None:
        """Run until the stream ends."""
        ...


def open_stream(rows: Rows, budget: Budget, *, seed: int, target: float) -> tuple[Stream, NDArray[np.int8]]:
    """Prepare a stream and the values it will write; `target` is an energy in the rows' unit."""
    values = np.zeros(rows.count, dtype=np.int8)
    stream = Stream(
        seed=seed,
        work_max=budget.work,
        settled_min=budget.settled_work,
        target=min(max(target, -ENERGY_NONE), ENERGY_NONE),
        tolerance=rows.tolerance,
        best=ENERGY_NONE,
        values=values.ctypes.data,
    )
    return stream, values


@cache
def load_kernels() -> "Kernels | None":
    """Return the kernels, compiled now if need be; None, and a warning, where that cannot be."""
    try:
        return Kernels(ctypes.CDLL(str(find_library())))
    except (NoCompiler, OSError) as error:
        log.warning("kernels.unavailable", reason=str(error))
        return None


class Kernels:
    """The library's searches."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library

    def prepare(self, plan: Plan, rows: Rows) -> Kernel:
        """Lay the model out for a plan and return the search of it, stage after stage in one stream."""
        stages = [(self._prepare_stage(method, rows), share) for method, share in plan]

        def run(stream: Stream) -> None:
            work_max = stream.work_max
            for search, share in stages:
                stream.work_max = int(share * work_max)
                search(stream)
                if stream.ended != ENDED_WORK:
                    return

        return run

    def _prepare_stage(self, method: BinaryMethod, rows: Rows) -> Kernel:
        if method == "tabu":
            return self._prepare_dense(rows)
        return self._prepare_sparse(method, rows)

    def _prepare_dense(self, rows: Rows) -> Kernel:
        matrix, linear = arrange_matrix(rows)
        names = {np.dtype(np.int16): "int16", np.dtype(np.int32): "int32", np.dtype(np.float64): "double"}
        search = self._library[f"search_dense_{names[matrix.dtype]}"]

        def run(stream: Stream) -> None:
            search(
                ctypes.byref(stream),
                ctypes.c_int32(rows.count),
                ctypes.c_int32(row_length(rows.count)),
                _pointer(matrix),
                _pointer(linear),
            )

        return run

    def _prepare_sparse(self, method: BinaryMethod, rows: Rows) -> Kernel:
        hot, cold = choose_temperatures(method, rows)
        numbers = "" if method == "multispin" else "_int32" if rows.exact else "_double"
        search = self._library[f"search_{method}{numbers}"]
        more = [ctypes.c_int32(is_lattice(rows))] if method == "exchange" else []

        def run(stream: Stream) -> None:
            search(
                ctypes.byref(stream),
                ctypes.c_int32(rows.count),
                _pointer(rows.start),
                _pointer(rows.other),
                _pointer(rows.weight),
                _pointer(rows.linear),
                ctypes.c_double(hot),
                ctypes.c_double(cold),
                *more,
            )

        return run


def _pointer(array: NDArray[np.generic]) -> ctypes.c_void_p:
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)
