"""What D-Wave's solvers are and do, as their API has it: definitions, problems and answers in its formats."""

import base64
import copy
import io
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import dimod
import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.testing.anneal import anneal

# An Advantage2 has m = 12; this size has the same shape and is quick to embed into.
ZEPHYR_M = 6
HYBRID_READS = 20


@cache
def _define_solvers() -> tuple[dict[str, Any], ...]:
    """Define an annealer and the hybrid solvers, all of them loopback by name."""
    from dwave.cloud.testing import mocks  # noqa: PLC0415  the SDK is there when the stand-in is started

    timing = mocks.qpu_problem_timing_data()
    qpu = mocks.qpu_zephyr_solver_data(
        ZEPHYR_M, name="Advantage2_loopback", description="Simulated", avg_load=0.1, problem_timing_data=timing
    )
    bqm = mocks.hybrid_bqm_solver_data(
        name="hybrid_bqm_loopback", description="Simulated", avg_load=0.1, maximum_number_of_variables=1_000_000
    )
    cqm = mocks.hybrid_cqm_solver_data(name="hybrid_cqm_loopback", description="Simulated", avg_load=0.1)
    return qpu, bqm, cqm


def describe_solvers(wanted: str | None, *, online: bool, name: str | None) -> list[dict[str, Any]]:
    """Describe the solvers, or the one called `name`, with the fields that a filter such as none,+identity wants."""
    status = "ONLINE" if online else "OFFLINE"
    solvers = [{**solver, "status": status} for solver in _define_solvers()]
    return [_filter(solver, wanted) for solver in solvers if name in (None, solver["identity"]["name"])]


def _filter(solver: dict[str, Any], wanted: str | None) -> dict[str, Any]:
    first, *changes = (wanted or "all").split(",")
    told: dict[str, Any] = {} if first == "none" else copy.deepcopy(solver)
    for change in changes:
        *folders, field = change[1:].split(".")
        source, target = solver, told
        for folder in folders:
            source, target = source[folder], target.setdefault(folder, {})
        if change.startswith("-"):
            target.pop(field, None)
        elif field in source:
            target[field] = source[field]
    return told


def solve_sent(body: Mapping[str, Any], read_upload: Callable[[str], bytes], *, wrong: bool) -> dict[str, Any]:
    """Solve a submitted problem and answer as its solver would; `wrong` has every energy claimed too low."""
    data = body["data"]
    if data["format"] == "qp":
        return _answer_qubits(body, wrong=wrong)
    samples = _sample_upload(body["type"], read_upload(data["data"]))
    if wrong:
        samples.record.energy[:] = _understate(samples.record.energy)
    limit_us = 1e6 * body["params"].get("time_limit", 3)
    samples.info.update(run_time=limit_us, charge_time=limit_us, qpu_access_time=0)
    return {"format": "bq", "data": samples.to_serializable(use_bytes=False)}


def _sample_upload(kind: str, uploaded: bytes) -> dimod.SampleSet:
    if kind == "bqm":
        return anneal(dimod.BinaryQuadraticModel.from_file(io.BytesIO(uploaded)), HYBRID_READS)
    model = dimod.ConstrainedQuadraticModel.from_file(io.BytesIO(uploaded))
    penalised, invert = dimod.cqm_to_bqm(model)
    samples = [invert(sample) for sample in anneal(penalised, HYBRID_READS).samples(sorted_by="energy")]
    sampled: dimod.SampleSet = dimod.SampleSet.from_samples_cqm(samples, model)
    return sampled


def _understate(energies: NDArray[np.float64]) -> NDArray[np.float64]:
    return energies - 1 - np.abs(energies) / 10


def _answer_qubits(body: Mapping[str, Any], *, wrong: bool) -> dict[str, Any]:
    """Sample an Ising or QUBO problem on qubits, and answer in D-Wave's packed format."""
    properties = next(each for each in _define_solvers() if "qubits" in each["properties"])["properties"]
    linear = np.frombuffer(base64.b64decode(body["data"]["lin"]), dtype="<f8")
    active = np.array(properties["qubits"])[~np.isnan(linear)]
    inside = set(active.tolist())
    couplers = [(u, v) for u, v in properties["couplers"] if u in inside and v in inside]
    weights = np.frombuffer(base64.b64decode(body["data"]["quad"]), dtype="<f8")
    model = dimod.BinaryQuadraticModel(
        dict(zip(active.tolist(), linear[~np.isnan(linear)].tolist(), strict=True)),
        dict(zip(couplers, weights.tolist(), strict=True)),
        0.0,
        dimod.SPIN if body["type"] == "ising" else dimod.BINARY,
    )
    reads = body["params"].get("num_reads", 1)
    samples = anneal(model, reads).aggregate()
    order = [samples.variables.index(qubit) for qubit in active.tolist()]
    energies = samples.record.energy
    return {
        "format": "qp",
        "num_variables": properties["num_qubits"],
        "active_variables": _encode(active, "<i4"),
        "energies": _encode(_understate(energies) if wrong else energies, "<f8"),
        "num_occurrences": _encode(samples.record.num_occurrences, "<i4"),
        "solutions": base64.b64encode(np.packbits(samples.record.sample[:, order] > 0, axis=1).tobytes()).decode(),
        "timing": {"qpu_access_time": 15_000 + 240 * reads, "qpu_sampling_time": 240 * reads},
    }


def _encode(numbers: NDArray[Any], kind: str) -> str:
    return base64.b64encode(np.asarray(numbers, dtype=kind).tobytes()).decode()
