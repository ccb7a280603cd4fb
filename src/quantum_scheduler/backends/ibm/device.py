"""IBM's devices: what is known of them beforehand, what the service says of them, and what their time costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quantum_scheduler.backends.model import BackendError, VendorQuota

# https://quantum.cloud.ibm.com/docs/guides/processor-types and .../guides/plans-overview, as of November 2026.
PRICES_AS_OF = "2026-11"
PRICE_SECOND_USD = 1.60  # pay-as-you-go; the open plan has 10 free minutes in 28 days
QUBITS_OF_HERON = 156
QUBITS: Mapping[str, int] = {"ibm_torino": 133, "ibm_miami": 120}  # the others are Herons of the second kind

# What a job occupies the device for: its loading, and for each shot the default pause and the circuit itself.
JOB_SECONDS = 2.0
SHOT_SECONDS = 0.0005


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device of the instance."""

    name: str
    qubits: int
    online: bool
    queue_depth: int


def qubits_of(name: str | None) -> int:
    """Say how many qubits a device has, without asking it; without a name, the usual device."""
    return QUBITS.get(name or "", QUBITS_OF_HERON)


def read_devices(document: Mapping[str, Any]) -> tuple[Device, ...]:
    """Read what the service lists; mocks are left out."""
    return tuple(
        Device(
            name=str(device["name"]),
            qubits=int(device["qubits"]),
            online=device["status"]["name"] == "online",
            queue_depth=max(0, int(device.get("queue_length") or 0)),
        )
        for device in document["devices"]
        if device.get("class") != "mock"
    )


def choose_device(devices: Sequence[Device], *, name: str | None, qubits: int) -> Device:
    """Take the named device, else the one with the shortest queue among those that are online and large enough.

    Raises BackendError.
    """
    named = [device for device in devices if name in (None, device.name)]
    if not named:
        raise BackendError("unavailable", f"ibm: the instance has no device called {name}")
    large = [device for device in named if device.qubits >= qubits]
    if not large:
        most = max(device.qubits for device in named)
        raise BackendError("too_large", f"ibm: the model has {qubits:,} variables and the device {most:,} qubits")
    online = [device for device in large if device.online]
    if not online:
        raise BackendError("offline", f"ibm: {', '.join(device.name for device in large)} is offline")
    return min(online, key=lambda device: device.queue_depth)


def estimate_seconds(executions: int) -> float:
    """Say how long so many shots in all occupy a device."""
    return JOB_SECONDS + SHOT_SECONDS * executions


def read_quotas(usage: Mapping[str, Any]) -> tuple[VendorQuota, ...]:
    """Read what the instance has used of the seconds that it is limited to, in the 28 days before now."""
    limit = float(usage.get("usage_limit_seconds") or 0)
    if limit <= 0:
        return ()
    return (VendorQuota(unit="QPU seconds", used=float(usage.get("usage_consumed_seconds") or 0), limit=limit),)
