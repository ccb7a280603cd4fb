"""Backends that compute in this process: one thread for each submission, and nothing to recover after a crash."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from quantum_scheduler.backends.fit import explain_misfit
from quantum_scheduler.backends.model import (
    Answer,
    BackendError,
    Capabilities,
    Estimate,
    Handle,
    Health,
    Limits,
    Poll,
    Progress,
)
from quantum_scheduler.problems.model import Number
from quantum_scheduler.problems.problem import Problem

CLOSE_TIMEOUT_S = 5.0


class Report(Protocol):
    """What a search calls with its best objective and bound so far, in the problem's own units."""

    def __call__(self, *, objective: Number | None = None, bound: Number | None = None) -> None:
        """Take what is known so far, where anything is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """When a search must end: when it is cancelled, or at `deadline_s`, a reading of `time.monotonic`."""

    cancelled: threading.Event
    deadline_s: float

    def __call__(self) -> bool:
        """Say whether it is time."""
        return self.cancelled.is_set() or self.remaining_s() <= 0

    def remaining_s(self) -> float:
        """Say how many seconds are left, down to 0."""
        return max(0.0, self.deadline_s - time.monotonic())


# Searches within limits until it ends by itself or is told to stop, and answers with its best so far either way.
Search = Callable[[Limits, Report, Stop], Answer]


class LocalBackend(ABC):
    """The port's protocol around a search; what is left to say is what it can take and which search it runs."""

    name: str

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}

    @abstractmethod
    def capabilities(self) -> Capabilities:
        """Say what it can take."""

    @abstractmethod
    def load_search(self, problem: Problem) -> Search:
        """Import what the search of this problem needs, which is not part of its time limit, and return the search."""

    def estimate(self, problem: Problem, limits: Limits) -> Estimate:
        """Say that it costs nothing and takes the time limit at most."""
        why = explain_misfit(problem, self.capabilities())
        return Estimate(fits=not why, seconds=limits.time_limit_s, cost_usd=0.0, why=why)

    def health(self, timeout_s: float) -> Health:
        """Say how many runs are under way; a backend in this process is always up."""
        running = sum(run.is_alive() for run in self._runs.values())
        return Health(status="up", latency_ms=0.0, queue_depth=running)

    def submit(self, problem: Problem, limits: Limits, *, key: str) -> Handle:
        """Start the search in a thread of its own; the same key again is the same run."""
        if key not in self._runs:
            self._runs[key] = _Run(self.load_search, problem, limits)
            self._runs[key].start()
        return {"key": key}

    def recover(self, key: str) -> Handle | None:
        """Find nothing: what ran in a process that died is lost, and to run it again does no harm."""
        return None

    def poll(self, handle: Handle) -> Poll:
        """Say whether the search still runs, and how far it has come."""
        run = self._find(handle)
        if run.is_alive():
            return Poll(state="running", progress=run.progress)
        return Poll(state="failed" if run.error else "done", progress=run.progress)

    def result(self, handle: Handle, problem: Problem) -> Answer:
        """Wait for the search to end and return its answer."""
        run = self._find(handle)
        run.join()
        if run.error:
            raise run.error
        assert run.answer is not None
        return run.answer

    def cancel(self, handle: Handle) -> None:
        """Tell the search to stop; its result is then the best so far."""
        self._find(handle).cancelled.set()

    def close(self) -> None:
        """Tell all searches to stop, and wait for them for a moment."""
        for run in self._runs.values():
            run.cancelled.set()
        for run in self._runs.values():
            run.join(CLOSE_TIMEOUT_S)

    def _find(self, handle: Handle) -> "_Run":
        run = self._runs.get(str(handle.get("key")))
        if run is None:
            raise BackendError("unavailable", f"{self.name}: the process that held this run is gone")
        return run


class _Run(threading.Thread):
    """One search under way, and what came of it."""

    def __init__(self, load_search: Callable[[Problem], Search], problem: Problem, limits: Limits) -> None:
        super().__init__(daemon=True)
        self._load_search = load_search
        self._problem = problem
        self._limits = limits
        self._began_s = 0.0
        self.cancelled = threading.Event()
        self.progress: Progress | None = None
        self.answer: Answer | None = None
        self.error: BackendError | None = None

    def run(self) -> None:
        try:
            search = self._load_search(self._problem)
            self._began_s = time.monotonic()
            stop = Stop(cancelled=self.cancelled, deadline_s=self._began_s + self._limits.time_limit_s)
            self.answer = search(self._limits, self._report, stop)
        except BackendError as error:
            self.error = error
        except Exception as error:
            self.error = BackendError("job_failed", f"{type(error).__name__}: {error}")
            self.error.__cause__ = error

    def _report(self, *, objective: Number | None = None, bound: Number | None = None) -> None:
        self.progress = Progress(elapsed_s=time.monotonic() - self._began_s, objective=objective, bound=bound)
