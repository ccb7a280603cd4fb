"""Search for a state of least energy of a binary model.

Parts that no term joins are solved one by one: small ones exactly, the rest together by simulated annealing in rounds.
How many rounds and how long depends on the model and the limits only, so that the search ends by itself with the same
answer on any machine; the clock is there for the machine that is too slow or too busy.
"""

from collections.abc import Callable
from itertools import accumulate

import numpy as np

from quantum_scheduler.backends.classical.anneal import anneal_round
from quantum_scheduler.backends.classical.exhaust import VARIABLES_MAX, exhaust_states
from quantum_scheduler.backends.classical.rounds import plan_rounds
from quantum_scheduler.backends.classical.split import Positions, split_parts, take_part
from quantum_scheduler.backends.energy import State, measure_energy, name_values
from quantum_scheduler.backends.local import Report, Stop
from quantum_scheduler.backends.model import Answer, Limits
from quantum_scheduler.backends.spins import SpinModel
from quantum_scheduler.problems.binary import BinaryProblem

# Small parts are solved exactly while there are no more than this, and no more states to look at in all; the others go
# to the model.
EXHAUSTED_MAX = 500
STATES_MAX = 2**22
# Where so many rounds in a row end in the best energy with every single read, more of them would too.
AGREED_ROUNDS = 3
# Energies of doubles that differ by no more than this, as a share of the larger, are one energy.
ENERGY_TOLERANCE = 1e-12


def search_binary(problem: BinaryProblem, limits: Limits, report: Report, stop: Stop) -> Answer:
    """Search for a state of least energy of a valid model; proven where all its parts are small."""
    # Right for a variable by itself; the others are set below.
    state = np.where(problem.linear < 0, 1, 0 if problem.vartype == "BINARY" else -1).astype(np.int8)
    rest = _solve_small_parts(problem, state)
    complete, method = True, "all states of each part"
    if len(rest):

        def improved(found: State) -> None:
            state[rest] = found
            report(objective=measure_energy(problem, state))

        complete, rounds = _anneal(take_part(problem, rest), limits, improved, stop)
        method = f"simulated annealing, {rounds} rounds"
    energy = measure_energy(problem, state)
    return Answer(
        solutions=(name_values(problem, state),),
        complete=complete,
        proof=None if len(rest) else "optimal",
        claimed_objective=energy,
        bound=None if len(rest) else energy,
        info={"method": method},
    )


def _solve_small_parts(problem: BinaryProblem, state: State) -> Positions:
    """Set the variables of small parts to their best values; return the positions of the variables of the others."""
    parts = [part for part in split_parts(problem) if len(part) > 1]
    totals = accumulate(2 ** min(len(part), VARIABLES_MAX + 1) for part in parts)
    fit = sum(len(part) <= VARIABLES_MAX and total <= STATES_MAX for part, total in zip(parts, totals, strict=True))
    small, large = parts[: min(fit, EXHAUSTED_MAX)], parts[min(fit, EXHAUSTED_MAX) :]
    if small:
        together = take_part(problem, np.concatenate(small))
        ends = np.cumsum([len(part) for part in small])
        for part, inside in zip(small, np.split(np.arange(ends[-1]), ends[:-1]), strict=True):
            state[part] = exhaust_states(take_part(together, inside))
    return np.sort(np.concatenate(large)) if large else np.empty(0, dtype=np.intp)


def _anneal(problem: BinaryProblem, limits: Limits, improved: Callable[[State], None], stop: Stop) -> tuple[bool, int]:
    """Anneal in rounds and hand on each better state; return whether they ended by themselves, and how many there were.

    `stop` is asked after the first round at the earliest, so that there is an answer.
    """
    model = SpinModel(problem)
    best = np.inf
    agreed = done = 0
    for plan in plan_rounds(problem, limits.time_limit_s):
        spins = anneal_round(model, plan, number=done, seed=limits.seed, stop=stop)
        energies = model.energies(spins)
        least = int(np.argmin(energies))
        if energies[least] < best:
            best = energies[least]
            improved(model.state(spins[least]))
        done += 1
        if stop():
            return False, done
        agreed = agreed + 1 if np.allclose(energies, best, ENERGY_TOLERANCE, ENERGY_TOLERANCE) else 0
        if agreed == AGREED_ROUNDS:
            break
    return True, done
