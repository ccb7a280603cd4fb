"""Keep what the metrics were, and read it: finely for a day, by the minute for weeks, by the hour for a year."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise

from quantum_scheduler.monitoring.metric import Reading, Table
from quantum_scheduler.monitoring.sample_model import KEEP, LEVELS_S, Keep, Point, decode, encode
from quantum_scheduler.monitoring.snapshot import Snapshot
from quantum_scheduler.monitoring.store import sample as store
from quantum_scheduler.postgres.connect import Connection

POINTS_MAX = 20_000


class History:
    """Writes samples of one table, and makes room. `keep` says how long what is kept."""

    def __init__(self, table: Table, keep: Keep = KEEP) -> None:
        self._metrics = table.sampled
        self._keep = keep
        self._places: dict[str, int] = {}
        self._condensed_at = datetime.fromtimestamp(0, UTC)

    async def write(self, conn: Connection, snapshot: Snapshot) -> None:
        """Write a snapshot down. Joins the caller's transaction."""
        if not self._places:
            self._places = await store.find_places(conn, [each.name for each in self._metrics])
        values: list[float | None] = [None] * len(self._places)
        for metric in self._metrics:
            values[self._places[metric.name]] = encode(metric, snapshot.values[metric.name])
        await store.add_sample(conn, snapshot.at, values)

    async def tidy(self, conn: Connection, *, now: datetime) -> None:
        """Add up whole minutes and hours, and forget what is too old; no more than once a minute."""
        minute = now.replace(second=0, microsecond=0)
        if minute == self._condensed_at:
            return
        self._condensed_at = minute
        for finer_s, step_s in pairwise(LEVELS_S):
            await store.condense(conn, finer_s=finer_s, step_s=step_s, now=now)
        for level_s in LEVELS_S:
            await store.prune(conn, step_s=level_s, before=now - self._keep.of_level(level_s))


async def read_series(
    conn: Connection, name: str, *, since: datetime, until: datetime, step: timedelta | None = None
) -> list[Point]:
    """Read what a metric was, the oldest first, in steps from `since` on; without a step, as finely as it is kept.

    Where it was not known there is no point. A state is its place among the metric's states, so that `most` is the
    worst. Raises ValueError where that would be more than `POINTS_MAX` points.
    """
    if step is not None and (until - since) / step > POINTS_MAX:
        raise ValueError(f"that would be more than {POINTS_MAX:,} points: use a longer step")
    place = await store.find_place(conn, name)
    if place is None:
        return []
    step_s = None if step is None else step.total_seconds()
    points: list[Point] = []
    for level_s, begins, ends in _choose_levels(await store.find_spans(conn, LEVELS_S), since, until, step_s or 0.0):
        points += await store.read(conn, place, level_s=level_s, since=begins, until=ends, origin=since, step_s=step_s)
    return [_merge(same) for _, same in groupby(points, lambda point: point.at)]


def _choose_levels(
    spans: Mapping[int, tuple[datetime, datetime]], since: datetime, until: datetime, step_s: float
) -> Iterator[tuple[int, datetime, datetime]]:
    """Choose which level tells which time: the coarsest that is fine enough, and where that has nothing, another."""
    wanted = max((level_s for level_s in spans if level_s <= step_s), default=0)
    begins = since
    for level_s, (first, end) in sorted(spans.items(), reverse=True):
        finer = [spans[each][0] for each in spans if each < level_s]
        ends = min(end, until) if level_s <= wanted else min([end, until, *finer])
        if max(begins, first) < ends:
            yield level_s, max(begins, first), ends
            begins = ends


def _merge(same: Iterable[Point]) -> Point:
    """Make one point of those that two levels tell of one step."""
    points = list(same)
    return Point(
        at=points[0].at,
        mean=sum(each.mean for each in points) / len(points),
        least=min(each.least for each in points),
        most=max(each.most for each in points),
    )


async def read_latest(conn: Connection, table: Table) -> tuple[datetime | None, Mapping[str, Reading]]:
    """Read the last sample: when it was taken, and every metric, None where it was not known."""
    latest = await store.read_latest(conn)
    at, numbers = latest or (None, {})
    return at, {each.name: decode(each, numbers.get(each.name)) for each in table.sampled}
