"""The port of a loopback vendor server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from quantum_scheduler.testing.faults import FaultSwitch


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job as a server took it: the vendor's id for it, and the key it came under where the vendor has one."""

    vendor_id: str
    key: str | None


class VendorServer(Protocol):
    """A vendor's cloud on 127.0.0.1. It solves what it is sent for real, by simulated annealing or state vector."""

    name: str  # the backend's name: dwave, ibm, braket, dynex
    switch: FaultSwitch

    def start(self, port: int = 0) -> None:
        """Listen on `port`, or on any that is free, in a thread of its own; return once it takes connections."""
        ...

    def environment(self) -> Mapping[str, str]:
        """Name the environment variables that point the vendor's SDK, and our adapter, at this server."""
        ...

    def submissions(self) -> tuple[Submission, ...]:
        """List what was submitted since the start, oldest first."""
        ...

    def stop(self) -> None:
        """Stop listening and forget everything; safe to repeat."""
        ...
