"""The devices of the IBM stand-in, as the service describes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WHEN = "2026-11-01T00:00:00+00:00"
ONE_QUBIT_GATES = ("id", "rz", "sx", "x")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSheet:
    """A device whose qubits stand on a grid; neighbours are coupled."""

    name: str
    rows: int
    columns: int
    queue_length: int

    @property
    def qubits(self) -> int:
        """How many there are."""
        return self.rows * self.columns

    def couplings(self) -> list[list[int]]:
        """List the coupled pairs, each both ways round."""
        across = [(q, q + 1) for q in range(self.qubits) if (q + 1) % self.columns]
        down = [(q, q + self.columns) for q in range(self.qubits - self.columns)]
        return [list(pair) for a, b in across + down for pair in ((a, b), (b, a))]


LOOPBACK = DeviceSheet(name="ibm_loopback", rows=4, columns=5, queue_length=3)
BUSY = DeviceSheet(name="ibm_loopback_busy", rows=2, columns=4, queue_length=40)
DEVICES: Mapping[str, DeviceSheet] = {sheet.name: sheet for sheet in (BUSY, LOOPBACK)}


def list_devices() -> dict[str, Any]:
    """Answer GET /backends; a device under maintenance is listed as online all the same, as with IBM."""
    return {
        "devices": [
            {
                "name": sheet.name,
                "status": {"name": "online"},
                "is_simulator": False,
                "qubits": sheet.qubits,
                "queue_length": sheet.queue_length,
            }
            for sheet in DEVICES.values()
        ]
    }


def describe_status(sheet: DeviceSheet, *, online: bool) -> dict[str, Any]:
    """Answer GET /backends/NAME/status."""
    return {
        "state": online,
        "status": "active" if online else "maintenance",
        "message": "" if online else "down for maintenance",
        "length_queue": sheet.queue_length,
        "backend_version": "1.0.0",
    }


def describe_configuration(sheet: DeviceSheet) -> dict[str, Any]:
    """Answer GET /backends/NAME/configuration."""
    single = [[qubit] for qubit in range(sheet.qubits)]
    gates = [
        {"name": name, "parameters": ["theta"] if name == "rz" else [], "qasm_def": "", "coupling_map": single}
        for name in ONE_QUBIT_GATES
    ]
    gates.append({"name": "cz", "parameters": [], "qasm_def": "", "coupling_map": sheet.couplings()})
    return {
        "backend_name": sheet.name,
        "backend_version": "1.0.0",
        "description": "a stand-in on this machine: no quantum hardware",
        "n_qubits": sheet.qubits,
        "basis_gates": ["cz", *ONE_QUBIT_GATES],
        "gates": gates,
        "coupling_map": sheet.couplings(),
        "supported_instructions": ["cz", *ONE_QUBIT_GATES, "delay", "measure", "reset"],
        "supported_features": ["parameters", "qasm3"],
        "local": False,
        "simulator": False,
        "conditional": False,
        "open_pulse": False,
        "memory": True,
        "max_shots": 100_000,
        "max_experiments": 300,
        "n_registers": 1,
        "dynamic_reprate_enabled": True,
        "rep_delay_range": [0.0, 500.0],
        "default_rep_delay": 250.0,
        "dt": 4.0,
        "dtm": 4.0,
        "online_date": WHEN,
        "processor_type": {"family": "Loopback", "revision": "1"},
        "timing_constraints": {"acquire_alignment": 1, "granularity": 1, "min_length": 1, "pulse_alignment": 1},
    }


def describe_properties(sheet: DeviceSheet) -> dict[str, Any]:
    """Answer GET /backends/NAME/properties: the figures of a device without noise."""
    names = [(name, [qubit]) for name in ONE_QUBIT_GATES for qubit in range(sheet.qubits)]
    names += [("cz", pair) for pair in sheet.couplings()]
    return {
        "backend_name": sheet.name,
        "backend_version": "1.0.0",
        "last_update_date": WHEN,
        "qubits": [
            [_figure("T1", "us", 300.0), _figure("T2", "us", 300.0), _figure("readout_error", "", 0.0)]
            for _ in range(sheet.qubits)
        ],
        "gates": [
            {
                "gate": gate,
                "name": f"{gate}{'_'.join(map(str, qubits))}",
                "qubits": qubits,
                "parameters": [_figure("gate_error", "", 0.0), _figure("gate_length", "ns", 32.0)],
            }
            for gate, qubits in names
        ],
        "general": [],
    }


def _figure(name: str, unit: str, value: float) -> dict[str, Any]:
    return {"date": WHEN, "name": name, "unit": unit, "value": value}
