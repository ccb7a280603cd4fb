"""Hold what a caller of the library asks for against its limits."""

from numbers import Integral, Real

from quantum_scheduler.backends.model import AUTO
from quantum_scheduler.problems.model import Number
from quantum_scheduler.solving.model import (
    FLIPS_MAX,
    SEED_MAX,
    TARGET_MAX,
    THREADS_MAX,
    TIME_LIMIT_MAX_S,
    TIME_LIMIT_MIN_S,
    SolveRequest,
)


def limit_request(
    *,
    backend: str,
    time_limit_s: float,
    seed: int,
    threads: int,
    method: str = AUTO,
    target: float | None = None,
    flips_max: object = None,
) -> SolveRequest:
    """Write down a request, numpy's numbers as Python's. Raises ValueError that names what is out of its range."""
    if not isinstance(time_limit_s, Real) or not TIME_LIMIT_MIN_S <= time_limit_s <= TIME_LIMIT_MAX_S:
        span = f"from {TIME_LIMIT_MIN_S:,} to {TIME_LIMIT_MAX_S:,}"
        raise ValueError(f"time_limit_s must be a number {span}, not {time_limit_s!r}")
    return SolveRequest(
        backend=backend,
        time_limit_s=float(time_limit_s),
        seed=limit_count("seed", seed, 0, SEED_MAX),
        threads=limit_count("threads", threads, 1, THREADS_MAX),
        method=method,
        target=None if target is None else _limit_target(target),
        flips_max=None if flips_max is None else limit_count("flips_max", flips_max, 1, FLIPS_MAX),
    )


def _limit_target(target: float) -> Number:
    if isinstance(target, bool) or not isinstance(target, Real) or not -TARGET_MAX <= target <= TARGET_MAX:
        raise ValueError(f"target must be a number of at most {TARGET_MAX:g} in size, not {target!r}")
    return int(target) if isinstance(target, Integral) else float(target)


def limit_count(name: str, value: object, least: int, most: int) -> int:
    """Return a whole number from `least` to `most`. Raises ValueError that names it."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= int(value) <= most:
        raise ValueError(f"{name} must be a whole number from {least:,} to {most:,}, not {value!r}")
    return int(value)
