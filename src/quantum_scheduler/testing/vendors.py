"""Start the vendors' stand-ins together, with the control of their faults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import Any, Self, cast

from quantum_scheduler.testing.control import FaultControl
from quantum_scheduler.testing.faults import Fault
from quantum_scheduler.testing.port import VendorServer

# Classes are named, not imported: each brings its vendor's SDK along.
SERVERS = {
    "dwave": "quantum_scheduler.testing.dwave_server:DwaveServer",
    "ibm": "quantum_scheduler.testing.ibm_server:IbmServer",
    "braket": "quantum_scheduler.testing.braket_server:BraketServer",
    "dynex": "quantum_scheduler.testing.dynex_server:DynexServer",
}
VENDORS = tuple(SERVERS)
# Where the control of running stand-ins is found.
CONTROL_VARIABLE = "QUANTUM_SCHEDULER_VENDORS_URL"


class VendorUnavailable(Exception):  # noqa: N818  an error is named for what happened
    """A stand-in cannot be started; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A stand-in that was left out, and why."""

    name: str
    why: str


class Vendors:
    """The stand-ins of `only`, or of every vendor whose SDK is installed; leaving the block stops them.

    With `port_base` p the control listens on p and the vendors, in the order of VENDORS, on p + 1 and so on; else on
    any ports that are free.
    """

    def __init__(
        self, *, only: Sequence[str] = (), faults: Mapping[str, Fault] | None = None, port_base: int = 0
    ) -> None:
        self._only = only
        self._faults = faults or {}
        self._port_base = port_base
        self._servers: dict[str, VendorServer] = {}
        self._control = FaultControl(self._servers)
        self.missing: list[Missing] = []

    def __enter__(self) -> Self:
        """Start them. Raises VendorUnavailable for one that was asked for by name, or has a fault to have."""
        try:
            for place, name in enumerate(VENDORS, start=1):
                if not self._only or name in self._only:
                    self._start(name, self._port_base and self._port_base + place)
            self._control.start(self._port_base)
        except OSError as error:
            self._stop()
            raise VendorUnavailable(f"cannot listen from port {self._port_base} on: {error}") from error
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop all of them."""
        self._stop()

    def environment(self) -> dict[str, str]:
        """Name the environment variables that point SDKs, adapters and the command line at the stand-ins."""
        merged = {CONTROL_VARIABLE: self._control.url}
        for server in self._servers.values():
            merged.update(server.environment())
        return merged

    def set_all(self, fault: Fault) -> None:
        """Give every stand-in a fault."""
        for server in self._servers.values():
            server.switch.set(fault)

    def describe(self) -> dict[str, Any]:
        """Say how they are and which were left out."""
        return {
            **self._control.describe(),
            "control": self._control.url,
            "missing": [{"name": each.name, "why": each.why} for each in self.missing],
        }

    def _start(self, name: str, port: int) -> None:
        module, _, class_name = SERVERS[name].partition(":")
        try:
            server = cast("VendorServer", getattr(import_module(module), class_name)())
            server.switch.set(self._faults.get(name, "none"))
            server.start(port)
        except ImportError as error:
            why = f"{error}: pip install 'quantum-scheduler[{name}]'"
            if name in self._only or name in self._faults:
                raise VendorUnavailable(f"{name}: {why}") from error
            self.missing.append(Missing(name=name, why=why))
        else:
            self._servers[name] = server

    def _stop(self) -> None:
        self._control.stop()
        for server in self._servers.values():
            server.stop()
        self._servers.clear()
