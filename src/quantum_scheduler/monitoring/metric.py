"""What a metric is: a number or a state that a room shows, under a name that runbooks may use."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, TypeAlias

from quantum_scheduler.expressions.registry import Function, describe_function
from quantum_scheduler.postgres.connect import Connection

Kind = Literal["gauge", "counter", "state"]
Reading: TypeAlias = float | int | bool | str | None  # None is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What several metrics are read from; it is measured once for all of them."""

    name: str
    measure: Callable[[Connection, datetime], Awaitable[Any]]


def _all_of_it(measured: Any) -> Any:
    return measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A row of the table: `function` tells the value of the part of its source's measurement that `pick` finds.

    `window_s` is how far back it looks, None where it speaks of now. Of fewer than `minimum` samples, as `counted`
    counts them, it is not known. A `state` is one of `states`, the best one first. Without a `source`, it is asked
    anew at every call, with a connection as first argument, and is no part of snapshots.
    """

    name: str
    function: Callable[..., Any]
    unit: str
    source: Source | None
    kind: Kind = "gauge"
    window_s: float | None = None
    pick: Callable[[Any], Any] = _all_of_it
    minimum: int = 0
    counted: Callable[[Any], int] | None = None
    states: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def meaning(self) -> str:
        """What it is, in a line: the promise of its function without the name that stands in front."""
        promise = self.describe().promise.partition(": ")[2].rstrip(".")
        return promise[:1].upper() + promise[1:]

    def describe(self) -> Function:
        """Describe it for whoever checks expressions."""
        return describe_function(self.name, self.function, kind="metric")

    def read(self, measured: Any, *arguments: Any, **keywords: Any) -> Reading:
        """Read its value off what its source measured; None where that is not known."""
        part = None if measured is None else self.pick(measured)
        if part is None or (self.counted is not None and self.counted(part) < self.minimum):
            return None
        value: Reading = self.function(part, *arguments, **keywords)
        return value


class Table(Mapping[str, Metric]):
    """All metrics by name, in the order they are written down."""

    def __init__(self, metrics: tuple[Metric, ...]) -> None:
        """Take the rows. Raises ValueError where two have one name."""
        self._metrics = {each.name: each for each in metrics}
        if len(self._metrics) < len(metrics):
            names = [each.name for each in metrics]
            raise ValueError(f"two metrics are called {next(name for name in names if names.count(name) > 1)}")

    def __getitem__(self, name: str) -> Metric:
        return self._metrics[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every source once."""
        return tuple({each.source.name: each.source for each in self._metrics.values() if each.source}.values())

    @property
    def sampled(self) -> tuple[Metric, ...]:
        """Those that snapshots hold: all that need not be asked anew."""
        return tuple(each for each in self._metrics.values() if each.source is not None)


def of_backend(metric: Metric, backend: str, pick: Callable[[Any], Any]) -> Metric:
    """Make the row of one backend from that of all: `success_rate` becomes `dynex.success_rate`."""
    return replace(metric, name=f"{backend}.{metric.name}", pick=pick, labels={"backend": backend})
