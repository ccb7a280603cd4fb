"""Every statement of the alerts of others."""

from dataclasses import dataclass
from datetime import datetime

from quantum_scheduler.incidents.alerts.model import Alert, Known
from quantum_scheduler.postgres.connect import Connection

# Holds the alert until the transaction ends, so that what is delivered twice at once is taken once.
FIRE = """
INSERT INTO alert (source, fingerprint, title, labels, is_firing, first_at, last_at)
VALUES ($1, $2, $3, $4, true, $5, $5)
ON CONFLICT (source, fingerprint) DO UPDATE
SET title = excluded.title, labels = excluded.labels, is_firing = true, last_at = excluded.last_at,
    times = alert.times + 1
RETURNING coalesce(old.is_firing, false) AS was_firing, old.incident_id
"""
CLEAR = """
UPDATE alert SET is_firing = false, last_at = $3 WHERE source = $1 AND fingerprint = $2
RETURNING old.is_firing AS was_firing, incident_id
"""
ATTACH = "UPDATE alert SET incident_id = $3 WHERE source = $1 AND fingerprint = $2"
IS_ANY_FIRING = "SELECT EXISTS (SELECT FROM alert WHERE incident_id = $1 AND is_firing)"
IS_DETECTED = "SELECT EXISTS (SELECT FROM detected_signal WHERE incident_id = $1 AND is_raised)"
WHO_RAISED = """
SELECT actor FROM incident_event WHERE incident_id = $1 AND kind IN ('declared', 'reopened') ORDER BY seq DESC LIMIT 1
"""
FIND = "SELECT incident_id FROM alert WHERE fingerprint = $1 AND incident_id IS NOT NULL ORDER BY last_at DESC LIMIT 1"
LIST = """
SELECT source, fingerprint, title, is_firing, incident_id, first_at, last_at, times, labels FROM alert
WHERE NOT $1 OR is_firing ORDER BY last_at DESC, source, fingerprint LIMIT $2
"""
FORGET = """
DELETE FROM alert WHERE (source, fingerprint) IN (
    SELECT source, fingerprint FROM alert WHERE NOT is_firing AND last_at < $1 ORDER BY last_at LIMIT $2
    FOR UPDATE SKIP LOCKED
)
"""


@dataclass(frozen=True, slots=True)
class Before:
    """What was known of an alert: whether it fired, and the incident it was about."""

    was_firing: bool
    incident_id: int | None


async def fire(conn: Connection, alert: Alert, now: datetime) -> Before:
    """Write down that an alert fires, hold it, and say what was known of it."""
    row = await conn.fetchrow(FIRE, alert.source, alert.fingerprint, alert.title, dict(alert.labels), now)
    assert row is not None
    return Before(row["was_firing"], row["incident_id"])


async def clear(conn: Connection, alert: Alert, now: datetime) -> Before | None:
    """Write down that an alert is over, hold it, and say what was known of it; None where nothing was."""
    row = await conn.fetchrow(CLEAR, alert.source, alert.fingerprint, now)
    return None if row is None else Before(row["was_firing"], row["incident_id"])


async def attach(conn: Connection, alert: Alert, incident_id: int) -> None:
    """Say which incident an alert is about."""
    await conn.execute(ATTACH, alert.source, alert.fingerprint, incident_id)


async def is_any_firing(conn: Connection, incident_id: int) -> bool:
    """Say whether an alert about an incident still fires."""
    return bool(await conn.fetchval(IS_ANY_FIRING, incident_id))


async def is_detected(conn: Connection, incident_id: int) -> bool:
    """Say whether our own detection still sees what an incident is about."""
    return bool(await conn.fetchval(IS_DETECTED, incident_id))


async def who_raised(conn: Connection, incident_id: int) -> str | None:
    """Name who declared an incident, or opened it again."""
    actor: str | None = await conn.fetchval(WHO_RAISED, incident_id)
    return actor


async def find_incident_id(conn: Connection, fingerprint: str) -> int | None:
    """Find the incident that an alert is about."""
    incident_id: int | None = await conn.fetchval(FIND, fingerprint)
    return incident_id


async def list_alerts(conn: Connection, *, is_firing: bool, limit: int) -> list[Known]:
    """List alerts, the one heard of last first."""
    return [Known(**row) for row in await conn.fetch(LIST, is_firing, limit)]


async def forget(conn: Connection, before: datetime, count_max: int) -> None:
    """Forget alerts that have been over since before a moment."""
    await conn.execute(FORGET, before, count_max)
