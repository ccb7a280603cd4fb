"""Collect the reads of a sampler into an answer: nothing that it claims is taken on trust."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.backends.energy import measure_energy, name_values
from quantum_scheduler.backends.model import Answer, BackendError
from quantum_scheduler.problems.binary import BinaryProblem

# Different reads that are handed on.
CANDIDATES_MAX = 20
# Of the sum of the sizes of all coefficients: what rounding of doubles explains, and to spare.
TOLERANCE = 1e-9


def collect_reads(
    name: str,
    problem: BinaryProblem,
    reads: NDArray[np.int8],
    claimed: NDArray[np.float64],
    info: Mapping[str, Any],
    *,
    tolerance: float = TOLERANCE,
) -> Answer:
    """Measure the reads, shape (reads, variables), in the problem's vartype, and answer with the best different ones.

    `claimed` is the energy that the vendor claims for each read, NaN where it claims none.
    Raises BackendError: of kind `integrity` where a claim differs from what the read is worth by more than `tolerance`
    of the model's size or a value is none of the vartype's, and of kind `job_failed` where there is no read.
    """
    if not len(reads):
        raise BackendError("job_failed", f"{name} answered without a single read")
    if not np.isin(reads, (0, 1) if problem.vartype == "BINARY" else (-1, 1)).all():
        raise BackendError("integrity", f"{name} answered with values that no {problem.vartype} variable has")
    states, first, place = np.unique(reads, axis=0, return_index=True, return_inverse=True)
    energies = np.array([measure_energy(problem, state) for state in states])
    _check_claims(name, problem, energies[place.reshape(-1)], claimed, tolerance)
    ranked = np.argsort(energies, kind="stable")[:CANDIDATES_MAX]
    best = states[ranked[0]]
    counts = np.bincount(place.reshape(-1))
    return Answer(
        solutions=tuple(name_values(problem, states[at]) for at in ranked),
        complete=True,
        reproducible=False,
        claimed_objective=None if np.isnan(claimed[first[ranked[0]]]) else measure_energy(problem, best),
        info={
            **info,
            "reads": len(reads),
            "different_reads": len(states),
            "best_reads": int(counts[ranked[0]]),
            "mean_energy": float(energies[place.reshape(-1)].mean()),
        },
    )


def _check_claims(
    name: str, problem: BinaryProblem, energies: NDArray[Any], claimed: NDArray[np.float64], tolerance: float
) -> None:
    size = float(np.abs(problem.linear).sum() + np.abs(problem.weight).sum() + abs(problem.offset))
    wrong = np.abs(claimed - energies.astype(np.float64)) > tolerance * max(1.0, size)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise BackendError("integrity", f"{name} claimed {claimed[at]:g} for a read that is worth {energies[at]:g}")
