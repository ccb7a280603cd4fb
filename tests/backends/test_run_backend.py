from collections.abc import Iterator, Sequence

import numpy as np
import pytest

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
from quantum_scheduler.backends.run import run_backend
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.problem import Problem

NONE = np.zeros(0, dtype=np.int32)
PROBLEM = BinaryProblem(
    vartype="BINARY", labels=("x",), linear=np.array([1]), head=NONE, tail=NONE, weight=np.zeros(0, np.int64), offset=0
)
ANSWER = Answer(solutions=(), complete=True)
QUICK = Limits(time_limit_s=0.02)
LONG = Limits(time_limit_s=30.0)
RUNNING = Poll(state="running")
DONE = Poll(state="done")


class Scripted:
    """A backend far away whose submission goes through the given states and then stays in the last."""

    name = "scripted"

    def __init__(self, polls: Sequence[Poll], *, when_cancelled: Poll | None = None) -> None:
        self.last = polls[-1]
        self.polls: Iterator[Poll] = iter(polls)
        self.when_cancelled = when_cancelled
        self.cancelled = 0

    def capabilities(self) -> Capabilities:
        raise NotImplementedError

    def estimate(self, problem: Problem, limits: Limits) -> Estimate:
        raise NotImplementedError

    def health(self, timeout_s: float) -> Health:
        raise NotImplementedError

    def submit(self, problem: Problem, limits: Limits, *, key: str) -> Handle:
        return {"id": key}

    def recover(self, key: str) -> Handle | None:
        return None

    def poll(self, handle: Handle) -> Poll:
        assert handle == {"id": "k"}
        return next(self.polls, self.last)

    def result(self, handle: Handle, problem: Problem) -> Answer:
        return ANSWER

    def cancel(self, handle: Handle) -> None:
        self.cancelled += 1
        self.last = self.when_cancelled or self.last

    def close(self) -> None:
        return


def test_only_new_progress_is_reported() -> None:
    one, two = Progress(elapsed_s=1, objective=9), Progress(elapsed_s=2, objective=8, bound=3)
    states = [RUNNING, *(Poll(state="running", progress=progress) for progress in (one, one, two, two))]
    reports: list[Progress] = []
    backend = Scripted([*states, Poll(state="done", progress=two)])
    assert run_backend(backend, PROBLEM, LONG, key="k", report=reports.append) is ANSWER
    assert reports == [one, two]
    assert not backend.cancelled


def test_a_submission_past_its_deadline_is_cancelled_and_its_best_so_far_fetched() -> None:
    backend = Scripted([RUNNING], when_cancelled=DONE)
    assert run_backend(backend, PROBLEM, QUICK, key="k", report=print, grace_s=0.0) is ANSWER
    assert backend.cancelled == 1


def test_a_submission_that_leaves_nothing_when_cancelled_is_an_error() -> None:
    backend = Scripted([RUNNING], when_cancelled=Poll(state="cancelled"))
    with pytest.raises(BackendError, match="cancelled"):
        run_backend(backend, PROBLEM, QUICK, key="k", report=print, grace_s=0.0)


def test_a_submission_that_cannot_be_stopped_times_out() -> None:
    backend = Scripted([RUNNING])
    with pytest.raises(BackendError) as raised:
        run_backend(backend, PROBLEM, QUICK, key="k", report=print, grace_s=0.0, cancel_grace_s=0.01)
    assert raised.value.kind == "timeout"


def test_a_submission_nobody_waits_for_any_more_is_cancelled() -> None:
    backend = Scripted([Poll(state="running", progress=Progress(elapsed_s=1))])

    def leave(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_backend(backend, PROBLEM, LONG, key="k", report=leave)
    assert backend.cancelled == 1
