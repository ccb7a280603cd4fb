"""Compile the kernels: plain functions over arrays, turned into machine code when they are first called."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def kernel(function: Kernel) -> Kernel:
    """Compile `function` on its first call; it then runs without the interpreter's lock.

    The machine code is kept on disk and loaded by later processes. Where no folder for it can be written, every
    process compiles anew.
    """
    try:
        return cast("Kernel", numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba found no folder to write to
        return cast("Kernel", numba.njit(nogil=True)(function))
