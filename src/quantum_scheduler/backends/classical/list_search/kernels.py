"""The compiled kernels, called from Python. They run without the interpreter's lock."""

import ctypes
from collections.abc import Sequence
from functools import cache

import numpy as np
import structlog
from numpy.typing import NDArray

from quantum_scheduler.backends.classical.list_search.tables import Places, Tables, Times
from quantum_scheduler.backends.classical.search.build import SCHEDULE_SOURCES, NoCompiler, find_library

# From here on, a value is not that of a feasible schedule: MISSED and UNPLACED in native/problem.h.
MISSED = 2**60
UNPLACED = 2**61
# In the first place of a wanted crew: whoever can begin first.
ANYBODY = -1
ENDED_WORK = 0
ENDED_TARGET = 1
ENDED_STOPPED = 2
ENDED_NO_MEMORY = 3

log = structlog.get_logger()


class Stream(ctypes.Structure):
    """One stream of search: what is asked of it and what it found. Laid out as `struct stream` in native/problem.h.

    `stop` may be set, and `best` and `work` read, while it runs.
    """

    _fields_ = (
        ("seed", ctypes.c_uint64),
        ("work_max", ctypes.c_int64),
        ("target", ctypes.c_int64),
        ("stop", ctypes.c_int32),
        ("ended", ctypes.c_int32),
        ("work", ctypes.c_int64),
        ("best", ctypes.c_int64),
        ("start", ctypes.c_void_p),
        ("crew", ctypes.c_void_p),
    )
    seed: int
    work_max: int
    target: int
    stop: int
    ended: int
    work: int
    best: int


class Draft:
    """A schedule in positions: `start`, shape (tasks,), and the agent in each slot, `crew`, shape (slots,)."""

    def __init__(self, tables: Tables) -> None:
        self.start: Times = np.zeros(len(tables.duration), dtype=np.int64)
        # Never empty, so that there is memory to point at.
        self.crew: Places = np.full(max(1, int(tables.slots_from[-1])), ANYBODY, dtype=np.int32)


@cache
def load_kernels() -> "Kernels | None":
    """Return the kernels, compiled now if need be; None, and a warning, where that cannot be."""
    try:
        return Kernels(ctypes.CDLL(str(find_library(SCHEDULE_SOURCES))))
    except (NoCompiler, OSError) as error:
        log.warning("kernels.unavailable", reason=str(error))
        return None


class Kernels:
    """The library's searches. A stream's schedule is `draft`; it begins with the one in it if `best` says so."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        library.place_order.restype = ctypes.c_int64

    def place_order(self, tables: Tables, order: Sequence[int], draft: Draft) -> int:
        """Place the tasks in an order that keeps to the dependencies; the crews are `draft.crew`, or chosen now.

        Returns what the schedule in `draft` is worth then, MISSED and more where it breaks a hard deadline, UNPLACED
        and more where a task found no place.
        """
        wanted = draft.crew.copy()
        places = np.array(order, dtype=np.int32)
        view = tables.borrow()
        value: int = self._library.place_order(
            ctypes.byref(view), _pointer(places), _pointer(wanted), _pointer(draft.start), _pointer(draft.crew)
        )
        return value

    def evolve_orders(self, stream: Stream, tables: Tables, orders: Sequence[Sequence[int]]) -> None:
        """Evolve orders of the tasks from those given by rules, until the stream ends."""
        ranks = np.array([np.argsort(order) for order in orders], dtype=np.int32)
        view = tables.borrow()
        self._library.evolve_orders(ctypes.byref(stream), ctypes.byref(view), len(orders), _pointer(ranks))

    def repair_schedule(self, stream: Stream, tables: Tables) -> None:
        """Take the stream's schedule apart and put it together again, until the stream ends."""
        view = tables.borrow()
        self._library.repair_schedule(ctypes.byref(stream), ctypes.byref(view))


def open_stream(draft: Draft, *, seed: int, work_max: int, target: int, best: int = UNPLACED) -> Stream:
    """Prepare a stream that writes into `draft`; `best` is what the schedule in it is worth, if there is one."""
    return Stream(
        seed=seed,
        work_max=work_max,
        target=target,
        best=best,
        start=draft.start.ctypes.data,
        crew=draft.crew.ctypes.data,
    )


def _pointer(array: NDArray[np.generic]) -> ctypes.c_void_p:
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)
