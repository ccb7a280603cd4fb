import threading
from collections.abc import Callable

import numpy as np
import pytest

from quantum_scheduler.backends.local import LocalBackend, Report, Search, Stop
from quantum_scheduler.backends.model import Answer, BackendError, Capabilities, Limits
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import BinarySolution
from quantum_scheduler.problems.problem import Problem

PATIENCE_S = 30.0
NONE = np.zeros(0, dtype=np.int32)
PROBLEM = BinaryProblem(
    vartype="BINARY", labels=("x",), linear=np.array([1]), head=NONE, tail=NONE, weight=np.zeros(0, np.int64), offset=0
)
LONG = Limits(time_limit_s=PATIENCE_S)


class Patient(LocalBackend):
    """Runs whatever search it is made with."""

    name = "patient"

    def __init__(self, search: Callable[[Limits, Report, Stop], Answer]) -> None:
        super().__init__()
        self.search = search
        self.loaded = 0

    def capabilities(self) -> Capabilities:
        return Capabilities(
            problem_types=frozenset({"binary"}),
            variables_max=1,
            is_quantum=False,
            cancel="best_effort",
            idempotent_submit="local",
        )

    def load_search(self, problem: Problem) -> Search:
        self.loaded += 1
        return self.search


def answer(value: int, *, complete: bool) -> Answer:
    return Answer(solutions=(BinarySolution(values={"x": value}),), complete=complete, claimed_objective=value)


def wait_to_be_stopped(limits: Limits, report: Report, stop: Stop) -> Answer:
    report(objective=5, bound=2)
    assert stop.cancelled.wait(PATIENCE_S)
    return answer(1, complete=not stop())


def test_a_cancelled_search_answers_with_its_best_so_far() -> None:
    backend = Patient(wait_to_be_stopped)
    handle = backend.submit(PROBLEM, LONG, key="k")
    backend.cancel(handle)
    found = backend.result(handle, PROBLEM)
    assert found.solutions == (BinarySolution(values={"x": 1}),)
    assert not found.complete


def test_poll_tells_the_best_objective_and_bound_while_the_search_runs() -> None:
    reported = threading.Event()

    def search(limits: Limits, report: Report, stop: Stop) -> Answer:
        report(objective=5, bound=2)
        reported.set()
        return wait_to_be_stopped(limits, report, stop)

    backend = Patient(search)
    handle = backend.submit(PROBLEM, LONG, key="k")
    assert reported.wait(PATIENCE_S)
    poll = backend.poll(handle)
    assert poll.state == "running"
    assert poll.progress is not None
    assert (poll.progress.objective, poll.progress.bound) == (5, 2)
    assert poll.progress.elapsed_s >= 0
    assert backend.health(1.0).queue_depth == 1
    backend.close()
    assert backend.poll(handle).state == "done"
    assert backend.health(1.0).queue_depth == 0


def test_the_same_key_is_the_same_run() -> None:
    backend = Patient(lambda limits, report, stop: answer(0, complete=True))
    first, second = backend.submit(PROBLEM, LONG, key="k"), backend.submit(PROBLEM, LONG, key="k")
    assert backend.result(first, PROBLEM) is backend.result(second, PROBLEM)
    assert backend.loaded == 1


def test_whatever_a_search_raises_is_an_error_of_the_port() -> None:
    def search(limits: Limits, report: Report, stop: Stop) -> Answer:
        raise ZeroDivisionError("by nothing")

    backend = Patient(search)
    handle = backend.submit(PROBLEM, LONG, key="k")
    with pytest.raises(BackendError, match="ZeroDivisionError: by nothing") as raised:
        backend.result(handle, PROBLEM)
    assert raised.value.kind == "job_failed"
    assert backend.poll(handle).state == "failed"


def test_an_error_of_the_port_keeps_its_kind() -> None:
    def search(limits: Limits, report: Report, stop: Stop) -> Answer:
        raise BackendError("too_large", "no room")

    backend = Patient(search)
    with pytest.raises(BackendError) as raised:
        backend.result(backend.submit(PROBLEM, LONG, key="k"), PROBLEM)
    assert raised.value.kind == "too_large"


def test_a_handle_from_a_process_that_is_gone_is_worth_another_try() -> None:
    with pytest.raises(BackendError) as raised:
        Patient(wait_to_be_stopped).poll({"key": "k"})
    assert raised.value.kind == "unavailable"


def test_the_time_limit_stops_a_search_that_asks() -> None:
    def search(limits: Limits, report: Report, stop: Stop) -> Answer:
        while not stop():
            stop.cancelled.wait(0.01)
        return answer(1, complete=False)

    backend = Patient(search)
    handle = backend.submit(PROBLEM, Limits(time_limit_s=0.05), key="k")
    assert not backend.result(handle, PROBLEM).complete
