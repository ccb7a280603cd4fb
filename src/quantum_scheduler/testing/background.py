"""Work that goes on while a stand-in answers that it does."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Generic, Literal, TypeVar

T = TypeVar("T")

State = Literal["queued", "running", "done", "failed", "cancelled"]


class WorkFailed(Exception):  # noqa: N818  an error is named for what happened
    """Raised by work that is to fail, in the vendor's own words."""


def start_thread(work: Callable[[], None]) -> None:
    """Run work in a thread of its own."""
    threading.Thread(target=work, daemon=True, name="vendors.work").start()


class Background(Generic[T]):
    """One piece of work, begun when it is first asked for, unless it was cancelled before; `start` has it run."""

    def __init__(self, start: Callable[[Callable[[], None]], object] = start_thread) -> None:
        self._lock = threading.Lock()
        self._start = start
        self._begun = False
        self._ended = threading.Event()
        self._cancelled = False
        self.result: T | None = None
        self.error = ""

    @property
    def state(self) -> State:
        """How far it has come."""
        with self._lock:
            if self._cancelled:
                return "cancelled"
            if not self._begun:
                return "queued"
        if not self._ended.is_set():
            return "running"
        return "failed" if self.error else "done"

    def begin(self, work: Callable[[], T]) -> None:
        """Begin with `work`, unless something has been begun before."""
        with self._lock:
            if not self._begun and not self._cancelled:
                self._begun = True
                self._start(partial(self._run, work))

    def cancel(self) -> None:
        """Never begin; what has begun goes on."""
        with self._lock:
            self._cancelled = not self._begun

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end, and say whether it has come."""
        return self._ended.wait(timeout_s)

    def _run(self, work: Callable[[], T]) -> None:
        try:
            self.result = work()
        except WorkFailed as error:
            self.error = str(error)
        except Exception as error:  # the client hears of it
            self.error = f"{type(error).__name__}: {error}"
        finally:
            self._ended.set()
