"""The solvers as a dimod sampler, for programs written with Ocean."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import dimod
import numpy as np
from dimod.core.sampler import Sampler
from numpy.typing import NDArray

from quantum_scheduler.backends.classical.choose import METHODS
from quantum_scheduler.backends.model import AUTO, Progress
from quantum_scheduler.library.limit import limit_count, limit_request
from quantum_scheduler.library.take import take_bqm
from quantum_scheduler.problems.model import VARIABLES_MAX
from quantum_scheduler.solving.compute import solve_problem
from quantum_scheduler.solving.model import FLIPS_MAX, SEED_MAX, TIME_LIMIT_MAX_S, TIME_LIMIT_MIN_S, Result

READS_MAX = 10_000


class QuantumSchedulerSampler(Sampler):
    """Solves binary quadratic models in this process; every energy is recomputed on the model as it was given."""

    def __init__(self) -> None:
        self._parameters: dict[str, Any] = {
            "time_limit_s": ["time_limit_s_range"],
            "seed": ["seed_range"],
            "threads": [],
            "num_reads": ["num_reads_range"],
            "backend": [],
            "method": ["methods"],
            "target": [],
            "flips_max": ["flips_max_range"],
        }
        self._properties: dict[str, Any] = {
            "category": "software",
            "time_limit_s_range": [TIME_LIMIT_MIN_S, TIME_LIMIT_MAX_S],
            "seed_range": [0, SEED_MAX],
            "num_reads_range": [1, READS_MAX],
            "methods": [AUTO, *METHODS["binary"]],
            "flips_max_range": [1, FLIPS_MAX],
            "variables_max": VARIABLES_MAX,
        }

    @property
    def parameters(self) -> dict[str, Any]:
        """The keyword arguments of `sample`, each with the properties that concern it."""
        return self._parameters

    @property
    def properties(self) -> dict[str, Any]:
        """What the sampler takes."""
        return self._properties

    def sample(  # noqa: PLR0913  one for each of its parameters
        self,
        bqm: dimod.BinaryQuadraticModel,
        *,
        time_limit_s: float = 10.0,
        seed: int = 0,
        threads: int = 1,
        num_reads: int = 1,
        backend: str = "auto",
        method: str = AUTO,
        target: float | None = None,
        flips_max: int | None = None,
        **unknown: Any,
    ) -> dimod.SampleSet:
        """Search for states of least energy; one read is one search and one row, in the order of their seeds.

        The reads share the time limit evenly and begin from `seed`, `seed` + 1 and so on; one read of the whole time is
        the best use of it. A read also ends at the energy `target` or below, and when each thread has done the work of
        `flips_max` flips. `method` is used alone.

        The labels, the vartype and the energies are the model's own. `info` holds `status`, `bound` and `backend` of
        the best read, `seconds` of all of them, and whether all are `verified` and `reproducible`. An empty model has
        one empty sample for each read, of the offset as energy.

        Raises ValueError for a parameter out of range, ProblemInvalid, MethodUnknown, BackendUnknown and BackendError.
        Warns of unknown parameters, as dimod's samplers do.
        """
        self.remove_unknown_kwargs(**unknown)
        whole = limit_request(
            backend=backend,
            method=method,
            time_limit_s=time_limit_s,
            seed=seed,
            threads=threads,
            target=target,
            flips_max=flips_max,
        )
        num_reads = limit_count("num_reads", num_reads, 1, READS_MAX)
        count = len(bqm.variables)
        if not count:
            states = np.empty((num_reads, 0), dtype=np.int8)
            return _write_samples(states, bqm, _describe_empty(bqm))
        began_s = time.monotonic()
        problem = take_bqm(bqm, labels=range(count))
        request = replace(
            whole,
            time_limit_s=max(TIME_LIMIT_MIN_S, whole.time_limit_s / num_reads),
        )
        results = [
            solve_problem(problem, replace(request, seed=(request.seed + read) % (SEED_MAX + 1)), report=_ignore)
            for read in range(num_reads)
        ]
        states = np.array([_read_state(result, count) for result in results], dtype=np.int8)
        info = {**_describe(results), "seconds": time.monotonic() - began_s}
        return _write_samples(states, bqm, info)


def _write_samples(states: NDArray[np.int8], bqm: dimod.BinaryQuadraticModel, info: dict[str, Any]) -> dimod.SampleSet:
    """Write states, shape (reads, variables), with the model's labels and their energies on the model itself."""
    samples = states, list(bqm.variables)
    write = cast("Callable[..., dimod.SampleSet]", dimod.SampleSet.from_samples_bqm)  # dimod types half of itself
    return write(samples, bqm, info=info)


def _read_state(result: Result, count: int) -> list[int]:
    """The value of each variable by position; a binary model always has a solution."""
    assert result.solution is not None
    values = dict(result.solution["values"])
    return [values[position] for position in range(count)]


def _describe(results: Sequence[Result]) -> dict[str, Any]:
    """Say of all reads what the best of them says, a proven one first."""
    best = min(results, key=lambda result: (result.objective, result.status != "optimal"))
    bounds = [result.bound for result in results if result.bound is not None]
    return {
        "status": best.status,
        "bound": max(bounds, default=None),
        "backend": best.backend,
        "verified": all(result.verified for result in results),
        "reproducible": all(result.reproducible for result in results),
    }


def _describe_empty(bqm: dimod.BinaryQuadraticModel) -> dict[str, Any]:
    """Say that the one state there is, is the best."""
    return {
        "status": "optimal",
        "bound": float(bqm.offset),
        "backend": "none",
        "verified": True,
        "reproducible": True,
        "seconds": 0.0,
    }


def _ignore(_progress: Progress) -> None:
    """Leave the improvements unseen."""
