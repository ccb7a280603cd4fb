"""Measure all metrics at one moment, or those that are asked for; what cannot be measured in time is not known."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from quantum_scheduler.expressions.evaluate import UNKNOWN, Value
from quantum_scheduler.monitoring.metric import Metric, Reading, Source, Table
from quantum_scheduler.postgres.connect import Pool, transient

# No source may take longer; the others go on meanwhile.
SOURCE_TIMEOUT_S = 3.0
SOURCES_AT_ONCE = 2
# What was measured so lately need not be measured again for an expression.
FRESH_S = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The value of every metric at one moment, None where it is not known. Expressions may be evaluated over it."""

    at: datetime
    values: Mapping[str, Reading]
    measured: Mapping[str, Any] = field(default_factory=dict, repr=False)
    table: Table = field(default_factory=lambda: Table(()), repr=False)
    pool: Pool | None = field(default=None, repr=False)

    async def look_up(self, path: str) -> Value:
        """Find the value of a metric; UNKNOWN where it is not known."""
        return _known(self.values.get(path))

    async def call(self, name: str, arguments: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
        """Read a metric with arguments off what was measured, or ask the database now where it must be asked."""
        metric = self.table.get(name)
        if metric is None or UNKNOWN in (*arguments, *keywords.values()):
            return UNKNOWN
        if metric.source is None:
            return UNKNOWN if self.pool is None else await _ask(self.pool, metric, arguments, keywords)
        return _read(metric, self.measured.get(metric.source.name), arguments, keywords)


async def take_snapshot(pool: Pool, table: Table, *, now: datetime, timeout_s: float = SOURCE_TIMEOUT_S) -> Snapshot:
    """Measure every source once and read every metric off that; a source that hangs or fails leaves its own unknown."""
    gate = asyncio.Semaphore(SOURCES_AT_ONCE)

    async def measure(source: Source) -> Any:
        async with gate:
            return await _measure(pool, source, now=now, timeout_s=timeout_s)

    found = await asyncio.gather(*(measure(source) for source in table.sources))
    measured = {source.name: stats for source, stats in zip(table.sources, found, strict=True)}
    values = {
        each.name: _reading(_read(each, measured[each.source.name]))
        for each in table.sampled
        if each.source is not None
    }
    return Snapshot(at=now, values=values, measured=measured, table=table, pool=pool)


class LiveMetrics:
    """What the names of metrics stand for right now: each source is measured when it is asked for, and kept a second.

    For checks that cannot wait for the next snapshot. `now` tells the time.
    """

    def __init__(self, pool: Pool, table: Table, *, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._table = table
        self._now = now
        self._measured: dict[str, tuple[float, asyncio.Task[Any]]] = {}

    async def look_up(self, path: str) -> Value:
        """Find the value of a metric; UNKNOWN where it is not known."""
        return await self.call(path, (), {})

    async def call(self, name: str, arguments: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
        """Read a metric, with arguments where it takes some; UNKNOWN where it is not known."""
        metric = self._table.get(name)
        if metric is None or UNKNOWN in (*arguments, *keywords.values()):
            return UNKNOWN
        if metric.source is None:
            return await _ask(self._pool, metric, arguments, keywords)
        return _read(metric, await self._measure(metric.source), arguments, keywords)

    async def _measure(self, source: Source) -> Any:
        loop = asyncio.get_running_loop()
        at_s, task = self._measured.get(source.name, (0.0, None))
        if task is None or (task.done() and loop.time() >= at_s + FRESH_S):
            task = loop.create_task(_measure(self._pool, source, now=self._now(), timeout_s=SOURCE_TIMEOUT_S))
            self._measured[source.name] = (loop.time(), task)
        return await asyncio.shield(task)


async def _measure(pool: Pool, source: Source, *, now: datetime, timeout_s: float) -> Any:
    """Measure a source; None where that fails or takes too long."""
    try:
        async with asyncio.timeout(timeout_s), pool.acquire() as conn:
            return await source.measure(conn, now)
    except Exception as error:
        _tell("metrics.source_unknown", source.name, error)
        return None


async def _ask(pool: Pool, metric: Metric, arguments: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
    try:
        async with asyncio.timeout(SOURCE_TIMEOUT_S), pool.acquire() as conn:
            return _known(await metric.function(conn, *arguments, **keywords))
    except Exception as error:
        _tell("metrics.unknown", metric.name, error)
        return UNKNOWN


def _read(
    metric: Metric, measured: Any, arguments: Sequence[Value] = (), keywords: Mapping[str, Value] | None = None
) -> Value:
    """Read a metric; one that cannot be read, because of its arguments or of a defect, is not known."""
    try:
        return _known(metric.read(measured, *arguments, **(keywords or {})))
    except Exception as error:
        _tell("metrics.unknown", metric.name, error)
        return UNKNOWN


def _known(value: Reading) -> Value:
    return UNKNOWN if value is None else value


def _reading(value: Value) -> Reading:
    return None if value is UNKNOWN else value


def _tell(event: str, name: str, error: Exception) -> None:
    if transient(error) or isinstance(error, TimeoutError):
        log.warning(event, name=name, reason=str(error) or type(error).__name__)
    else:
        log.error(event, name=name, exc_info=error)
