"""Work that goes on while a stand-in answers that it does."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """One piece of work in a thread of its own, begun when it is first asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self.result: T | None = None
        self.error = ""

    def begin(self, work: Callable[[], T]) -> None:
        """Begin with `work`, unless something has been begun before."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, args=(work,), daemon=True, name="vendors.work")
                self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end, and say whether it has come."""
        return self._ended.wait(timeout_s)

    def _run(self, work: Callable[[], T]) -> None:
        try:
            self.result = work()
        except Exception as error:  # the client hears of it
            self.error = f"{type(error).__name__}: {error}"
        finally:
            self._ended.set()
