"""What the metrics were is kept: finely at first, then by the minute, then by the hour, and read as one series."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from quantum_scheduler.monitoring.history import POINTS_MAX, History, read_latest, read_series
from quantum_scheduler.monitoring.metric import Metric, Source, Table
from quantum_scheduler.monitoring.sample_model import Keep
from quantum_scheduler.monitoring.snapshot import Snapshot
from quantum_scheduler.postgres.connect import Connection, Pool

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEEP = Keep(samples=timedelta(minutes=10), minutes=timedelta(hours=3), hours=timedelta(days=1))


async def measure(conn: Connection, now: datetime) -> None:
    raise NotImplementedError


def tell(measured: Any) -> float:
    """`a.metric`: a number."""
    raise NotImplementedError


def table(*names: str) -> Table:
    source = Source(name="a", measure=measure)
    rows = tuple(Metric(name=name, function=tell, unit="", source=source) for name in names)
    state = Metric(name="a.state", function=tell, unit="", source=source, states=("up", "down"), kind="state")
    return Table((*rows, state))


async def fill(conn: Connection, history: History, values: list[dict[str, Any]], *, every_s: float = 5) -> datetime:
    """Write a sample every so often from START on; return the time after the last."""
    at = START
    for value in values:
        await history.write(conn, Snapshot(at=at, values={"a.number": None, "a.state": None, **value}))
        at += timedelta(seconds=every_s)
        await history.tidy(conn, now=at)
    return at


async def test_the_latest_sample_is_read_as_it_was_written(pool: Pool) -> None:
    rows = table("a.number")
    async with pool.acquire() as conn:
        assert await read_latest(conn, rows) == (None, {"a.number": None, "a.state": None})
        await fill(conn, History(rows), [{"a.number": 1.5, "a.state": "down"}, {"a.state": "up"}])
        assert await read_latest(conn, rows) == (START + timedelta(seconds=5), {"a.number": None, "a.state": "up"})


async def test_a_metric_that_is_new_takes_the_next_place(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await fill(conn, History(table("a.number")), [{"a.number": 1}])
        at = START + timedelta(seconds=5)
        later = Snapshot(at=at, values={"a.first": 2, "a.number": 3, "a.state": "up"})
        await History(table("a.first", "a.number")).write(conn, later)
        for name, expected in (("a.number", [1, 3]), ("a.first", [2])):
            points = await read_series(conn, name, since=START, until=at + timedelta(seconds=1))
            assert [point.mean for point in points] == expected


async def test_a_series_has_no_point_where_nothing_was_known(pool: Pool) -> None:
    async with pool.acquire() as conn:
        end = await fill(conn, History(table("a.number")), [{"a.number": 1}, {}, {"a.number": 3}])
        points = await read_series(conn, "a.number", since=START, until=end)
        assert [((point.at - START).total_seconds(), point.mean) for point in points] == [(0, 1), (10, 3)]
        assert await read_series(conn, "no.such", since=START, until=end) == []


async def test_minutes_and_hours_keep_the_mean_the_least_and_the_most(pool: Pool) -> None:
    async with pool.acquire() as conn:
        history = History(table("a.number"), KEEP)
        values = [{"a.number": index % 4, "a.state": "down" if index % 4 == 3 else "up"} for index in range(4 * 150)]
        end = await fill(conn, history, values, every_s=15)
        assert end - START == timedelta(minutes=150)
        counts = await conn.fetch("SELECT step_s, count(*) AS rows FROM metric_sample GROUP BY step_s ORDER BY step_s")
        assert [(row["step_s"], row["rows"]) for row in counts] == [(0, 40), (60, 150), (3600, 2)]
        hour = timedelta(hours=1)
        points = await read_series(conn, "a.number", since=START, until=end, step=hour)
        # The third hour is not over; it is told by its minutes.
        assert [(point.at - START, point.mean, point.least, point.most) for point in points] == [
            (number * hour, 1.5, 0, 3) for number in range(3)
        ]
        states = await read_series(conn, "a.state", since=START, until=end, step=hour)
        assert {point.most for point in states} == {1}


async def test_the_oldest_part_of_a_series_comes_from_the_level_that_still_has_it(pool: Pool) -> None:
    async with pool.acquire() as conn:
        keep = Keep(samples=timedelta(minutes=10), minutes=timedelta(hours=1), hours=timedelta(days=1))
        end = await fill(conn, History(table("a.number"), keep), [{"a.number": 1}] * 480, every_s=30)
        points = await read_series(conn, "a.number", since=START, until=end)
        assert [point.at for point in points] == sorted(point.at for point in points)
        assert len(points) == 3 + 50 + 20
        assert {point.mean for point in points} == {1}
        one = await read_series(conn, "a.number", since=START, until=end, step=timedelta(minutes=1))
        assert len(one) == 3 + 60


async def test_what_is_too_old_goes(pool: Pool) -> None:
    async with pool.acquire() as conn:
        history = History(table("a.number"), KEEP)
        end = await fill(conn, history, [{"a.number": 1}] * 24)
        await history.tidy(conn, now=end + timedelta(days=2))
        assert await conn.fetchval("SELECT count(*) FROM metric_sample") == 0


async def test_a_series_has_a_limit(pool: Pool) -> None:
    async with pool.acquire() as conn:
        with pytest.raises(ValueError, match="longer step"):
            await read_series(
                conn,
                "a.number",
                since=START,
                until=START + timedelta(seconds=POINTS_MAX + 1),
                step=timedelta(seconds=1),
            )
