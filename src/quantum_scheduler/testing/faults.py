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
    "stuck",  # submissions are taken and never end
    "job_failed",  # submissions end in failure
    "wrong_energy",  # answers claim energies that their values do not have
    "slow",  # every answer takes `SLOW_S`
    "dropped",  # connections are closed without an answer
]
FAULTS: tuple[Fault, ...] = get_args(Fault)
SLOW_S = 3.0


class FaultSwitch:
    """The one fault a server has now; safe to set from any thread, and gone by itself once it has expired."""

    def __init__(self, fault: Fault = "none", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._fault: Fault = fault
        self._ends_s: float | None = None

    def set(self, fault: Fault, *, expires_s: float | None = None) -> None:
        """Have `fault` from now on, for `expires_s` seconds where that is given."""
        with self._lock:
            self._fault = fault
            self._ends_s = None if expires_s is None else self._clock() + expires_s

    def fault(self) -> Fault:
        """Say which fault holds now."""
        with self._lock:
            if self._ends_s is not None and self._clock() >= self._ends_s:
                self._fault, self._ends_s = "none", None
            return self._fault
