"""The search where the kernels cannot be compiled: simulated annealing by dwave-samplers, slower, as reproducible."""

import ctypes

import dimod
import numpy as np
from dwave.samplers import SimulatedAnnealingSampler

from quantum_scheduler.backends.classical.search.kernels import ENDED_STOPPED, Kernel, Stream
from quantum_scheduler.backends.classical.search.model import Rows
from quantum_scheduler.backends.classical.search.plan import choose_temperatures
from quantum_scheduler.problems.binary import BinaryProblem

# Of one annealing, which nothing can interrupt; fewer where the whole work is less than some annealings of so many.
SWEEPS_MAX = 1_000
ANNEALINGS_MIN = 4
# A sweep visits every variable, and meets about one of so many terms beside.
TERMS_SHARE = 8


def prepare_sampler(model: BinaryProblem, rows: Rows) -> Kernel:
    """Return a search of a model over {0, 1}, its energies in the rows' unit."""
    bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(
        rows.linear.astype(np.float64), (model.head, model.tail, model.weight / rows.unit), 0.0, dimod.BINARY
    )
    sampler = SimulatedAnnealingSampler()  # type: ignore[no-untyped-call]  # dwave-samplers types half of itself
    hot, cold = choose_temperatures("sampler", rows)
    sweep_work = rows.count + len(rows.other) // TERMS_SHARE

    def run(stream: Stream) -> None:
        sweeps = max(1, min(SWEEPS_MAX, stream.work_max // (ANNEALINGS_MIN * sweep_work)))
        seeds = np.random.default_rng(stream.seed)
        while stream.work < stream.work_max and stream.best > stream.target:
            if stream.work >= stream.settled_min and stream.work > 50 * stream.work_at_best:
                return
            samples = sampler.sample(
                bqm,
                # Without it, the sampler looks for one in Python, at every term.
                beta_range=(1 / hot, 1 / cold),
                num_reads=1,
                num_sweeps=sweeps,
                seed=int(seeds.integers(2**31)),
                interrupt_function=lambda: bool(stream.stop),
            )
            stream.work += sweeps * sweep_work
            energy = float(samples.first.energy)
            if energy < stream.best - stream.tolerance:
                stream.best = energy
                stream.work_at_best = stream.work
                values = samples.record.sample[0][np.argsort(samples.variables)].astype(np.int8)
                ctypes.memmove(stream.values, values.ctypes.data, rows.count)
            if stream.stop:
                stream.ended = ENDED_STOPPED
                return

    return run
