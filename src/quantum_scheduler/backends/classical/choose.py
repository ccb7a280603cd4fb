"""Which method solves what: one table for each type of problem, by size, density and degrees.

The first row that fits is taken. A row looks at the problem and nothing else, so that a seed fixes the answer. What the
rows were measured with is in docs/decisions/choice-of-method.md; whoever changes a row measures again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from quantum_scheduler.problems.problem import ProblemType

NEVER = 2**62

BinaryMethod = Literal["tabu", "anneal", "exchange", "sampler"]
ScheduleMethod = Literal["list", "cp-sat"]

# A method, and the share of all work after which the next one takes over.
Stage = tuple[BinaryMethod, float]
Plan = tuple[Stage, ...]

# What `--method` can name, each usable alone.
METHODS: Mapping[ProblemType, tuple[str, ...]] = {
    "binary": ("tabu", "anneal", "exchange", "sampler"),
    "schedule": ("list", "cp-sat"),
}

TABU: Plan = (("tabu", 1.0),)
ANNEAL: Plan = (("anneal", 1.0),)
EXCHANGE: Plan = (("exchange", 1.0),)
# Annealing is there first; replicas go on improving when it has long stopped.
ANNEAL_THEN_EXCHANGE: Plan = (("anneal", 0.1), ("exchange", 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryRow:
    """A kind of connected binary model, after reduction, and its search.

    `plan` is what one thread runs; `beside` is what every second one of several runs, for the models that `plan` is bad
    at. `density` is the share of all pairs that have a term.
    """

    variables_max: int = NEVER
    density_min: float = 0.0
    degree_max: int = NEVER
    degree_spread_max: int = NEVER
    plan: Plan
    beside: Plan


# Tori and lattices have few neighbours, about as many everywhere, so that clusters of differing variables stay small.
LATTICE_DEGREE_MAX = 6
LATTICE_DEGREE_SPREAD_MAX = 2

BINARY = (
    BinaryRow(
        degree_max=LATTICE_DEGREE_MAX, degree_spread_max=LATTICE_DEGREE_SPREAD_MAX, plan=EXCHANGE, beside=EXCHANGE
    ),
    # Dense: a flip changes most deltas, so that a matrix and vector instructions pay; 8192 rows of int16 are 128 MiB.
    BinaryRow(density_min=0.08, variables_max=8192, plan=TABU, beside=ANNEAL_THEN_EXCHANGE),
    BinaryRow(density_min=0.008, plan=ANNEAL_THEN_EXCHANGE, beside=ANNEAL),
    # Measured: between the two, one long cooling ends lower than replicas do.
    BinaryRow(density_min=0.004, plan=ANNEAL, beside=EXCHANGE),
    BinaryRow(plan=ANNEAL_THEN_EXCHANGE, beside=ANNEAL),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """A kind of schedule by its size, tasks and choices of an agent together, and the methods it gets in turn.

    `size_per_s_max` is the most size for each second of the time limit: writing CP-SAT's model takes time too.
    """

    size_max: int = NEVER
    size_per_s_max: float = float("inf")
    methods: tuple[ScheduleMethod, ...]


SCHEDULE = (
    # Above this size CP-SAT's model takes more memory and time than its improvements are worth.
    ScheduleRow(size_max=60_000, size_per_s_max=4_000, methods=("list", "cp-sat")),
    ScheduleRow(methods=("list",)),
)


def choose_binary(*, variables: int, density: float, degree_min: int, degree_max: int) -> BinaryRow:
    """Find the row of a connected binary model."""
    return next(
        row
        for row in BINARY
        if variables <= row.variables_max
        and density >= row.density_min
        and degree_max <= row.degree_max
        and degree_max - degree_min <= row.degree_spread_max
    )


def choose_schedule(*, size: int, time_limit_s: float) -> tuple[ScheduleMethod, ...]:
    """Find the methods of a schedule."""
    return next(row.methods for row in SCHEDULE if size <= row.size_max and size <= row.size_per_s_max * time_limit_s)
