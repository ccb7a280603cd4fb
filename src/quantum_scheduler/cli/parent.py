"""Tie a process's life to the one that started it."""

import ctypes
import os
import signal
from typing import Annotated

from cyclopts import Parameter

PR_SET_PDEATHSIG = 1

Parent = Annotated[int | None, Parameter(show=False, help="Stop when this process, which started us, has died.")]


def stop_with(parent_pid: int | None) -> None:
    """Have the kernel ask this process to stop when its parent dies, however that dies."""
    if parent_pid is None:
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:  # it died before the kernel was asked
        os.kill(os.getpid(), signal.SIGTERM)
