"""Work that goes on while a stand-in answers that it does."""

import threading
from collections.abc import Callable
from typing import Generic, Literal, TypeVar

T = TypeVar("T")

State = Literal["queued", "running", "done", "failed", "cancelled"]


class WorkFailed(Exception):  # noqa: N818  an error is named for what happened
    """Raised by work that is to fail, in the vendor's own words."""


class Background(Generic[T]):
    """One piece of work in a thread of its own, begun when it is first asked for, unless it was cancelled before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
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
            if self._thread is None:
                return "queued"
        if not self._ended.is_set():
            return "running"
        return "failed" if self.error else "done"

    def begin(self, work: Callable[[], T]) -> None:
        """Begin with `work`, unless something has been begun before."""
        with self._lock:
            if self._thread is None and not self._cancelled:
                self._thread = threading.Thread(target=self._run, args=(work,), daemon=True, name="vendors.work")
                self._thread.start()

    def cancel(self) -> None:
        """Never begin; what has begun goes on."""
        with self._lock:
            self._cancelled = self._thread is None

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
