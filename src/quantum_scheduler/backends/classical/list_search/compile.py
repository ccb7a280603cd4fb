"""Compile the kernels: plain functions over arrays, turned into machine code when they are first called."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def kernel(function: Kernel) -> Kernel:
    return _compile(function, forceinline=False)


def part(function: Kernel) -> Kernel:
    return _compile(function, forceinline=True)


def _compile(function: Kernel, *, forceinline: bool) -> Kernel:
    # Without reference counts: kernels only borrow arrays, and counting takes three times as long as the work itself.
    options = {"nogil": True, "_nrt": False, "forceinline": forceinline}
    try:
        return cast("Kernel", numba.njit(cache=True, **options)(function))
    except RuntimeError:  # numba found no folder to write to
        return cast("Kernel", numba.njit(**options)(function))
