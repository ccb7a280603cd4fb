"""What the metrics of a drill show at a moment of its virtual time."""

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate

from quantum_scheduler.expressions.evaluate import UNKNOWN, Value
from quantum_scheduler.runbooks.model import Drill


class Series:
    """The metrics of a drill: each holds its last value for ever; one without a value, or that is null, is unknown."""

    def __init__(self, drill: Drill) -> None:
        self.interval_s = drill.interval_s
        self._values = {name: [value for value, _ in runs] for name, runs in drill.series.items()}
        self._ends = {name: list(accumulate(count for _, count in runs)) for name, runs in drill.series.items()}

    @property
    def names(self) -> frozenset[str]:
        """The metrics that the drill speaks of."""
        return frozenset(self._values)

    @property
    def samples(self) -> int:
        """How many samples the longest series has."""
        return max((ends[-1] for ends in self._ends.values()), default=1)

    def look_up(self, name: str, now_s: float) -> Value:
        """What a metric shows."""
        values = self._values.get(name)
        if values is None:
            return UNKNOWN
        sample = int(now_s / self.interval_s + 1e-9)
        value = values[min(bisect_right(self._ends[name], sample), len(values) - 1)]
        return UNKNOWN if value is None else value


class Returns:
    """What the calls of a drill return: the results in turn, the last one again and again."""

    def __init__(self, drill: Drill) -> None:
        self._results = drill.returns
        self._taken: dict[str, int] = {}

    @property
    def unused(self) -> frozenset[str]:
        """The names that were never called."""
        return frozenset(self._results) - frozenset(self._taken)

    def take(self, name: str) -> Mapping[str, object]:
        """The next result of a call."""
        results = self._results.get(name)
        if not results:
            return {}
        taken = self._taken.get(name, 0)
        self._taken[name] = taken + 1
        return results[min(taken, len(results) - 1)]
