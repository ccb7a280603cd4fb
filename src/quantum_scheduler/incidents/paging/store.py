"""Every statement of paging."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from quantum_scheduler.notifications.model import Message
from quantum_scheduler.postgres.connect import Connection

ESCALATED_MAX = 100

NEXT_ROUND = "SELECT coalesce(max(round), 0) + 1 FROM escalation WHERE incident_id = $1"

DROP_UNFIRED = "DELETE FROM escalation WHERE incident_id = $1 AND fired_at IS NULL"

FREEZE = """
INSERT INTO escalation (incident_id, round, level, attempt, due_at, targets, message)
SELECT $1, $2, level, attempt, due_at, targets, $3
FROM ROWS FROM (unnest($4::int[]), unnest($5::int[]), unnest($6::timestamptz[]), jsonb_array_elements($7))
    AS page (level, attempt, due_at, targets)
"""

# Marks what is due for incidents that nobody has acknowledged, posts it once to each target, and writes that down. An
# incident that somebody is just changing is left for the next time, and so is what another process is escalating.
ESCALATE = """
WITH due AS (
    SELECT escalation.incident_id, round, level, attempt
    FROM escalation JOIN incident ON incident.id = escalation.incident_id
    WHERE fired_at IS NULL AND due_at <= $1 AND incident.state = 'open' AND ($2::bigint IS NULL OR incident.id = $2)
    ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
), fired AS (
    UPDATE escalation SET fired_at = $1 FROM due
    WHERE escalation.incident_id = due.incident_id AND escalation.round = due.round
        AND escalation.level = due.level AND escalation.attempt = due.attempt
    RETURNING escalation.*
), posted AS (
    INSERT INTO notification (channel, address, dedup_key, message, incident_id, created_at, next_at)
    SELECT target.channel, target.address, format('page/%s/%s/%s/%s', incident_id, round, level, attempt),
        message, incident_id, $1, $1
    FROM fired CROSS JOIN LATERAL jsonb_to_recordset(targets) AS target (channel text, address text)
    ON CONFLICT (channel, address, dedup_key) DO NOTHING
), counted AS (
    UPDATE incident SET events = events + new.count
    FROM (SELECT incident_id, count(*)::int AS count FROM fired GROUP BY incident_id) AS new
    WHERE incident.id = new.incident_id RETURNING incident.id, incident.events - new.count AS before
)
INSERT INTO incident_event (incident_id, seq, at, kind, actor, detail)
SELECT incident_id, before + row_number() OVER (PARTITION BY incident_id ORDER BY round, level, attempt), $1, 'paged',
    'watch', jsonb_build_object('level', level, 'attempt', attempt, 'round', round, 'due_at', due_at, 'people',
        (SELECT jsonb_agg(DISTINCT target.person) FROM jsonb_to_recordset(targets) AS target (person text)))
FROM fired JOIN counted ON counted.id = incident_id
RETURNING incident_id
"""

# Goes on where it stopped: what was due first is due now, and the rest as long after it as before.
RESUME = """
UPDATE escalation SET due_at = due_at + late.by
FROM (SELECT $2 - min(due_at) AS by FROM escalation WHERE incident_id = $1 AND fired_at IS NULL) AS late
WHERE incident_id = $1 AND fired_at IS NULL AND late.by > interval '0'
"""
HAS_UNFIRED = "SELECT EXISTS (SELECT FROM escalation WHERE incident_id = $1 AND fired_at IS NULL)"

PACE = """
UPDATE escalation SET due_at = $2 + (due_at - $2) * $3, message = $4
WHERE incident_id = $1 AND fired_at IS NULL AND due_at > $2
"""

NEXT_DUE = """
SELECT min(due_at) FROM escalation JOIN incident ON incident.id = incident_id
WHERE fired_at IS NULL AND incident.state = 'open'
"""

READ = """
SELECT round, level, attempt, due_at, fired_at,
    ARRAY(SELECT DISTINCT target.person FROM jsonb_to_recordset(targets) AS target (person text) ORDER BY 1) AS people
FROM escalation WHERE incident_id = $1 ORDER BY round, level, attempt
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is due when, to whom: each target a `person`, a `channel` and an `address`."""

    level: int
    attempt: int
    due_at: datetime
    targets: Sequence[dict[str, str]]


async def freeze(conn: Connection, incident_id: int, pages: Sequence[Page], message: Message) -> None:
    """Write down a round of pages, in the place of what has not been told of the round before."""
    await conn.execute(DROP_UNFIRED, incident_id)
    number = await conn.fetchval(NEXT_ROUND, incident_id)
    columns = (
        [each.level for each in pages],
        [each.attempt for each in pages],
        [each.due_at for each in pages],
        [list(each.targets) for each in pages],
    )
    await conn.execute(FREEZE, incident_id, number, message.write(), *columns)


async def escalate(conn: Connection, *, now: datetime, incident_id: int | None) -> list[int]:
    """Page whom it is time to page; the incidents of which something was told, once for each page."""
    rows = await conn.fetch(ESCALATE, now, incident_id, ESCALATED_MAX)
    return [row["incident_id"] for row in rows]


async def resume(conn: Connection, incident_id: int, now: datetime) -> bool:
    """Go on with the pages that are left; False where none are."""
    await conn.execute(RESUME, incident_id, now)
    return bool(await conn.fetchval(HAS_UNFIRED, incident_id))


async def pace(conn: Connection, incident_id: int, factor: float, message: Message, now: datetime) -> None:
    """Bring what is still to come closer, or put it off, by a factor."""
    await conn.execute(PACE, incident_id, now, factor, message.write())


async def next_due(conn: Connection) -> datetime | None:
    """Say when the next page is due."""
    due: datetime | None = await conn.fetchval(NEXT_DUE)
    return due


async def read(conn: Connection, incident_id: int) -> list[dict[str, Any]]:
    """Read the pages of an incident, those that were told and those that are to come."""
    return [dict(row) for row in await conn.fetch(READ, incident_id)]
