"""Sample a model for a stand-in: simulated annealing, always alike, and never for long."""

import dimod
from dwave.samplers import SimulatedAnnealingSampler

SWEEPS = 200
SEED = 1
# Sweeps times terms over all reads: a second of one core, or a few for models that outgrow its cache, so that no client
# gives up while it waits.
WORK_MAX = 400_000_000


def anneal(model: dimod.BinaryQuadraticModel, reads: int) -> dimod.SampleSet:
    """Anneal `reads` times, or as often as is quick for a model of this size."""
    quick = WORK_MAX // (SWEEPS * (model.num_variables + model.num_interactions + 1))
    sampler = SimulatedAnnealingSampler()  # type: ignore[no-untyped-call]  # dwave-samplers types half of itself
    return sampler.sample(model, num_reads=max(1, min(reads, quick)), num_sweeps=SWEEPS, seed=SEED)
