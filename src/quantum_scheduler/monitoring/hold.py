"""Say for how long something must be seen: for a duration, or in so many of the last samples."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from quantum_scheduler.expressions.duration import parse_duration, write_duration
from quantum_scheduler.expressions.evaluate import UNKNOWN, Value

SAMPLES_MAX = 1_000
# A sample is forgotten once it is so many intervals older than a full window would make it.
STALE_FACTOR = 2.0
_SAMPLES = re.compile(r"(\d{1,4})\s+of\s+(\d{1,4})\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """How long a condition must be seen: for `duration_s`, or in `hits` of the last `samples`."""

    duration_s: float | None = None
    hits: int | None = None
    samples: int | None = None

    def __str__(self) -> str:
        """Write it as it is read."""
        return f"{self.hits} of {self.samples}" if self.duration_s is None else write_duration(self.duration_s)


def parse_hold(text: str) -> Hold:
    """Read `2m` or `4 of 5`. Raises ValueError."""
    match = _SAMPLES.match(text.strip())
    if match is None:
        return Hold(duration_s=parse_duration(text))
    hits, samples = int(match[1]), int(match[2])
    if not 1 <= hits <= samples <= SAMPLES_MAX:
        raise ValueError(f"{text!r}: the hits must be at least 1, and the samples no fewer and at most {SAMPLES_MAX}")
    return Hold(hits=hits, samples=samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What has been seen of one condition: the last samples with their times, and since when it has been true."""

    samples: tuple[tuple[float, bool], ...] = ()
    since_s: float | None = None


NOTHING = Seen()


def look(hold: Hold, seen: Seen, truth: Value, now_s: float) -> tuple[Seen, bool]:
    """Take one sample of a condition, and say whether it has now been seen for as long as `hold` asks.

    A sample that is unknown neither counts for the condition nor against it, and never completes it.
    """
    if truth is UNKNOWN:
        return seen, False
    is_true = bool(truth)
    if hold.duration_s is not None:
        since_s = (now_s if seen.since_s is None else seen.since_s) if is_true else None
        return Seen(since_s=since_s), since_s is not None and now_s - since_s >= hold.duration_s
    assert hold.hits is not None
    assert hold.samples is not None
    samples = (*_drop_stale(seen.samples, hold.samples, now_s), (now_s, is_true))[-hold.samples :]
    return Seen(samples=samples), is_true and sum(each for _, each in samples) >= hold.hits


def _drop_stale(samples: tuple[tuple[float, bool], ...], window: int, now_s: float) -> tuple[tuple[float, bool], ...]:
    """Forget samples from before a gap, which would otherwise be counted as if they were of today."""
    if len(samples) < 2:
        return samples
    interval_s = min(later - earlier for (earlier, _), (later, _) in pairwise(samples))
    oldest_s = now_s - STALE_FACTOR * window * max(interval_s, 1e-3)
    return tuple(each for each in samples if each[0] >= oldest_s)


def write_seen(seen: Seen) -> dict[str, Any]:
    """Write what was seen as JSON."""
    return {"samples": [list(each) for each in seen.samples], "since_s": seen.since_s}


def read_seen(document: Mapping[str, Any]) -> Seen:
    """Read what `write_seen` wrote."""
    return Seen(
        samples=tuple((float(at_s), bool(truth)) for at_s, truth in document["samples"]), since_s=document["since_s"]
    )
