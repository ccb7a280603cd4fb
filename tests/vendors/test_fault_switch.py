"""The switch of a stand-in: whoever is to be answered late is answered when the fault is over, however it ends."""

import threading
from collections.abc import Callable

import pytest

from quantum_scheduler.testing.background import Background, WorkFailed
from quantum_scheduler.testing.faults import FaultSwitch

PATIENCE_S = 30.0


def wait_late(switch: FaultSwitch) -> threading.Thread:
    waiting = threading.Thread(target=switch.outlast, args=("late",), daemon=True)
    waiting.start()
    return waiting


@pytest.mark.parametrize("end", [lambda switch: switch.set("none"), lambda switch: switch.set("auth")])
def test_a_late_answer_waits_until_the_fault_is_over(end: Callable[[FaultSwitch], None]) -> None:
    switch = FaultSwitch("late")
    waiting = wait_late(switch)
    waiting.join(0.2)
    assert waiting.is_alive()
    end(switch)
    waiting.join(PATIENCE_S)
    assert not waiting.is_alive()


def test_a_late_answer_comes_when_the_fault_expires() -> None:
    switch = FaultSwitch()
    switch.set("late", expires_s=0.2)
    waiting = wait_late(switch)
    waiting.join(PATIENCE_S)
    assert not waiting.is_alive()
    assert switch.fault() == "none"


def test_a_fault_that_is_renewed_in_time_goes_on_and_ends_when_nobody_renews_it() -> None:
    now = [0.0]
    switch = FaultSwitch(clock=lambda: now[0])
    for now[0] in (0.0, 8.0, 16.0):
        switch.set("offline", expires_s=10.0)
        assert (switch.fault(), switch.left_s()) == ("offline", 10.0)
    now[0] = 26.0
    assert (switch.fault(), switch.left_s()) == ("none", None)


def refuse() -> int:
    raise WorkFailed("the device is broken")


def stumble() -> int:
    return 1 // 0


def test_work_is_begun_once_ends_as_it_does_and_is_cancelled_only_before() -> None:
    begun, failed, broken, cancelled = (Background[int]() for _ in range(4))
    assert begun.state == "queued"
    begun.begin(lambda: 1)
    begun.begin(refuse)
    failed.begin(refuse)
    broken.begin(stumble)
    cancelled.cancel()
    cancelled.begin(lambda: 1)
    assert all(each.wait(PATIENCE_S) for each in (begun, failed, broken))
    begun.cancel()
    assert (begun.state, begun.result) == ("done", 1)
    assert (failed.state, failed.error) == ("failed", "the device is broken")
    assert (broken.state, broken.error) == ("failed", "ZeroDivisionError: integer division or modulo by zero")
    assert (cancelled.state, cancelled.result) == ("cancelled", None)
