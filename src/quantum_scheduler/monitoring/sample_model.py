"""The nouns of the history of metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from quantum_scheduler.monitoring.metric import Metric, Reading

SolveKind = Literal["job", "attempt"]
# How fine the history is: as it was sampled, by the minute, by the hour.
LEVELS_S = (0, 60, 3_600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """For how long each level of the history is kept."""

    samples: timedelta = timedelta(hours=24)
    minutes: timedelta = timedelta(days=14)
    hours: timedelta = timedelta(days=400)

    def of_level(self, level_s: int) -> timedelta:
        """For how long the rows of a level are kept."""
        return dict(zip(LEVELS_S, (self.samples, self.minutes, self.hours), strict=True))[level_s]


KEEP = Keep()


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A metric over the time from `at` on: its mean, its least and its most."""

    at: datetime
    mean: float
    least: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveTotal:
    """How long jobs of a lane, or attempts at a backend, took from the beginning, counted by bounds.

    `exemplars` names for places of `counts` one of them, its seconds, and when it ended (since 1970).
    """

    kind: SolveKind
    label: str
    seconds: float
    counts: Sequence[int]
    exemplars: Mapping[str, tuple[str, float, float]]


def encode(metric: Metric, reading: Reading) -> float | None:
    """Write a reading as a number: a state as its place among the metric's, yes as 1."""
    if isinstance(reading, str):
        return float(metric.states.index(reading)) if reading in metric.states else None
    return None if reading is None else float(reading)


def decode(metric: Metric, number: float | None) -> Reading:
    """Read what `encode` wrote; of several states the worst is told."""
    if number is None or not metric.states:
        return number
    return metric.states[min(int(number), len(metric.states) - 1)]
