"""A binary model as Dynex takes it, and Dynex's packed samples back in the model."""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.backends.collect import collect_reads
from quantum_scheduler.backends.dynex.access import Access, Compute, refusal
from quantum_scheduler.backends.model import Answer, BackendError
from quantum_scheduler.backends.trust import find_trust
from quantum_scheduler.problems.binary import BinaryProblem

READS: dict[Compute, int] = {"cpu": 32, "gpu": 32, "qpu": 4}
STEPS = 1000
# Solutions that a worker sends back, of those it found.
RANK: dict[Compute, int] = {"cpu": 10, "gpu": 10, "qpu": 1}
# What an Apollo QPU holds.
QPU_COEFFICIENT_MAX = 9.0
# For one variable and one step (`estimate_qpu_read_seconds` in Dynex's SDK).
QPU_STEP_S = 1 / 4000
DOWNLOAD_TIMEOUT_S = 20.0
# Of the size of the model: its workers compute in single precision.
TOLERANCE = 1e-5
BATCH = "sampleset-batch-v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Qubo:
    """A model of values 0 and 1 as triples; terms (v, v) are linear. `scale` is what it was multiplied with."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float64]
    offset: float
    scale: float


def write_qubo(problem: BinaryProblem, compute: Compute) -> Qubo:
    """Write a binary model, its variables by position, small enough for the machine that it is for."""
    linear, weight = problem.linear.astype(np.float64), problem.weight.astype(np.float64)
    offset = float(problem.offset)
    if problem.vartype == "SPIN":  # s = 2 x - 1
        offset += float(weight.sum() - linear.sum())
        linear = 2 * linear
        np.subtract.at(linear, problem.head, 2 * weight)
        np.subtract.at(linear, problem.tail, 2 * weight)
        weight = 4 * weight
    own = np.arange(len(linear))
    values = np.concatenate([linear, weight])
    largest = float(np.abs(values).max(initial=0.0))
    scale = QPU_COEFFICIENT_MAX / largest if compute == "qpu" and largest > QPU_COEFFICIENT_MAX else 1.0
    return Qubo(
        rows=np.concatenate([own, problem.head]),
        columns=np.concatenate([own, problem.tail]),
        values=values * scale,
        offset=offset * scale,
        scale=scale,
    )


def estimate_solving_s(count: int, compute: Compute, time_limit_s: float) -> float:
    """Estimate how long a job of so many variables runs; only of the QPU does Dynex say so."""
    return READS[compute] * max(1.0, count * STEPS * QPU_STEP_S) if compute == "qpu" else time_limit_s


def write_requests(problem: BinaryProblem, access: Access, key: str) -> Iterator[Any]:
    """Write the messages that create a job. Its description is the key, by which a person finds it at Dynex."""
    from dynex.proto import sdk_pb2  # noqa: PLC0415  a backend that is not used costs nothing

    qubo = write_qubo(problem, access.compute)
    compute = {
        "cpu": sdk_pb2.COMPUTE_BACKEND_DYNEX_CPU,
        "gpu": sdk_pb2.COMPUTE_BACKEND_DYNEX_GPU,
        "qpu": sdk_pb2.COMPUTE_BACKEND_DYNEX_QPU_APOLLO,
    }[access.compute]
    reads = READS[access.compute]
    options = sdk_pb2.JobNewOpts(
        max_steps=STEPS,
        num_reads=reads,
        min_step_size=0.05,
        description=key,
        shots=1,
        population_size=reads,
        rank=RANK[access.compute],
        compute_backend=compute,
        job_metadata_json=json.dumps({"qpu_model": access.qpu_model}) if access.compute == "qpu" else "",
    )
    yield sdk_pb2.CreateJobRequest(init=sdk_pb2.CreateJobInit(opts=options))
    data = sdk_pb2.JobData(
        num_vars=len(problem.labels),
        row=qubo.rows.tolist(),
        col=qubo.columns.tolist(),
        val=qubo.values.tolist(),
        offset=qubo.offset,
        filename="model",
    )
    yield sdk_pb2.CreateJobRequest(job_data=data)


def read_envelopes(problem: BinaryProblem, envelopes: Sequence[Any], access: Access, info: dict[str, Any]) -> Answer:
    """Read batches of samples. Raises BackendError of kind `integrity` where an energy is not what Dynex claims.

    The protocol does not say whether energies include the model's offset; both are taken for right.
    """
    bits, energies = [], []
    for envelope in envelopes:
        batch = _read_batch(envelope, len(problem.labels), access)
        stride = -(-batch.num_variables // 8)
        packed = np.frombuffer(batch.packed_voltages, dtype=np.uint8).reshape(-1, stride)
        bits.append(np.unpackbits(packed, axis=1, bitorder="little")[:, : batch.num_variables].astype(np.int8))
        energies.append(np.array(batch.energies))
    reads = np.concatenate(bits)
    reads = 2 * reads - 1 if problem.vartype == "SPIN" else reads
    qubo = write_qubo(problem, access.compute)
    claimed = np.concatenate(energies) / qubo.scale
    try:
        return collect_reads("dynex", problem, reads, claimed, info, tolerance=TOLERANCE)
    except BackendError:
        without = claimed + qubo.offset / qubo.scale
        return collect_reads("dynex", problem, reads, without, info, tolerance=TOLERANCE)


def _read_batch(envelope: Any, count: int, access: Access) -> Any:
    """Decode one batch of samples. Raises BackendError where it is not one of this model."""
    from dynex.proto import sampleset_batch_pb2  # noqa: PLC0415

    if envelope.format != BATCH:
        raise refusal("job_failed", f"it answered in the format {envelope.format!r}, not {BATCH}", access)
    raw = _read_payload(envelope)
    batch = sampleset_batch_pb2.SampleSetBatch.FromString(raw)
    stride = -(-batch.num_variables // 8)
    if batch.num_variables != count or len(batch.packed_voltages) != stride * len(batch.energies):
        raise refusal("job_failed", "it answered with samples of another shape than the model's", access)
    return batch


def _read_payload(envelope: Any) -> bytes:
    raw = base64.b64decode(envelope.data) if envelope.data else _download(envelope.url)
    if envelope.compression.lower() == "zstd":
        import zstandard  # noqa: PLC0415  Dynex's SDK brings it along

        return bytes(zstandard.ZstdDecompressor().decompressobj().decompress(raw))
    return raw


def _download(url: str) -> bytes:
    response = httpx2.get(url, verify=find_trust(), timeout=DOWNLOAD_TIMEOUT_S)
    response.raise_for_status()
    return response.content
