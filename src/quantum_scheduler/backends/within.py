"""Bound a call in time, whatever it waits for."""

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Generic, TypeVar

from quantum_scheduler.backends.model import BackendError

T = TypeVar("T")


def call_within(timeout_s: float, call: Callable[[], T], *, what: str) -> T:
    """Call in a thread of its own, with this context's credentials, and wait for at most `timeout_s`.

    Timeouts of HTTP libraries hold for each read, and none for the resolution of a name; this one holds for all of it.
    A call that is late is left to itself. Raises what it raises, and BackendError of kind `timeout`.
    """
    late = _Call(call)
    context = copy_context()
    threading.Thread(target=context.run, args=(late.run,), daemon=True, name=what).start()
    if not late.ended.wait(timeout_s):
        raise BackendError("timeout", f"{what} did not answer within {timeout_s:g} s")
    return late.result()


class _Call(Generic[T]):
    """A call under way, and what came of it."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._results: list[T] = []
        self._error: BaseException | None = None
        self.ended = threading.Event()

    def run(self) -> None:
        try:
            self._results.append(self._call())
        except BaseException as error:  # raised again where it is waited for
            self._error = error
        finally:
            self.ended.set()

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._results[0]
