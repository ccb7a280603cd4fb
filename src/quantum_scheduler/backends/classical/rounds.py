"""Plan how much annealing a time limit is worth: a function of the model and the limit only, never of the clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from quantum_scheduler.problems.binary import BinaryProblem

# Seconds for one sweep: for each variable and each pair term, and how much longer where they outgrow the processor's
# cache. Two to three times what one idle core of a 2-core cloud machine of 2026 takes.
SWEEP_VARIABLE_S = 35e-9
SWEEP_TERM_S = 0.3e-9
CACHED_MAX = 300_000
UNCACHED_MAX = 3.0
# Seconds for each call of a sampler beside the sweeps: at least, and for each variable and term. A round makes one for
# each piece, and one to descend to the bottom at the end.
CALL_S = 3e-3
CALL_VARIABLE_S = 6e-6
CALL_TERM_S = 0.3e-6
# The longest stretch without a look at the clock.
PIECE_S = 0.3
# The first round's reads and sweeps; each round has twice the sweeps of the one before, up to a limit.
READS = 8
SWEEPS_MIN = 100
SWEEPS_MAX = 10_000
FIRST_SHARE = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """So many reads of so many sweeps, each read in so many pieces."""

    reads: int
    sweeps: int
    pieces: int


def plan_rounds(problem: BinaryProblem, time_limit_s: float) -> Iterator[Round]:
    """Plan rounds of ever longer reads that fill the time limit; where no round fits, a short and a long read.

    The short one is there for when the clock cuts the long one, which is no use before its end.
    """
    variables, terms = len(problem.labels), len(problem.head)
    slower = 1 + min(UNCACHED_MAX, (variables + terms) / CACHED_MAX)
    sweep_s = (SWEEP_VARIABLE_S * variables + SWEEP_TERM_S * terms) * slower
    call_s = CALL_S + CALL_VARIABLE_S * variables + CALL_TERM_S * terms
    # A piece is no shorter than the call that does it.
    piece_sweeps = max(1, int(max(PIECE_S, call_s) / sweep_s))

    def plan(reads: int, sweeps: int) -> Round:
        return Round(reads=reads, sweeps=sweeps, pieces=ceil(sweeps / piece_sweeps))

    left_s = time_limit_s
    sweeps = SWEEPS_MIN
    planned = 0
    while (seconds := call_s * (1 + ceil(sweeps / piece_sweeps)) + READS * sweeps * sweep_s) <= left_s:
        yield plan(READS, sweeps)
        planned += 1
        left_s -= seconds
        sweeps = min(2 * sweeps, SWEEPS_MAX)
    total = int((left_s - call_s) / (sweep_s + call_s / piece_sweeps))
    if not planned:
        first = max(1, int(FIRST_SHARE * total))
        yield plan(1, first)
        if total > 2 * first:
            yield plan(1, total - first)
    elif total >= SWEEPS_MIN:
        reads = max(1, total // sweeps)
        yield plan(reads, total // reads)
