"""The port of the executor: where functions that use a whole core run, apart from the process that asked."""

from collections.abc import Callable
from typing import Protocol


class ComputeFailed(Exception):  # noqa: N818
    """The function raised. `kind` is the error's own `kind` (as of a BackendError), or `invalid` for a refused problem,
    else `error`; the message is its one-line reason."""

    def __init__(self, message: str, *, kind: str = "error") -> None:
        super().__init__(message)
        self.kind = kind


class ComputeTimedOut(Exception):  # noqa: N818
    """The function was still running at its deadline and was killed."""


class ComputeCrashed(Exception):  # noqa: N818
    """The process died under the function: a crash in native code, or more memory than allowed."""


class ComputeUnavailable(Exception):  # noqa: N818
    """No process can be had: the executor is closed, or the machine or the install is broken; not the call's fault."""


class Executor(Protocol):
    """Runs pure functions on bytes in processes of their own, so that none can take the caller down."""

    async def run(
        self,
        function: str,
        argument: bytes,
        *,
        timeout_s: float,
        memory_mb: int,
        on_progress: Callable[[bytes], None] | None = None,
    ) -> bytes:
        """Run `function`, named as `package.module:function`, and return its bytes.

        The function takes `(argument: bytes, report: Callable[[bytes], None])`; what it reports is handed to
        `on_progress`. Cancelling this coroutine kills the process.
        Raises ComputeFailed, ComputeTimedOut, ComputeCrashed, ComputeUnavailable.
        """
        ...

    def resize(self, calls: int) -> None:
        """Make room for so many calls at once; more than that wait, and what runs goes on."""
        ...

    async def close(self) -> None:
        """Kill what still runs and let go of every process."""
        ...
