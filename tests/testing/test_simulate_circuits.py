"""The simulator behind the stand-ins for gate devices, against Qiskit's, and the programs it reads."""

import math

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector

from quantum_scheduler.testing.openqasm import ProgramInvalid, read_program
from quantum_scheduler.testing.state_vector import QUBITS_MAX, CircuitUnknown, Gate, sample_circuit

QUBITS = 4
SHOTS = 100_000
ONE = ("h", "x", "y", "z", "s", "t", "sx")
TURNS = ("rx", "ry", "rz", "p")
TWO = ("cx", "cz", "swap")
TWO_TURNS = ("rzz", "cp")


def random_gates(seed: int) -> list[Gate]:
    rng = np.random.default_rng(seed)
    gates = []
    for name in rng.choice(ONE + TURNS + TWO + TWO_TURNS, size=40).tolist():
        count = 2 if name in TWO + TWO_TURNS else 1
        angles = (float(rng.uniform(-4, 4)),) if name in TURNS + TWO_TURNS else ()
        gates.append(Gate(name=name, qubits=tuple(rng.permutation(QUBITS)[:count].tolist()), angles=angles))
    return gates


@pytest.mark.parametrize("seed", range(8))
def test_a_random_circuit_is_measured_as_qiskit_computes_it(seed: int) -> None:
    gates = random_gates(seed)
    circuit = QuantumCircuit(QUBITS)
    for gate in gates:
        getattr(circuit, gate.name)(*gate.angles, *gate.qubits)
    expected = Statevector(circuit).probabilities()
    bits = sample_circuit(gates, range(QUBITS), shots=SHOTS, rng=np.random.default_rng(seed))
    states = bits.astype(np.int64) @ (1 << np.arange(QUBITS))
    # A frequency is off by more than six standard errors once in a billion.
    assert np.abs(np.bincount(states, minlength=2**QUBITS) / SHOTS - expected).max() < 6 / (2 * math.sqrt(SHOTS))


def test_qubits_that_nothing_happens_to_take_no_memory() -> None:
    gates = [Gate(name="x", qubits=(3,)), Gate(name="swap", qubits=(3, 900)), Gate(name="cz", qubits=(5, 900))]
    bits = sample_circuit(gates, [3, 900, 77], shots=3, rng=np.random.default_rng(0))
    assert bits.tolist() == [[0, 1, 0]] * 3


def test_more_qubits_than_fit_into_memory_are_refused() -> None:
    gates = [Gate(name="h", qubits=(qubit,)) for qubit in range(QUBITS_MAX + 1)]
    with pytest.raises(CircuitUnknown, match=str(QUBITS_MAX)):
        sample_circuit(gates[QUBITS_MAX:] * 2 + gates, range(2), shots=1, rng=np.random.default_rng(0))


def test_a_gate_nobody_knows_is_refused() -> None:
    with pytest.raises(CircuitUnknown, match="magic"):
        sample_circuit([Gate(name="magic", qubits=(0,))], [0], shots=1, rng=np.random.default_rng(0))


def test_a_program_is_read_with_its_registers_angles_and_comments() -> None:
    program = read_program(
        """
        OPENQASM 3.0; // the first line
        include "stdgates.inc";
        qubit[2] a; qubit[1] b; bit[3] c;
        h a[0]; cnot a[1], b[0]; /* and
        more */ rz(-3*pi/4 + 1e-1) b[0];
        c[2] = measure a[0]; c[0] = measure b[0];
        """
    )
    assert program.qubits == 3
    assert program.measured == (2, 0)
    assert program.gates[1] == Gate(name="cnot", qubits=(1, 2))
    assert program.gates[2].angles[0] == pytest.approx(-3 * math.pi / 4 + 0.1)


def test_a_register_is_measured_at_once_and_all_of_it_where_nothing_is_said() -> None:
    assert read_program("OPENQASM 3; qubit[2] q; bit[2] b; b = measure q;").measured == (0, 1)
    assert read_program("OPENQASM 3; qubit[2] q; x q[1];").measured == (0, 1)


@pytest.mark.parametrize(
    "source",
    [
        "qubit[1] q; if (true) { x q[0]; }",
        "qubit[1] q; rx(__import__('os')) q[0];",
        "qubit[1] q; rx(1/0) q[0];",
        "qubit[1] q; x q[1];",
        "x r[0];",
        "qubit[2] q; b[0] = measure q[0];",
        "#pragma braket noise bit_flip(0.1) q[0];",
    ],
)
def test_what_is_not_understood_is_refused(source: str) -> None:
    with pytest.raises(ProgramInvalid, match="not understood"):
        read_program(source)
