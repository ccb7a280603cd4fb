"""Which method solves what: one table for each type of problem, by size, density and degrees.

The first row that fits is taken. A row looks at the problem and nothing else, so that a seed fixes the answer. What the
rows were measured with is in docs/decisions/choice-of-method.md; whoever changes a row measures again.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from quantum_scheduler.problems.problem import ProblemType

NEVER = 2**62

BinaryMethod = Literal["tabu", "multispin", "anneal", "exchange", "sampler"]
# `genetic` and `repair` are compiled; `orders` stands in for both where nothing can compile them.
ScheduleMethod = Literal["genetic", "repair", "orders", "cp-sat", "lns"]

# A method, and the share of all work after which the next one takes over.
Stage = tuple[BinaryMethod, float]
Plan = tuple[Stage, ...]

# What `--method` can name, each usable alone; `list` is a row's turns without CP-SAT.
METHODS: Mapping[ProblemType, tuple[str, ...]] = {
    "binary": ("tabu", "multispin", "anneal", "exchange", "sampler"),
    "schedule": ("list", "genetic", "repair", "cp-sat", "lns"),
}

TABU: Plan = (("tabu", 1.0),)
MULTISPIN: Plan = (("multispin", 1.0),)
ANNEAL: Plan = (("anneal", 1.0),)
EXCHANGE: Plan = (("exchange", 1.0),)
# Annealing is there first; replicas go on improving when it has long stopped.
ANNEAL_THEN_EXCHANGE: Plan = (("anneal", 0.1), ("exchange", 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryRow:
    """A kind of connected binary model, after reduction, and its search.

    `plan` is what one thread runs; `beside` is what every second one of several runs, for the models that `plan` is bad
    at. `density` is the share of all pairs that have a term, `weight_units` the mean weight in units of what divides
    all of them, endless where nothing does.
    """

    variables_max: int = NEVER
    density_min: float = 0.0
    degree_max: int = NEVER
    degree_spread_max: int = NEVER
    weight_units_max: float = math.inf
    plan: Plan
    beside: Plan


# Tori and lattices have few neighbours, about as many everywhere, so that clusters of differing variables stay small.
LATTICE_DEGREE_MAX = 6
LATTICE_DEGREE_SPREAD_MAX = 2

# Neighbours are counted in units of their weights, one by one.
MULTISPIN_WEIGHT_UNITS_MAX = 8.0

BINARY = (
    # Dense: a flip changes most deltas, so that a matrix and vector instructions pay; 8192 rows of int16 are 128 MiB.
    BinaryRow(density_min=0.08, variables_max=8192, plan=TABU, beside=ANNEAL_THEN_EXCHANGE),
    # Small integers: 256 replicas cool in the time of a few. In larger models the few would get further.
    BinaryRow(
        weight_units_max=MULTISPIN_WEIGHT_UNITS_MAX, variables_max=20_000, plan=MULTISPIN, beside=ANNEAL_THEN_EXCHANGE
    ),
    BinaryRow(
        degree_max=LATTICE_DEGREE_MAX, degree_spread_max=LATTICE_DEGREE_SPREAD_MAX, plan=EXCHANGE, beside=EXCHANGE
    ),
    BinaryRow(density_min=0.008, plan=ANNEAL_THEN_EXCHANGE, beside=ANNEAL),
    # Measured: between the two, one long cooling ends lower than replicas do.
    BinaryRow(density_min=0.004, plan=ANNEAL, beside=EXCHANGE),
    BinaryRow(plan=ANNEAL_THEN_EXCHANGE, beside=ANNEAL),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A share of the time limit: what one thread does in it, one after the other, in what parts; or what many do.

    Of several threads the last one runs the second of `beside`, all others the first.
    """

    share: float
    alone: Sequence[tuple[ScheduleMethod, float]]
    beside: tuple[ScheduleMethod, ScheduleMethod]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """A kind of schedule, and its search.

    A problem's size is the number of its tasks and of the agents that could do each.
    """

    turns: Sequence[Turn]
    size_max: int = NEVER
    crews_given: bool = False


SCHEDULE = (
    # Nobody to choose between and only the makespan counts: what matters is the order in which tasks get resources.
    ScheduleRow(
        size_max=4_000,
        crews_given=True,
        turns=(
            Turn(share=0.1, alone=(("genetic", 0.5), ("cp-sat", 0.5)), beside=("genetic", "cp-sat")),
            Turn(share=0.5, alone=(("genetic", 1.0),), beside=("genetic", "cp-sat")),
            Turn(share=0.4, alone=(("cp-sat", 0.7), ("genetic", 0.3)), beside=("genetic", "cp-sat")),
        ),
    ),
    # Repair goes as far as one long cooling lets it; CP-SAT ends what is easy before, and mends the rest after it.
    ScheduleRow(
        size_max=4_000,
        turns=(
            Turn(share=0.1, alone=(("genetic", 0.5), ("cp-sat", 0.5)), beside=("genetic", "cp-sat")),
            Turn(share=0.6, alone=(("repair", 1.0),), beside=("repair", "cp-sat")),
            Turn(share=0.3, alone=(("cp-sat", 1.0),), beside=("repair", "lns")),
        ),
    ),
    # Too large for CP-SAT's whole search to find anything.
    ScheduleRow(
        size_max=40_000,
        turns=(
            Turn(share=0.1, alone=(("genetic", 1.0),), beside=("genetic", "genetic")),
            Turn(share=0.8, alone=(("repair", 1.0),), beside=("repair", "repair")),
            Turn(share=0.1, alone=(("lns", 1.0),), beside=("repair", "lns")),
        ),
    ),
    ScheduleRow(
        turns=(
            Turn(share=0.1, alone=(("genetic", 1.0),), beside=("genetic", "genetic")),
            Turn(share=0.9, alone=(("repair", 1.0),), beside=("repair", "repair")),
        ),
    ),
)


def choose_binary(
    *, variables: int, density: float, degree_min: int, degree_max: int, weight_units: float
) -> BinaryRow:
    """Find the row of a connected binary model."""
    return next(
        row
        for row in BINARY
        if variables <= row.variables_max
        and density >= row.density_min
        and degree_max <= row.degree_max
        and degree_max - degree_min <= row.degree_spread_max
        and weight_units <= row.weight_units_max
    )


def choose_schedule(*, size: int, crews_given: bool) -> Sequence[Turn]:
    """Find the turns of a schedule; `crews_given` says that there is nobody to choose and only the makespan counts."""
    return next(row.turns for row in SCHEDULE if size <= row.size_max and (crews_given or not row.crews_given))
