"""Solve a binary model on the annealer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from quantum_scheduler.backends.collect import collect_reads
from quantum_scheduler.backends.dwave.access import Access, refusal
from quantum_scheduler.backends.dwave.embed import Embedded, embed_model, read_chains
from quantum_scheduler.backends.model import Answer
from quantum_scheduler.backends.spins import SpinModel
from quantum_scheduler.problems.binary import BinaryProblem

READS = 500
# Of an Advantage system with default parameters (D-Wave, "Operation and Timing", and its `problem_timing_data`): once
# for each problem, and for each read annealing, readout and delay.
PROGRAMMING_S = 0.015
READ_S = 0.25e-3


def estimate_access_s() -> float:
    """Estimate the QPU access time, which is what D-Wave charges for."""
    return PROGRAMMING_S + READS * READ_S


def embed_problem(problem: BinaryProblem, properties: Mapping[str, Any]) -> Embedded | None:
    """Embed a binary model into a solver's graph; None where it does not fit."""
    return embed_model(SpinModel(problem).bqm, properties)


def write_job(embedded: Embedded, definition: Any, key: str) -> Any:
    """Write an embedded model as a job for D-Wave's client. `definition` is the solver's whole configuration."""
    from dwave.cloud.api import models  # noqa: PLC0415  a backend that is not used costs nothing
    from dwave.cloud.coders import encode_problem_as_qp  # noqa: PLC0415
    from dwave.cloud.solver import StructuredSolver  # noqa: PLC0415

    graph = StructuredSolver(client=None, data=definition)
    data = encode_problem_as_qp(graph, embedded.linear, embedded.quadratic, undirected_biases=True)
    reads = min(READS, definition.properties.get("num_reads_range", [1, READS])[1])
    return models.ProblemJob(
        data=models.ProblemData.model_validate(data),
        params={"num_reads": reads},
        solver=definition.identity,
        type="ising",
        label=key,
    )


def read_answer(
    problem: BinaryProblem,
    status: Any,
    chains: Sequence[Sequence[int]],
    offset: float,
    access: Access,
) -> Answer:
    """Read the qubits of a finished problem back into the model.

    Every read whose chains are intact must have the energy that D-Wave claims for it. Of a broken one the qubits vote,
    and nothing is claimed.
    Raises BackendError of kind `integrity`, and of kind `job_failed` where the read qubits are not those of the chains.
    """
    from dwave.cloud.coders import decode_qp_numpy  # noqa: PLC0415

    decoded = decode_qp_numpy({"type": status.type.value, "answer": status.answer.root.model_dump()})
    used = {qubit for chain in chains for qubit in chain}
    if used != set(decoded["active_variables"].tolist()):
        raise refusal("job_failed", "the answer is of other qubits than the embedding's", access)
    spins, broken = read_chains(decoded["solutions"], chains)
    claimed = np.where(broken.any(axis=1), np.nan, decoded["energies"] + offset)
    occurrences = decoded["num_occurrences"]
    timing = {name: value for name, value in decoded["timing"].items() if isinstance(value, int | float)}
    return collect_reads(
        "dwave",
        problem,
        np.repeat(spins if problem.vartype == "SPIN" else (spins + 1) // 2, occurrences, axis=0),
        np.repeat(claimed, occurrences),
        {
            "method": "quantum annealing",
            "solver": status.solver.name,
            "problem_id": status.id,
            "qubits": len(used),
            "chain_length_max": max(map(len, chains)),
            "chain_break_fraction": float(np.repeat(broken.mean(axis=1), occurrences).mean()),
            "qpu_seconds": timing.get("qpu_access_time", 0) / 1e6,
            "timing_us": timing,
        },
    )
