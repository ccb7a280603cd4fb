"""Simulated annealing in rounds of several reads."""

from collections.abc import Callable

import numpy as np
from dwave.samplers import SimulatedAnnealingSampler

from quantum_scheduler.backends.classical.rounds import Round
from quantum_scheduler.backends.spins import SpinModel, Spins

# Temperatures, as shares of the model's field.
HOTTEST = 1.0
COLDEST = 0.03


def anneal_round(model: SpinModel, plan: Round, *, number: int, seed: int, stop: Callable[[], bool]) -> Spins:
    """Cool random states down, let each fall to the bottom, and return those done before `stop`, at least one.

    Rounds with an even `number` flip by the rule of Metropolis while the temperature falls by even steps, which is best
    on most models and hopeless on a few (on chains it only pushes faults along); the others by that of Gibbs, while it
    falls by even factors. `stop` is asked between two reads and between two pieces.
    """
    ends = HOTTEST * model.field, COLDEST * model.field
    even = number % 2 == 0
    temperatures = np.linspace(*ends, plan.sweeps) if even else np.geomspace(*ends, plan.sweeps)
    seeds = np.random.SeedSequence((seed, number)).generate_state(plan.pieces)
    sampler = SimulatedAnnealingSampler()  # type: ignore[no-untyped-call]  # dwave-samplers types half of itself
    spins: Spins | None = None
    for piece, piece_seed in zip(np.array_split(1 / temperatures, plan.pieces), seeds.tolist(), strict=True):
        if spins is not None and stop():
            break
        samples = sampler.sample(
            model.bqm,
            num_reads=plan.reads if spins is None else len(spins),
            beta_schedule_type="custom",
            beta_schedule=piece,
            proposal_acceptance_criteria="Metropolis" if even else "Gibbs",
            seed=piece_seed >> 1,  # it takes 31 bits
            initial_states=None if spins is None else model.write(spins),
            interrupt_function=stop,
        )
        spins = model.read(samples)
    assert spins is not None
    return model.descend(spins)
