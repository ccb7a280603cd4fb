"""A small exact simulator of circuits: amplitudes in one array, gates merged before they touch it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.complex128]
Bits = NDArray[np.uint8]

# Qubits that hold something at once: 2^20 amplitudes are 16 MB.
QUBITS_MAX = 20

IDENTITY: Matrix = np.eye(2, dtype=np.complex128)
FIXED: dict[str, Matrix] = {
    "id": IDENTITY,
    "i": IDENTITY,
    "h": np.array([[1, 1], [1, -1]], dtype=np.complex128) / math.sqrt(2),
    "x": np.array([[0, 1], [1, 0]], dtype=np.complex128),
    "y": np.array([[0, -1j], [1j, 0]], dtype=np.complex128),
    "z": np.diag([1, -1]).astype(np.complex128),
    "s": np.diag([1, 1j]),
    "t": np.diag([1, np.exp(0.25j * np.pi)]),
    "sx": np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]], dtype=np.complex128) / 2,
}


class CircuitUnknown(ValueError):  # noqa: N818  an error is named for what happened
    """The circuit has a gate, or a size, that is not simulated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One gate on qubits by number; angles are in radians."""

    name: str
    qubits: tuple[int, ...]
    angles: tuple[float, ...] = ()


def sample_circuit(gates: Sequence[Gate], measured: Sequence[int], *, shots: int, rng: np.random.Generator) -> Bits:
    """Run the circuit on |0...0> and measure the qubits in the given order; shape (shots, measured).

    Raises CircuitUnknown.
    """
    state = StateVector()
    for gate in gates:
        state.apply(gate)
    return state.sample(measured, shots=shots, rng=rng)


class StateVector:
    """The state of all qubits that are not simply |0>. Turns of one qubit wait until something does not commute."""

    def __init__(self) -> None:
        self._amplitudes: NDArray[np.complex64] = np.ones((), dtype=np.complex64)  # one axis a qubit
        self._axes: dict[int, int] = {}
        self._waiting: dict[int, Matrix] = {}

    def apply(self, gate: Gate) -> None:
        """Apply one gate. Raises CircuitUnknown."""
        match gate.name, gate.qubits, gate.angles:
            case "barrier" | "delay", _, _:
                return
            case name, (qubit,), angles:
                self._turn(qubit, _matrix(name, angles))
            case "cz", (one, other), ():
                self._shift(one, other, math.pi)
            case "cnot" | "cx", (control, target), ():
                self._turn(target, FIXED["h"])
                self._shift(control, target, math.pi)
                self._turn(target, FIXED["h"])
            case "cphaseshift" | "cp", (one, other), (angle,):
                self._shift(one, other, angle)
            case "zz" | "rzz", (one, other), (angle,):
                # exp(-i angle/2 ZZ) but for a global phase: what differs between equal and unequal bits.
                self._shift(one, other, -2 * angle)
                self._turn(one, _phase(angle))
                self._turn(other, _phase(angle))
            case "swap", (one, other), ():
                self._swap(one, other)
            case _:
                raise CircuitUnknown(f"the gate {gate.name!r} is not simulated")

    def sample(self, measured: Sequence[int], *, shots: int, rng: np.random.Generator) -> Bits:
        """Measure the qubits in the given order, as often as asked; shape (shots, measured)."""
        for qubit in list(self._waiting):
            self._settle(qubit)
        chances = (self._amplitudes.real.astype(np.float64) ** 2 + self._amplitudes.imag**2).reshape(-1)
        hits = rng.multinomial(shots, chances / chances.sum())
        states = rng.permutation(np.repeat(np.arange(len(chances)), hits))
        bits = np.zeros((shots, len(measured)), dtype=np.uint8)
        for column, qubit in enumerate(measured):
            if qubit in self._axes:
                bits[:, column] = states >> (len(self._axes) - 1 - self._axes[qubit]) & 1
        return bits

    def _turn(self, qubit: int, matrix: Matrix) -> None:
        self._waiting[qubit] = matrix @ self._waiting.get(qubit, IDENTITY)

    def _shift(self, one: int, other: int, angle: float) -> None:
        """Shift the phase where both are 1; this commutes with every turn that is diagonal."""
        for qubit in (one, other):
            if not _is_diagonal(self._waiting.get(qubit, IDENTITY)):
                self._settle(qubit)
        if one in self._axes and other in self._axes:
            place: list[int | slice] = [slice(None)] * self._amplitudes.ndim
            place[self._axes[one]] = place[self._axes[other]] = 1
            self._amplitudes[tuple(place)] *= np.complex64(np.exp(1j * angle))

    def _swap(self, one: int, other: int) -> None:
        """Exchange the names of two qubits; no amplitude moves."""
        renamed = {one: other, other: one}
        self._axes = {renamed.get(qubit, qubit): axis for qubit, axis in self._axes.items()}
        self._waiting = {renamed.get(qubit, qubit): matrix for qubit, matrix in self._waiting.items()}

    def _settle(self, qubit: int) -> None:
        """Apply the turn that waits for this qubit."""
        matrix = self._waiting.pop(qubit, None)
        if matrix is None:
            return
        if qubit not in self._axes:
            if abs(matrix[1, 0]) > 1e-12:  # else it is |0> as before, but for a global phase
                self._add(qubit, matrix[:, 0])
            return
        axis = self._axes[qubit]
        parts = self._amplitudes.reshape(2**axis, 2, -1)
        turned = np.empty_like(parts)
        small = matrix.astype(np.complex64)
        for row in (0, 1):
            np.multiply(parts[:, 0], small[row, 0], out=turned[:, row])
            turned[:, row] += small[row, 1] * parts[:, 1]
        self._amplitudes = turned.reshape(self._amplitudes.shape)

    def _add(self, qubit: int, column: NDArray[np.complex128]) -> None:
        if len(self._axes) == QUBITS_MAX:
            raise CircuitUnknown(f"no more than {QUBITS_MAX} qubits are simulated at once")
        self._axes[qubit] = self._amplitudes.ndim
        self._amplitudes = self._amplitudes[..., None] * column.astype(np.complex64)


def _matrix(name: str, angles: tuple[float, ...]) -> Matrix:
    match name, angles:
        case _, () if name in FIXED:
            return FIXED[name]
        case "rz", (angle,):
            return np.diag([np.exp(-0.5j * angle), np.exp(0.5j * angle)])
        case "phaseshift" | "p", (angle,):
            return _phase(angle)
        case "rx", (angle,):
            cosine, sine = math.cos(angle / 2), math.sin(angle / 2)
            return np.array([[cosine, -1j * sine], [-1j * sine, cosine]])
        case "ry", (angle,):
            cosine, sine = math.cos(angle / 2), math.sin(angle / 2)
            return np.array([[cosine, -sine], [sine, cosine]], dtype=np.complex128)
    raise CircuitUnknown(f"the gate {name!r} with {len(angles)} angles is not simulated")


def _phase(angle: float) -> Matrix:
    return np.diag([1, np.exp(1j * angle)])


def _is_diagonal(matrix: Matrix) -> bool:
    return bool(abs(matrix[0, 1]) < 1e-12 and abs(matrix[1, 0]) < 1e-12)
