"""The one-layer circuit as OpenQASM 3."""

from collections.abc import Collection

from quantum_scheduler.backends.qaoa.angles import Angles
from quantum_scheduler.backends.qaoa.ising import Ising


def write_openqasm(ising: Ising, angles: Angles, *, gates: Collection[str]) -> str:
    """Write the circuit; bit i is the variable at position i.

    A pair is one `zz` where the device's `gates` have it, else `cnot rz cnot`, which every device compiles.
    """
    lines = ["OPENQASM 3.0;", f"bit[{ising.qubits}] b;", f"qubit[{ising.qubits}] q;"]
    lines += [f"h q[{qubit}];" for qubit in range(ising.qubits)]
    for head, tail, coupling in zip(ising.head.tolist(), ising.tail.tolist(), ising.coupling.tolist(), strict=True):
        angle = 2 * angles.gamma * coupling
        if "zz" in gates:
            lines.append(f"zz({angle}) q[{head}], q[{tail}];")
        else:
            lines += [f"cnot q[{head}], q[{tail}];", f"rz({angle}) q[{tail}];", f"cnot q[{head}], q[{tail}];"]
    lines += [f"rz({2 * angles.gamma * bias}) q[{i}];" for i, bias in enumerate(ising.field.tolist()) if bias]
    lines += [f"rx({2 * angles.beta}) q[{qubit}];" for qubit in range(ising.qubits)]
    lines += [f"b[{qubit}] = measure q[{qubit}];" for qubit in range(ising.qubits)]
    return "\n".join(lines) + "\n"
