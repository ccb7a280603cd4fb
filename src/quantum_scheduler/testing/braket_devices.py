"""The devices of the Braket stand-in, as GetDevice describes them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quantum_scheduler.testing.state_vector import QUBITS_MAX

GATES = ("cnot", "cphaseshift", "cz", "h", "i", "phaseshift", "rx", "ry", "rz", "s", "swap", "t", "x", "y", "z", "zz")
PRICE_TASK_USD = 0.30
# What may be spent on the hardware in the time after the start.
SPENDING_LIMIT_USD = 10_000.0
SPENDING_PERIOD_S = 28 * 86_400
OPENQASM = "braket.ir.openqasm.program"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSheet:
    """What is told of a device; it has no more qubits than are simulated."""

    arn: str
    name: str
    provider: str
    region: str
    schema: str
    shots_range: tuple[int, int]
    price: float
    unit: str
    qubits: int = QUBITS_MAX


SV1 = DeviceSheet(
    arn="arn:aws:braket:::device/quantum-simulator/amazon/sv1",
    name="SV1",
    provider="Amazon Braket",
    region="eu-north-1",
    schema="braket.device_schema.simulators.gate_model_simulator",
    shots_range=(1, 100_000),
    price=0.075,
    unit="minute",
)
GARNET = DeviceSheet(
    arn="arn:aws:braket:eu-north-1::device/qpu/iqm/Garnet",
    name="Garnet",
    provider="IQM",
    region="eu-north-1",
    schema="braket.device_schema.iqm.iqm",
    shots_range=(1, 20_000),
    price=0.00145,
    unit="shot",
)
DEVICES: Mapping[str, DeviceSheet] = {sheet.arn: sheet for sheet in (SV1, GARNET)}


def describe_device(sheet: DeviceSheet, *, online: bool, queue_depth: int) -> dict[str, Any]:
    """Answer GetDevice."""
    return {
        "deviceArn": sheet.arn,
        "deviceName": sheet.name,
        "providerName": sheet.provider,
        "deviceType": "QPU" if "/qpu/" in sheet.arn else "SIMULATOR",
        "deviceStatus": "ONLINE" if online else "OFFLINE",
        "deviceCapabilities": json.dumps(_describe_capabilities(sheet)),
        "deviceQueueInfo": [
            {"queue": "QUANTUM_TASKS_QUEUE", "queueSize": str(queue_depth), "queuePriority": "Normal"},
            {"queue": "JOBS_QUEUE", "queueSize": "0"},
        ],
    }


def describe_limit(
    sheet: DeviceSheet, shots: Sequence[int], *, account: str, began_s: int, is_spent: bool
) -> dict[str, Any]:
    """Describe the limit of spending on a device, of which tasks with these shots have used some, or all is spent."""
    spent_usd = sum(PRICE_TASK_USD + sheet.price * each for each in shots)
    return {
        "spendingLimitArn": f"arn:aws:braket:{sheet.region}:{account}:spending-limit/loopback",
        "deviceArn": sheet.arn,
        "timePeriod": {"startAt": began_s, "endAt": began_s + SPENDING_PERIOD_S},
        "spendingLimit": f"{SPENDING_LIMIT_USD:.2f}",
        "queuedSpend": "0.00",
        "totalSpend": f"{SPENDING_LIMIT_USD if is_spent else min(spent_usd, SPENDING_LIMIT_USD):.2f}",
        "createdAt": began_s,
        "updatedAt": began_s,
    }


def _describe_capabilities(sheet: DeviceSheet) -> dict[str, Any]:
    return {
        "braketSchemaHeader": _header(f"{sheet.schema}_device_capabilities"),
        "service": {
            "braketSchemaHeader": _header("braket.device_schema.device_service_properties"),
            "executionWindows": [
                {"executionDay": "Everyday", "windowStartHour": "00:00:00", "windowEndHour": "23:59:59"}
            ],
            "shotsRange": list(sheet.shots_range),
            "deviceCost": {"price": sheet.price, "unit": sheet.unit},
            "deviceLocation": "this machine: a stand-in, no quantum hardware",
            "updatedAt": "2026-11-01T00:00:00",
        },
        "action": {
            OPENQASM: {
                "actionType": OPENQASM,
                "version": ["1"],
                "supportedOperations": list(GATES),
                "supportedResultTypes": [],
            }
        },
        "paradigm": _describe_paradigm(sheet),
        "deviceParameters": {},
    }


def _describe_paradigm(sheet: DeviceSheet) -> dict[str, Any]:
    if "/qpu/" not in sheet.arn:
        header = _header("braket.device_schema.simulators.gate_model_simulator_paradigm_properties")
        return {"braketSchemaHeader": header, "qubitCount": sheet.qubits}
    return {
        "braketSchemaHeader": _header("braket.device_schema.gate_model_qpu_paradigm_properties"),
        "connectivity": {"fullyConnected": True, "connectivityGraph": {}},
        "qubitCount": sheet.qubits,
        "nativeGateSet": ["cz", "prx"],
    }


def _header(name: str) -> dict[str, str]:
    return {"name": name, "version": "1"}
