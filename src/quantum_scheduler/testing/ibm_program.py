"""Run what IBM's SDK submits: circuits in QPY with grids of arguments, answered in the schema of the executor."""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from ibm_quantum_schemas.common import CompressedTensorModel
from ibm_quantum_schemas.executor.version_2_0 import (
    ItemMetadataModel,
    MetadataModel,
    ParamsModel,
    QuantumProgramResultItemModel,
    QuantumProgramResultModel,
)
from qiskit import QuantumCircuit

from quantum_scheduler.testing.ibm_devices import DeviceSheet
from quantum_scheduler.testing.state_vector import Bits, CircuitUnknown, Gate, sample_circuit

EXECUTIONS_MAX = 10_000_000
SCHEMA = "v2.0"


class ProgramRefused(ValueError):  # noqa: N818  an error is named for what happened
    """The program cannot be run on the device."""


def run_program(params: Mapping[str, Any], sheet: DeviceSheet, *, wrong: bool) -> str:
    """Run every circuit with each of its rows of arguments and write the result; the same program, the same bits.

    With `wrong`, a shot of each is lost and the rest is told as if nothing were. Raises ProgramRefused.
    """
    if params.get("schema_version") != SCHEMA:
        raise ProgramRefused(f"the schema {params.get('schema_version')} is not understood, {SCHEMA} is")
    program = ParamsModel.model_validate(params).quantum_program
    items = []
    for circuit, item in zip(program.circuits.to_python(), program.items, strict=True):
        if item.item_type != "circuit":
            raise ProgramRefused("twirled circuits are not simulated")
        arguments = item.circuit_arguments.to_numpy()
        if arguments.size * program.shots > EXECUTIONS_MAX:
            raise ProgramRefused(f"more than {EXECUTIONS_MAX:,} executions")
        _check_circuit(circuit, sheet)
        results = _run_circuit(circuit, arguments, program.shots - wrong)
        items.append(QuantumProgramResultItemModel(results=results, metadata=ItemMetadataModel()))
    result = QuantumProgramResultModel(
        data=items,
        metadata=MetadataModel(chunk_timing=[]),
        passthrough_data=program.passthrough_data,
        semantic_role=program.semantic_role,
    )
    return str(result.model_dump_json())


def _check_circuit(circuit: QuantumCircuit, sheet: DeviceSheet) -> None:
    """Refuse what is not written for the device: other gates, or pairs of qubits that are not coupled."""
    coupled = {tuple(pair) for pair in sheet.couplings()}
    for instruction in circuit.data:
        name, qubits = instruction.operation.name, tuple(circuit.find_bit(qubit).index for qubit in instruction.qubits)
        if name not in {"id", "rz", "sx", "x", "cz", "measure", "barrier", "delay"}:
            raise ProgramRefused(f"the device has no gate {name}")
        if name == "cz" and qubits not in coupled:
            raise ProgramRefused(f"the qubits {qubits} are not coupled")


def _run_circuit(circuit: QuantumCircuit, arguments: np.ndarray[Any, Any], shots: int) -> dict[str, Any]:
    """Run one circuit with each row of arguments; each classical register has shape (..., shots, bits)."""
    rows = arguments.reshape(-1, arguments.shape[-1])
    sampled = np.stack([_sample(circuit, row, shots) for row in rows])
    shaped = sampled.reshape(*arguments.shape[:-1], shots, circuit.num_clbits)
    return {
        register.name: CompressedTensorModel.from_numpy(
            shaped[..., [circuit.find_bit(bit).index for bit in register]].astype(np.bool_)
        )
        for register in circuit.cregs
    }


def _sample(circuit: QuantumCircuit, row: np.ndarray[Any, Any], shots: int) -> Bits:
    """Sample all classical bits, in order; what is never measured is 0."""
    bound = circuit.assign_parameters(row)
    gates: list[Gate] = []
    measured: dict[int, int] = {}
    for instruction in bound.data:
        qubits = tuple(bound.find_bit(qubit).index for qubit in instruction.qubits)
        if instruction.operation.name == "measure":
            measured[bound.find_bit(instruction.clbits[0]).index] = qubits[0]
        elif instruction.operation.name not in {"barrier", "delay"}:
            angles = tuple(float(angle) for angle in instruction.operation.params)
            gates.append(Gate(name=instruction.operation.name, qubits=qubits, angles=angles))
    bits = np.zeros((shots, bound.num_clbits), dtype=np.uint8)
    rng = np.random.default_rng(zlib.crc32(repr(gates).encode()))
    try:
        bits[:, list(measured)] = sample_circuit(gates, list(measured.values()), shots=shots, rng=rng)
    except CircuitUnknown as error:
        raise ProgramRefused(str(error)) from error
    return bits
