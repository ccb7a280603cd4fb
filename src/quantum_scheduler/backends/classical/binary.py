"""Search for a state of least energy of a binary model.

Parts that no term joins are solved one by one: small ones exactly, the rest together by simulated annealing in rounds.
How many rounds and how long depends on the model and the limits only, so that the search ends by itself with the same
answer on any machine; the clock is there for the machine that is too slow or too busy.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from quantum_scheduler.backends.classical.anneal import Annealer
from quantum_scheduler.backends.classical.exhaust import VARIABLES_MAX, exhaust_states
from quantum_scheduler.backends.classical.split import Positions, split_parts, take_part
from quantum_scheduler.backends.energy import State, measure_energy, name_values
from quantum_scheduler.backends.local import Report, Stop
from quantum_scheduler.backends.model import Answer, Limits
from quantum_scheduler.problems.binary import BinaryProblem

# Parts that are solved exactly; more than this go to the annealer with the rest.
EXHAUSTED_MAX = 2_000

# Seconds for one sweep: for each variable and each pair term, and how much longer where they outgrow the processor's
# cache. Two to three times what one idle core of a 2-core cloud machine of 2026 takes.
SWEEP_VARIABLE_S = 30e-9
SWEEP_TERM_S = 0.8e-9
CACHED_MAX = 300_000
UNCACHED_MAX = 4.0
# Seconds for each call of the sampler beside the sweeps: at least, and for each variable and term.
CALL_S = 2e-3
CALL_TERM_S = 1e-6
# The longest stretch without a look at the clock.
PIECE_S = 0.3
# The first round's reads and sweeps; each round has twice the sweeps of the last, up to a limit.
READS = 8
SWEEPS_MIN = 100
SWEEPS_MAX = 10_000
# Where so many rounds in a row end in the best energy with every single read, more of them would too.
AGREED_ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """So many reads of so many sweeps, each in so many pieces."""

    reads: int
    sweeps: int
    pieces: int


def search_binary(problem: BinaryProblem, limits: Limits, report: Report, stop: Stop) -> Answer:
    """Search for a state of least energy of a valid model; proven where all its parts are small."""
    state = np.where(problem.linear < 0, 1, 0 if problem.vartype == "BINARY" else -1).astype(np.int8)
    rest = _solve_small_parts(problem, state)
    complete = True
    rounds = 0
    if len(rest):
        part = take_part(problem, rest)

        def improved(found: State) -> None:
            state[rest] = found
            report(objective=measure_energy(problem, state))

        complete, rounds = _anneal(part, limits, improved, stop)
    energy = measure_energy(problem, state)
    return Answer(
        solutions=(name_values(problem, state),),
        complete=complete,
        proof=None if len(rest) else "optimal",
        claimed_objective=energy,
        bound=None if len(rest) else energy,
        info={"method": f"simulated annealing, {rounds} rounds" if len(rest) else "all states of each part"},
    )


def _solve_small_parts(problem: BinaryProblem, state: State) -> Positions:
    """Set the variables of small parts to their best values; return the positions of all the others.

    A variable by itself already has the value that its linear term asks for.
    """
    parts = [part for part in split_parts(problem) if len(part) > 1]
    small = [part for part in parts if len(part) <= VARIABLES_MAX][:EXHAUSTED_MAX]
    for part in small:
        state[part] = exhaust_states(take_part(problem, part))
    return np.sort(np.concatenate([np.empty(0, dtype=np.intp), *parts[len(small) :]]))
