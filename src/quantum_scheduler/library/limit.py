"""The limits that a caller of the library may ask for."""

from quantum_scheduler.solving.model import SEED_MAX, TIME_LIMIT_MAX_S, TIME_LIMIT_MIN_S

THREADS_MAX = 256


def check_limits(*, time_limit_s: float, seed: int, threads: int) -> None:
    """Raise ValueError naming the first limit that is out of its range."""
    _check("time_limit_s", time_limit_s, TIME_LIMIT_MIN_S, TIME_LIMIT_MAX_S)
    check_count("seed", seed, 0, SEED_MAX)
    check_count("threads", threads, 1, THREADS_MAX)


def check_count(name: str, value: object, least: int, most: int) -> None:
    """Raise ValueError unless `value` is a whole number from `least` to `most`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} must be a whole number, not {value!r}")  # noqa: TRY004  one class for every limit
    _check(name, value, least, most)


def _check(name: str, value: object, least: float, most: float) -> None:
    if not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"{name} must be a number from {least:,} to {most:,}, not {value!r}")
