"""Every statement of the incidents."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from quantum_scheduler.incidents.model import Detail, Event, Incident, Item, NewIncident, State
from quantum_scheduler.postgres.connect import Connection

_COLUMNS = """id, day, number, title, impact, severity, state, runbook, key, commander, communications, scribe,
    began_at, declared_at, acknowledged_at, acknowledged_by, acknowledged_until, mitigated_at, resolved_at, resolution,
    merged_into, policy, service"""

# Two that declare on one day must not draw the same number.
LOCK_DAY = "SELECT pg_advisory_xact_lock(hashtextextended('incident ' || $1::date::text, 0))"

DECLARE = f"""
INSERT INTO incident (day, number, title, impact, severity, runbook, key, began_at, declared_at, policy, service)
VALUES ($1::date, (SELECT coalesce(max(number), 0) + 1 FROM incident WHERE day = $1::date),
    $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (runbook, key) WHERE runbook IS NOT NULL AND state NOT IN ('resolved', 'merged') DO NOTHING
RETURNING {_COLUMNS}
"""  # noqa: S608  a list of columns

FIND_OPEN = f"""
SELECT {_COLUMNS} FROM incident
WHERE runbook = $1 AND key = $2 AND state NOT IN ('resolved', 'merged') FOR UPDATE
"""  # noqa: S608

FIND_RECENT = f"""
SELECT {_COLUMNS} FROM incident WHERE runbook = $1 AND key = $2 AND state = 'resolved' AND resolved_at >= $3
ORDER BY resolved_at DESC LIMIT 1 FOR UPDATE
"""  # noqa: S608

LOCK = f"SELECT {_COLUMNS} FROM incident WHERE id = $1 FOR UPDATE"  # noqa: S608
FIND = f"SELECT {_COLUMNS} FROM incident WHERE id = $1"  # noqa: S608
FIND_NAMED = f"SELECT {_COLUMNS} FROM incident WHERE day = $1::date AND number = $2"  # noqa: S608

LIST = f"""
SELECT {_COLUMNS} FROM incident
WHERE ($1::text[] IS NULL OR state = ANY($1)) AND ($2::bigint IS NULL OR id < $2) AND ($3::timestamptz IS NULL OR
    declared_at >= $3)
ORDER BY id DESC LIMIT $4
"""  # noqa: S608

FIND_EXPIRED = """
SELECT id FROM incident WHERE state = 'acknowledged' AND acknowledged_until <= $1 ORDER BY id FOR UPDATE SKIP LOCKED
"""

UPDATE = f"""
UPDATE incident SET state = $2, severity = $3, acknowledged_at = $4, acknowledged_by = $5, acknowledged_until = $6,
    mitigated_at = $7, resolved_at = $8, resolution = $9, merged_into = $10, commander = $11, communications = $12,
    scribe = $13, title = $14, impact = $15
WHERE id = $1 RETURNING {_COLUMNS}
"""  # noqa: S608

APPEND = """
WITH next AS (UPDATE incident SET events = events + 1 WHERE id = $1 RETURNING events)
INSERT INTO incident_event (incident_id, seq, at, kind, actor, detail) SELECT $1, events, $2, $3, $4, $5 FROM next
"""

READ_EVENTS = """
SELECT seq, at, kind, actor, detail FROM incident_event WHERE incident_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
"""

ADD_ITEMS = """
INSERT INTO incident_item (incident_id, position, section, title, due_at, owner)
SELECT $1, start + row_number, section, title, due_at, owner
FROM (SELECT coalesce(max(position), 0) AS start FROM incident_item WHERE incident_id = $1) AS last,
    ROWS FROM (unnest($2::text[]), unnest($3::text[]), unnest($4::timestamptz[]), unnest($5::text[]))
    WITH ORDINALITY AS item (section, title, due_at, owner, row_number)
"""

READ_ITEMS = """
SELECT position, section, title, due_at, owner, done_at, done_by FROM incident_item WHERE incident_id = $1
ORDER BY position
"""

TICK = """
UPDATE incident_item SET done_at = $3, done_by = $4
WHERE incident_id = $1 AND position = $2 AND (done_at IS NULL) = ($3::timestamptz IS NOT NULL) RETURNING title
"""

HAS_ITEM = "SELECT EXISTS (SELECT FROM incident_item WHERE incident_id = $1 AND position = $2)"
HAS_TASKS = "SELECT EXISTS (SELECT FROM incident_item WHERE incident_id = $1 AND due_at IS NOT NULL)"
DROP_TASKS = "DELETE FROM incident_item WHERE incident_id = $1 AND due_at IS NOT NULL AND done_at IS NULL"
READ_REVIEW = "SELECT review FROM incident WHERE id = $1"
WRITE_REVIEW = "UPDATE incident SET review = $2 WHERE id = $1"


# What the timeline says of a post-mortem that was drafted without its figures.
LEFT_OUT = "left_out"
FIND_UNCOUNTED = """
SELECT incident.id FROM incident JOIN LATERAL (
    SELECT detail FROM incident_event
    WHERE incident_id = incident.id AND kind IN ('review_drafted', 'review_edited') ORDER BY seq DESC LIMIT 1
) AS last ON true
WHERE state = 'resolved' AND ($1::timestamptz IS NULL OR resolved_at >= $1) AND ($2::bigint IS NULL OR id = $2)
    AND last.detail ? $3
ORDER BY resolved_at
"""


async def declare(conn: Connection, new: NewIncident, now: datetime) -> Incident | None:
    """Insert an incident under the next number of its day; None where one of its runbook and key is open."""
    await conn.execute(LOCK_DAY, now.date())
    began_at = min(new.began_at or now, now)
    row = await conn.fetchrow(
        *(DECLARE, now.date(), new.title, new.impact, new.severity, new.runbook, new.key, began_at, now),
        *(new.policy, new.service),
    )
    return None if row is None else Incident(**row)


async def find_open(conn: Connection, runbook: str, key: str) -> Incident | None:
    """Find and lock the open incident of a runbook and key."""
    row = await conn.fetchrow(FIND_OPEN, runbook, key)
    return None if row is None else Incident(**row)


async def find_recent(conn: Connection, runbook: str, key: str, since: datetime) -> Incident | None:
    """Find and lock the incident of a runbook and key that was resolved last, if not before `since`."""
    row = await conn.fetchrow(FIND_RECENT, runbook, key, since)
    return None if row is None else Incident(**row)


async def lock(conn: Connection, incident_id: int) -> Incident | None:
    """Read an incident and keep others from changing it until the transaction ends."""
    row = await conn.fetchrow(LOCK, incident_id)
    return None if row is None else Incident(**row)


async def find(conn: Connection, incident_id: int) -> Incident | None:
    """Read an incident."""
    row = await conn.fetchrow(FIND, incident_id)
    return None if row is None else Incident(**row)


async def find_named(conn: Connection, day: Any, number: int) -> Incident | None:
    """Read the incident of a day's number."""
    row = await conn.fetchrow(FIND_NAMED, day, number)
    return None if row is None else Incident(**row)


async def list_incidents(
    conn: Connection, *, states: Sequence[State] | None, before: int | None, since: datetime | None, limit: int
) -> list[Incident]:
    """List incidents, newest first."""
    return [Incident(**row) for row in await conn.fetch(LIST, states, before, since, limit)]


async def find_expired(conn: Connection, now: datetime) -> list[int]:
    """Find the incidents whose acknowledgement has run out, and lock them."""
    return [row["id"] for row in await conn.fetch(FIND_EXPIRED, now)]


async def update(conn: Connection, incident: Incident) -> Incident:
    """Write an incident that was read under a lock."""
    row = await conn.fetchrow(
        UPDATE,
        incident.id,
        incident.state,
        incident.severity,
        incident.acknowledged_at,
        incident.acknowledged_by,
        incident.acknowledged_until,
        incident.mitigated_at,
        incident.resolved_at,
        incident.resolution,
        incident.merged_into,
        incident.commander,
        incident.communications,
        incident.scribe,
        incident.title,
        incident.impact,
    )
    assert row is not None
    return Incident(**row)


async def append(conn: Connection, incident_id: int, kind: str, actor: str, at: datetime, detail: Detail) -> None:
    """Write a row of the timeline."""
    await conn.execute(APPEND, incident_id, at, kind, actor, dict(detail))


async def read_events(conn: Connection, incident_id: int, *, after: int, limit: int) -> list[Event]:
    """Read the timeline after a row."""
    return [Event(**row) for row in await conn.fetch(READ_EVENTS, incident_id, after, limit)]


async def add_items(
    conn: Connection, incident_id: int, items: Sequence[tuple[str, str, datetime | None, str | None]]
) -> None:
    """Add items: section, title, when each is due, and whose it is."""
    await conn.execute(ADD_ITEMS, incident_id, *(list(column) for column in zip(*items, strict=True)))


async def read_items(conn: Connection, incident_id: int) -> list[Item]:
    """Read the checklist and the tasks."""
    return [Item(**row) for row in await conn.fetch(READ_ITEMS, incident_id)]


async def tick(conn: Connection, incident_id: int, position: int, at: datetime | None, by: str | None) -> str | None:
    """Tick an item, or untick it where `at` is None; its title, or None where it was so already."""
    title: str | None = await conn.fetchval(TICK, incident_id, position, at, by)
    return title


async def has_item(conn: Connection, incident_id: int, position: int) -> bool:
    """Say whether there is such an item."""
    return bool(await conn.fetchval(HAS_ITEM, incident_id, position))


async def has_tasks(conn: Connection, incident_id: int) -> bool:
    """Say whether an incident has tasks with due dates."""
    return bool(await conn.fetchval(HAS_TASKS, incident_id))


async def drop_tasks(conn: Connection, incident_id: int) -> None:
    """Take back the tasks with due dates that nobody has done yet."""
    await conn.execute(DROP_TASKS, incident_id)


async def read_review(conn: Connection, incident_id: int) -> str | None:
    """Read the post-mortem."""
    review: str | None = await conn.fetchval(READ_REVIEW, incident_id)
    return review


async def write_review(conn: Connection, incident_id: int, review: str) -> None:
    """Write the post-mortem."""
    await conn.execute(WRITE_REVIEW, incident_id, review)


async def find_uncounted(conn: Connection, since: datetime) -> list[int]:
    """The incidents resolved since then whose post-mortem lacks its figures, and that nobody has edited."""
    return [row["id"] for row in await conn.fetch(FIND_UNCOUNTED, since, None, LEFT_OUT)]


async def is_uncounted(conn: Connection, incident_id: int) -> bool:
    """Say whether this is such an incident, whenever it was resolved."""
    return bool(await conn.fetch(FIND_UNCOUNTED, None, incident_id, LEFT_OUT))
