"""Which search a model gets, how hot it begins, and how much work a time limit is worth.

All of it depends on the model and the limits alone, never on the clock, so that a seed fixes the answer.
"""

from dataclasses import dataclass

from quantum_scheduler.backends.classical.search.arrange import row_length
from quantum_scheduler.backends.classical.search.model import Method, Rows

NEVER = 2**62

# A method, and the share of all work after which the next one takes over.
Stage = tuple[Method, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A kind of model, and the methods that were measured to be best for it. The first case that fits is taken."""

    plan: tuple[Stage, ...]
    variables_max: int = NEVER
    density_min: float = 0.0
    degree_max: int = NEVER
    degree_spread_max: int = NEVER


EXCHANGE: tuple[Stage, ...] = (("exchange", 1.0),)
TABU: tuple[Stage, ...] = (("tabu", 1.0),)
# Annealing is there first; replicas go on improving when it has long stopped.
ANNEAL_THEN_EXCHANGE: tuple[Stage, ...] = (("anneal", 0.1), ("exchange", 1.0))

# Tori and lattices have few neighbours, about as many everywhere, so that clusters of differing variables stay small.
LATTICE_DEGREE_MAX = 6
LATTICE_DEGREE_SPREAD_MAX = 2

CASES = (
    Case(plan=EXCHANGE, degree_max=LATTICE_DEGREE_MAX, degree_spread_max=LATTICE_DEGREE_SPREAD_MAX),
    # Dense: a flip changes most deltas, so that a matrix and vector instructions pay; 8192 rows of int16 are 128 MiB.
    Case(plan=TABU, density_min=0.08, variables_max=8192),
    Case(plan=ANNEAL_THEN_EXCHANGE),
)

# What every second of several streams runs beside the plan of its case: the two fail on different models.
PARTNERS = {TABU: ANNEAL_THEN_EXCHANGE}

# Temperatures, in units of T0 (mean root of the summed squared weights in spins) and of the least change of energy.
ANNEAL_HOT = 0.7
ANNEAL_COLD = 0.05
ANNEAL_COLD_UNITS = 0.22
EXCHANGE_HOT = 0.7
EXCHANGE_COLD = 0.05
EXCHANGE_COLD_UNITS = 0.17
LATTICE_HOT = 1.0
LATTICE_COLD = 0.2

# Updates a second of one core: two thirds of the slowest rate measured on a 2-core cloud machine of 2026.
WORK_RATE: dict[Method, float] = {"tabu": 5.0e9, "anneal": 5.0e8, "exchange": 5.0e8, "sampler": 1.0e8}
# Doubles take more room and time than the smallest integers, in the dense kernel above all.
DOUBLE_RATE: dict[Method, float] = {"tabu": 0.4, "anneal": 0.9, "exchange": 0.9, "sampler": 1.0}
# A search ends early once it has done so many sweeps (n visits, or n flips) for each variable and long found nothing.
SETTLED_SWEEPS: dict[Method, int] = {"tabu": 10_000, "anneal": 1_000, "exchange": 1_000, "sampler": 1_000}
FLIP_WORK = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most work to do, and the work before which a search does not end early."""

    work: int
    settled_work: int


def choose_plan(rows: Rows) -> tuple[Stage, ...]:
    """Find the model's case."""
    low, high = _degree_range(rows)
    for case in CASES:
        if (
            rows.count <= case.variables_max
            and rows.density >= case.density_min
            and high <= case.degree_max
            and high - low <= case.degree_spread_max
        ):
            return case.plan
    raise AssertionError("the last case fits every model")


def choose_portfolio(plan: tuple[Stage, ...], threads: int) -> list[tuple[Stage, ...]]:
    """Name the plan of each of `threads` streams."""
    return [PARTNERS.get(plan, plan) if stream % 2 else plan for stream in range(threads)]


def is_lattice(rows: Rows) -> bool:
    """Whether clusters of variables stay small."""
    low, high = _degree_range(rows)
    return high <= LATTICE_DEGREE_MAX and high - low <= LATTICE_DEGREE_SPREAD_MAX


def _degree_range(rows: Rows) -> tuple[int, int]:
    degrees = rows.degrees
    return int(degrees.min()), int(degrees.max())


def choose_temperatures(method: Method, rows: Rows) -> tuple[float, float]:
    """Return the hottest and the coldest temperature, in the rows' unit."""
    field = rows.field or 1.0
    if method == "exchange" and is_lattice(rows):
        return LATTICE_HOT * field, LATTICE_COLD * field
    hot, cold, units = (
        (EXCHANGE_HOT, EXCHANGE_COLD, EXCHANGE_COLD_UNITS)
        if method == "exchange"
        else (ANNEAL_HOT, ANNEAL_COLD, ANNEAL_COLD_UNITS)
    )
    coldest = max(cold * field, units if rows.exact else 0.0)
    return hot * field, min(coldest, hot * field)


def plan_budget(plan: tuple[Stage, ...], rows: Rows, *, time_limit_s: float) -> Budget:
    """Say what a time limit buys: work is counted in the same unit throughout one plan."""
    method = plan[0][0]
    rate = WORK_RATE[method] * (1.0 if rows.exact else DOUBLE_RATE[method])
    sweep = rows.count * (row_length(rows.count) + FLIP_WORK if method == "tabu" else rows.count)
    return Budget(work=max(1, int(rate * time_limit_s)), settled_work=SETTLED_SWEEPS[method] * sweep)
