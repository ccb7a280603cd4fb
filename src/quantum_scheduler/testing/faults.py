"""The faults that a loopback vendor server can be told to have."""

import threading
import time
from collections.abc import Callable
from typing import Literal, get_args

Fault = Literal[
    "none",
    "rate_limit",  # 429 with Retry-After, or the protocol's like
    "server_error",  # 500
    "auth",  # the key is refused
    "offline",  # the vendor answers, the device does not take jobs
    "quota",  # the account has used up what it may
    "stuck",  # submissions are taken, and wait until the fault is over
    "job_failed",  # submissions end in failure
    "wrong_energy",  # answers claim energies that their values do not have
    "slow",  # every answer takes `SLOW_S`
    "late",  # submissions are taken, and the answer that says so comes when the fault is over
    "dropped",  # connections are closed without an answer
]
FAULTS: tuple[Fault, ...] = get_args(Fault)
SLOW_S = 3.0
LATE_MAX_S = 120.0
# How often somebody who waits for the end of a fault looks whether it has expired.
LOOK_EVERY_S = 0.1


class FaultSwitch:
    """The one fault a server has now; safe to set from any thread, and gone by itself once it has expired."""

    def __init__(self, fault: Fault = "none", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._changed = threading.Condition()
        self._clock = clock
        self._fault: Fault = fault
        self._ends_s: float | None = None

    def set(self, fault: Fault, *, expires_s: float | None = None) -> None:
        """Have `fault` from now on, for `expires_s` seconds where that is given; again, to renew it."""
        with self._changed:
            self._fault = fault
            self._ends_s = None if expires_s is None else self._clock() + expires_s
            self._changed.notify_all()

    def fault(self) -> Fault:
        """Say which fault holds now."""
        with self._changed:
            return self._read()

    def left_s(self) -> float | None:
        """Say in how many seconds the fault ends by itself; None where it does not."""
        with self._changed:
            self._read()
            return None if self._ends_s is None else self._ends_s - self._clock()

    def outlast(self, fault: Fault) -> None:
        """Wait until `fault` holds no more, at most `LATE_MAX_S`."""
        ends_s = self._clock() + LATE_MAX_S
        with self._changed:
            while self._read() == fault and self._clock() < ends_s:
                self._changed.wait(LOOK_EVERY_S)

    def _read(self) -> Fault:
        if self._ends_s is not None and self._clock() >= self._ends_s:
            self._fault, self._ends_s = "none", None
        return self._fault
