"""Read the results.json of a Braket task, and refuse what is not the result of the program that was sent."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from quantum_scheduler.backends.model import BackendError
from quantum_scheduler.backends.qaoa.ising import Bits


def fingerprint_program(source: str) -> str:
    """Give a short mark of a program that does not depend on its layout."""
    return hashlib.sha256("".join(source.split()).encode()).hexdigest()[:16]


def read_results(text: bytes, *, task: str, qubits: int, shots: int, program: str) -> Bits:
    """Read the measured bits with the variables in order; shape (shots, qubits).

    Raises BackendError of kind `integrity` where they are of another task or program, or of other shots or qubits.
    """
    try:
        document = json.loads(text)
        metadata = document["taskMetadata"]
        source = document.get("additionalMetadata", {}).get("action", {}).get("source")
        _expect(metadata["id"] == task, f"it is of the task {metadata['id']}")
        _expect(int(metadata["shots"]) == shots, f"it has {metadata['shots']} shots, and {shots} were asked for")
        _expect(source is None or fingerprint_program(source) == program, "it is of another program")
        bits = _read_measurements(document, shots)
        _expect(bits.shape == (shots, qubits), f"it measures {bits.shape}, and {(shots, qubits)} was asked for")
        _expect(bool(np.isin(bits, (0, 1)).all()), "it has bits that are neither 0 nor 1")
        return _order(bits.astype(np.uint8), document.get("measuredQubits"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackendError("integrity", f"braket: the result cannot be read: {error!r}") from error


def _read_measurements(document: Mapping[str, Any], shots: int) -> np.ndarray[Any, np.dtype[Any]]:
    """Read one row a shot; some devices tell frequencies only."""
    if document.get("measurements"):
        return np.array(document["measurements"])
    frequencies = document["measurementProbabilities"]
    counts = np.rint(np.array(list(frequencies.values()), dtype=np.float64) * shots).astype(np.int64)
    _expect(int(counts.sum()) == shots, f"its frequencies come to {counts.sum()} shots of {shots}")
    states = np.array([[int(bit) for bit in state] for state in frequencies])
    return np.repeat(states, counts, axis=0)


def _order(bits: Bits, measured: list[int] | None) -> Bits:
    """Put the columns in the order of the variables where the device names the program's qubits, not its own."""
    if measured is None or sorted(measured) != list(range(bits.shape[1])):
        return bits
    ordered = np.empty_like(bits)
    ordered[:, measured] = bits
    return ordered


def _expect(right: bool, wrong: str) -> None:
    if not right:
        raise BackendError("integrity", f"braket: the result does not belong to the task: {wrong}")
