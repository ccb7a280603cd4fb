"""The statements on the history of metrics: one row holds all of them, so that a sample is one insert."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from quantum_scheduler.monitoring.sample_model import Point
from quantum_scheduler.postgres.connect import Connection

LOCK_NAMES = "LOCK TABLE metric_name IN SHARE ROW EXCLUSIVE MODE"

ADD_NAMES = """
INSERT INTO metric_name (place, name)
SELECT coalesce((SELECT max(place) FROM metric_name), 0) + row_number() OVER (ORDER BY given.place), given.name
FROM unnest($1::text[]) WITH ORDINALITY AS given (name, place)
WHERE NOT EXISTS (SELECT FROM metric_name WHERE metric_name.name = given.name)
"""

READ_NAMES = "SELECT place, name FROM metric_name ORDER BY place"

FIND_PLACE = "SELECT place FROM metric_name WHERE name = $1"

# Two leaders at one moment, of whom one does not know yet that it leads no more, write one sample.
ADD_SAMPLE = "INSERT INTO metric_sample (step_s, at, mean) VALUES (0, $1, $2) ON CONFLICT DO NOTHING"

# The finer rows since the last coarse one, up to the last whole step.
CONDENSE = """
WITH since AS MATERIALIZED (
    SELECT coalesce(
        (SELECT max(at) + $2 * interval '1 second' FROM metric_sample WHERE step_s = $2),
        (SELECT date_bin($2 * interval '1 second', min(at), 'epoch') FROM metric_sample WHERE step_s = $1)
    ) AS at
), value AS (
    SELECT date_bin($2 * interval '1 second', sample.at, 'epoch') AS at, part.place, avg(part.mean) AS mean,
        min(part.least) AS least, max(part.most) AS most
    FROM since CROSS JOIN LATERAL (
        SELECT * FROM metric_sample
        WHERE step_s = $1 AND metric_sample.at >= since.at
            AND metric_sample.at < date_bin($2 * interval '1 second', $3, 'epoch')
    ) AS sample
    CROSS JOIN LATERAL unnest(sample.mean, coalesce(sample.least, sample.mean), coalesce(sample.most, sample.mean))
        WITH ORDINALITY AS part (mean, least, most, place)
    GROUP BY 1, 2
)
INSERT INTO metric_sample (step_s, at, mean, least, most)
SELECT $2, at, array_agg(mean ORDER BY place), array_agg(least ORDER BY place), array_agg(most ORDER BY place)
FROM value GROUP BY at
ON CONFLICT DO NOTHING
"""

PRUNE = "DELETE FROM metric_sample WHERE step_s = $1 AND at < $2"

READ = """
SELECT date_bin($5 * interval '1 second', at, $6) AS at, avg(mean[$2])::float8 AS mean,
    min(coalesce(least[$2], mean[$2])) AS least, max(coalesce(most[$2], mean[$2])) AS most
FROM metric_sample WHERE step_s = $1 AND at >= $3 AND at < $4
GROUP BY 1 HAVING count(mean[$2]) > 0 ORDER BY 1
"""

READ_EACH = """
SELECT at, mean[$2] AS mean, coalesce(least[$2], mean[$2]) AS least, coalesce(most[$2], mean[$2]) AS most
FROM metric_sample WHERE step_s = $1 AND at >= $3 AND at < $4 AND mean[$2] IS NOT NULL ORDER BY at
"""

FIND_SPANS = """
SELECT level.step_s, span.begins, span.newest + greatest(level.step_s, 0.000001) * interval '1 second' AS ends
FROM unnest($1::integer[]) AS level (step_s)
CROSS JOIN LATERAL (
    SELECT min(at) AS begins, max(at) AS newest FROM metric_sample WHERE metric_sample.step_s = level.step_s
) AS span
WHERE span.begins IS NOT NULL
"""

READ_LATEST = "SELECT at, mean FROM metric_sample WHERE step_s = 0 ORDER BY at DESC LIMIT 1"


async def find_places(conn: Connection, names: Sequence[str]) -> dict[str, int]:
    """Where each metric stands, counted from 0; those that are new are added at the end."""
    places = await read_places(conn)
    if not places.keys() >= set(names):
        async with conn.transaction():
            await conn.execute(LOCK_NAMES)
            await conn.execute(ADD_NAMES, names)
            places = await read_places(conn)
    return places


async def read_places(conn: Connection) -> dict[str, int]:
    """Where each metric that was ever sampled stands, counted from 0."""
    return {row["name"]: row["place"] - 1 for row in await conn.fetch(READ_NAMES)}


async def add_sample(conn: Connection, at: datetime, values: Sequence[float | None]) -> None:
    """Write all metrics of one moment down, each at its place."""
    await conn.execute(ADD_SAMPLE, at, values)


async def condense(conn: Connection, *, finer_s: int, step_s: int, now: datetime) -> None:
    """Add up what has come since the last time, into whole steps."""
    await conn.execute(CONDENSE, finer_s, step_s, now)


async def prune(conn: Connection, *, step_s: int, before: datetime) -> None:
    """Forget the rows of a step that are older."""
    await conn.execute(PRUNE, step_s, before)


async def find_place(conn: Connection, name: str) -> int | None:
    """Where a metric stands in the database's arrays, which count from 1; None where it was never sampled."""
    place: int | None = await conn.fetchval(FIND_PLACE, name)
    return place


async def find_spans(conn: Connection, levels_s: Sequence[int]) -> dict[int, tuple[datetime, datetime]]:
    """From when until when there are rows of each level; one that has none is not there."""
    return {row["step_s"]: (row["begins"], row["ends"]) for row in await conn.fetch(FIND_SPANS, levels_s)}


async def read(
    conn: Connection,
    place: int,
    *,
    level_s: int,
    since: datetime,
    until: datetime,
    origin: datetime,
    step_s: float | None,
) -> list[Point]:
    """One metric as its rows of one level say, in steps counted from `origin`; without a step, row by row."""
    if step_s is None:
        rows = await conn.fetch(READ_EACH, level_s, place, since, until)
    else:
        rows = await conn.fetch(READ, level_s, place, since, until, step_s, origin)
    return [Point(**row) for row in rows]


async def read_latest(conn: Connection) -> tuple[datetime, Mapping[str, float]] | None:
    """The last sample: when, and the number of every metric that was known."""
    row = await conn.fetchrow(READ_LATEST)
    if row is None:
        return None
    places, mean = await read_places(conn), row["mean"]
    known = {name: mean[place] for name, place in places.items() if place < len(mean)}
    return row["at"], {name: number for name, number in known.items() if number is not None}
