"""Durations as people write them: 30s, 2m, 1h30m, 5 minutes."""

import re

DURATION_MAX_S = 31 * 86_400.0
UNITS_S = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_PART = r"(\d+(?:\.\d+)?)\s*(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)"
_WHOLE = re.compile(rf"(?:{_PART}\s*)+\Z")
_PARTS = re.compile(_PART)


def parse_duration(text: str) -> float:
    """Read a duration in seconds. Raises ValueError."""
    text = text.strip().lower()
    if not _WHOLE.match(text):
        raise ValueError(f"{text!r} is not a duration: write 30s, 5m or 1h30m")
    duration_s = sum(float(number) * UNITS_S[unit[0]] for number, unit in _PARTS.findall(text))
    if not 0 < duration_s <= DURATION_MAX_S:
        raise ValueError(f"{text!r} is not between 0 and 31 days")
    return duration_s


def write_duration(duration_s: float) -> str:
    """Write a duration as it is read, in the largest units that fit: 90 s is 1m30s."""
    if duration_s != int(duration_s) or duration_s < 1:
        return f"{duration_s:g}s"
    left, parts = int(duration_s), []
    for unit in ("d", "h", "m", "s"):
        count, left = divmod(left, int(UNITS_S[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
