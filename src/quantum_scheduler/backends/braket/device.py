"""The devices of Amazon Braket: what is known of them beforehand, and what they say of themselves."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from quantum_scheduler.backends.model import BackendError, VendorQuota

# https://aws.amazon.com/braket/pricing/ and the device pages of the Braket guide, as of November 2026, in USD.
# A device that was asked tells its own figures, and those count.
PRICES_AS_OF = "2026-11"
PRICE_TASK_USD = 0.30
QUBITS_UNKNOWN = 20
SHOTS_RANGE_UNKNOWN = (1, 1_000)

OPENQASM = "braket.ir.openqasm.program"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device: how large it is and what it costs. `status`, `queue_depth` and `gates` are known once it was asked.

    `price_usd` is for a `unit`, a shot or a minute; None where it is not known.
    """

    arn: str
    qubits: int
    unit: Literal["shot", "minute"]
    price_usd: float | None
    shots_range: tuple[int, int] = SHOTS_RANGE_UNKNOWN
    gates: frozenset[str] = frozenset()
    status: str = ""
    queue_depth: int | None = None

    @property
    def is_quantum(self) -> bool:
        """Whether it is hardware, and no simulator."""
        return "/qpu/" in self.arn

    @property
    def region(self) -> str | None:
        """The region that it stands in; simulators are in several."""
        return self.arn.split(":")[3] or None

    def cost_usd(self, shots: int, seconds: float) -> float | None:
        """What one task costs: a simulator bills the time, at least 3 s; hardware bills the task and its shots."""
        if self.price_usd is None:
            return None
        if self.unit == "minute":
            return self.price_usd * max(seconds, 3.0) / 60
        return PRICE_TASK_USD + self.price_usd * shots


def _qpu(path: str, region: str, qubits: int, price_usd: float, shots: tuple[int, int]) -> Device:
    arn = f"arn:aws:braket:{region}::device/qpu/{path}"
    return Device(arn=arn, qubits=qubits, unit="shot", price_usd=price_usd, shots_range=shots)


def _simulator(name: str, qubits: int, price_usd: float) -> Device:
    arn = f"arn:aws:braket:::device/quantum-simulator/amazon/{name}"
    return Device(arn=arn, qubits=qubits, unit="minute", price_usd=price_usd, shots_range=(1, 100_000))


SV1 = _simulator("sv1", 34, 0.075)
KNOWN = {
    device.arn: device
    for device in (
        SV1,
        _simulator("dm1", 17, 0.075),
        _simulator("tn1", 50, 0.275),
        _qpu("iqm/Garnet", "eu-north-1", 20, 0.00145, (1, 20_000)),
        _qpu("iqm/Emerald", "eu-north-1", 54, 0.0016, (1, 20_000)),
        _qpu("rigetti/Ankaa-3", "us-west-1", 82, 0.0009, (10, 50_000)),
        _qpu("ionq/Forte-1", "us-east-1", 36, 0.08, (1, 5_000)),
        _qpu("ionq/Forte-Enterprise-1", "us-east-1", 36, 0.08, (1, 5_000)),
    )
}


def look_up_device(arn: str) -> Device:
    """Say what is known of a device without asking it. Raises BackendError where this is no device of Braket."""
    parts = arn.split(":")
    if len(parts) != 6 or parts[2] != "braket" or not parts[5].startswith("device/"):
        raise BackendError("unavailable", f"BRAKET_DEVICE is {arn!r}; it may be the ARN of a device of Amazon Braket")
    return KNOWN.get(arn) or Device(arn=arn, qubits=QUBITS_UNKNOWN, unit="shot", price_usd=None)


def read_device(known: Device, response: Mapping[str, Any]) -> Device:
    """Take over what GetDevice answers. Raises BackendError where it is no device for circuits."""
    capabilities = json.loads(response["deviceCapabilities"])
    action = capabilities.get("action", {}).get(OPENQASM)
    if action is None:
        raise BackendError("too_large", f"{response['deviceName']} takes no circuits in OpenQASM")
    service = capabilities.get("service", {})
    cost = service.get("deviceCost") or {}
    priced = cost.get("unit") in {"shot", "minute"}
    queues = [queue["queueSize"] for queue in response.get("deviceQueueInfo") or () if "TASK" in queue["queue"]]
    return Device(
        arn=known.arn,
        qubits=int(capabilities["paradigm"]["qubitCount"]),
        unit=cost["unit"] if priced else known.unit,
        price_usd=float(cost["price"]) if priced else known.price_usd,
        shots_range=tuple(service.get("shotsRange") or known.shots_range),
        gates=frozenset(gate.lower() for gate in action.get("supportedOperations") or ()),
        status=response["deviceStatus"],
        # A long queue is told as ">4000".
        queue_depth=sum(int(size.lstrip(">")) for size in queues) if queues else None,
    )


def read_quotas(limits: Sequence[Mapping[str, Any]], *, now: datetime) -> tuple[VendorQuota, ...]:
    """Read the limits of spending that hold now: what is spent and what waits counts. Of several the tightest."""
    found = []
    for limit in limits:
        period, most_usd = limit["timePeriod"], float(limit["spendingLimit"])
        if most_usd > 0 and period["startAt"] <= now < period["endAt"]:
            spent_usd = float(limit["totalSpend"]) + float(limit["queuedSpend"])
            found.append(VendorQuota(unit="USD", used=spent_usd, limit=most_usd, period_ends_at=period["endAt"]))
    return tuple(sorted(found, key=lambda quota: quota.limit - quota.used)[:1])
