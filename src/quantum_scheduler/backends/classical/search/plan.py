"""Which plan each stream of a search gets, how hot it begins, and how much work the limits are worth.

All of it depends on the model and the limits alone, never on the clock, so that a seed fixes the answer.
"""

from dataclasses import dataclass

from quantum_scheduler.backends.classical.choose import (
    ANNEAL,
    LATTICE_DEGREE_MAX,
    LATTICE_DEGREE_SPREAD_MAX,
    MULTISPIN_WEIGHT_UNITS_MAX,
    BinaryMethod,
    Plan,
    choose_binary,
)
from quantum_scheduler.backends.classical.search.arrange import row_length
from quantum_scheduler.backends.classical.search.model import Rows

# The hottest temperature in units of T0 (mean root of the summed squared weights in spins), and the coldest in the same
# and in units of the least change of energy, whichever is more.
TEMPERATURES: dict[BinaryMethod, tuple[float, float, float]] = {
    "multispin": (0.6, 0.05, 0.12),
    "anneal": (0.5, 0.05, 0.22),
    "exchange": (0.7, 0.05, 0.17),
    "sampler": (0.7, 0.05, 0.14),
}
LATTICE_TEMPERATURES = (1.0, 0.2, 0.0)

# Updates a second of one core (of words in which each bit is a replica's, for `multispin`): two thirds of the slowest
# rate measured on a 2-core cloud machine of 2026.
WORK_RATE: dict[BinaryMethod, float] = {
    "tabu": 5.0e9,
    "multispin": 8.0e8,
    "anneal": 3.3e8,
    "exchange": 3.3e8,
    "sampler": 1.0e8,
}
# Doubles take more room and time than the smallest integers, in the dense kernel above all.
DOUBLE_RATE: dict[BinaryMethod, float] = {"tabu": 0.4, "anneal": 0.9, "exchange": 0.9, "sampler": 1.0}
# A search ends early once it has done so many sweeps (n visits, or n flips) for each variable and long found nothing.
SETTLED_SWEEPS: dict[BinaryMethod, int] = {
    "tabu": 10_000,
    "multispin": 1_000,
    "anneal": 1_000,
    "exchange": 1_000,
    "sampler": 1_000,
}
# What a flip costs beside the deltas it changes: of the dense kernel, and at least of the others, its visit included. A
# word's flips, in however many replicas, are one.
FLIP_WORK = 512
SPARSE_FLIP_WORK = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most work to do, and the work before which a search does not end early."""

    work: int
    settled_work: int


def choose_plans(rows: Rows, streams: int) -> list[Plan]:
    """Name the plan of each of so many streams."""
    low, high = _degree_range(rows)
    row = choose_binary(
        variables=rows.count,
        density=rows.density,
        degree_min=low,
        degree_max=high,
        weight_units=rows.weight_units,
    )
    return [row.beside if stream % 2 else row.plan for stream in range(streams)]


def name_plan(method: BinaryMethod, rows: Rows) -> Plan:
    """Return the plan of a method asked for by name; where weights are too fine to count, annealing stands in."""
    if method == "multispin" and rows.weight_units > MULTISPIN_WEIGHT_UNITS_MAX:
        return ANNEAL
    return ((method, 1.0),)


def is_lattice(rows: Rows) -> bool:
    """Whether clusters of variables stay small."""
    low, high = _degree_range(rows)
    return high <= LATTICE_DEGREE_MAX and high - low <= LATTICE_DEGREE_SPREAD_MAX


def _degree_range(rows: Rows) -> tuple[int, int]:
    degrees = rows.degrees
    return int(degrees.min()), int(degrees.max())


def choose_temperatures(method: BinaryMethod, rows: Rows) -> tuple[float, float]:
    """Return the hottest and the coldest temperature, in the rows' unit."""
    field = rows.field or 1.0
    lattice = method == "exchange" and is_lattice(rows)
    hot, cold, units = LATTICE_TEMPERATURES if lattice else TEMPERATURES[method]
    coldest = max(cold * field, units if rows.exact else 0.0)
    return hot * field, min(coldest, hot * field)


def plan_budget(plan: Plan, rows: Rows, *, time_limit_s: float, flips_max: int | None) -> Budget:
    """Say what the limits buy: work is counted in the same unit throughout one plan."""
    method = plan[0][0]
    rate = WORK_RATE[method] * (1.0 if rows.exact else DOUBLE_RATE[method])
    flip = row_length(rows.count) + FLIP_WORK if method == "tabu" else SPARSE_FLIP_WORK
    work = max(1, int(rate * time_limit_s))
    if flips_max is not None:
        work = min(work, flips_max * flip)
    sweep = rows.count * (flip if method == "tabu" else rows.count)
    return Budget(work=work, settled_work=SETTLED_SWEEPS[method] * sweep)
