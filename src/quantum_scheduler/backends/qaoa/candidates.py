"""From measured bits to an answer: what was sampled, said honestly, and the best states that lie near it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quantum_scheduler.backends.energy import measure_energy, name_values
from quantum_scheduler.backends.model import Answer
from quantum_scheduler.backends.qaoa.angles import Angles
from quantum_scheduler.backends.qaoa.ising import Bits
from quantum_scheduler.backends.spins import SpinModel, Spins
from quantum_scheduler.problems.binary import BinaryProblem

# Different states that are handed on.
CANDIDATES_MAX = 20
# Two energies this close, relative to the model's scale, are one.
SAME_ENERGY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """The shots of one pair of angles."""

    angles: Angles
    bits: Bits


def answer_samples(
    problem: BinaryProblem, model: SpinModel, batches: Sequence[Batch], info: Mapping[str, Any]
) -> Answer:
    """Let every different sample fall to the bottom of its valley and answer with the best different states.

    `info` is extended by what was measured before that: `mean_energy` and, without noise, `expected_energy` of the
    first pair of angles, chosen before anything ran; `random_energy`, the mean of a fair coin for each variable; and
    `probability_of_best`, the share of all shots at the best energy known: the probability of the optimum where the
    best is the optimum. Thousands of shots hit most states of a small model by chance; the best of them says nothing.
    """
    shots: Spins = np.concatenate([1 - 2 * batch.bits.astype(np.int8) for batch in batches])
    sampled, counts = np.unique(shots, axis=0, return_counts=True)
    energies = model.energies(sampled)
    fallen = np.unique(model.descend(sampled), axis=0)
    fallen_energies = model.energies(fallen)
    ranked = fallen[np.argsort(fallen_energies, kind="stable")[:CANDIDATES_MAX]]
    states = [model.state(spins) for spins in ranked]
    best = float(fallen_energies.min())
    hits = int(counts[energies <= best + SAME_ENERGY * model.field].sum())
    return Answer(
        solutions=tuple(name_values(problem, state) for state in states),
        complete=True,
        reproducible=False,
        claimed_objective=measure_energy(problem, states[0]),
        info={
            **info,
            "gamma": batches[0].angles.gamma,
            "beta": batches[0].angles.beta,
            "mean_energy": float(model.energies(shots[: len(batches[0].bits)]).mean()),
            "expected_energy": batches[0].angles.mean_energy,
            "shots": len(shots),
            "angle_pairs": len(batches),
            "random_energy": float(model.bqm.offset),
            "best_energy_before_descent": float(energies.min()),
            "probability_of_best": hits / len(shots),
        },
    )
