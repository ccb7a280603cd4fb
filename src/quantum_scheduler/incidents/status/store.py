"""Every statement of the status page."""

from collections.abc import Sequence
from datetime import datetime

from quantum_scheduler.incidents.status.model import (
    Affecting,
    Change,
    Component,
    ComponentState,
    Said,
    Update,
    UpdateStatus,
)
from quantum_scheduler.postgres.connect import Connection

LIST = """
SELECT name, position, title, coalesce(last.state, 'operational') AS state, last.at AS changed_at, last.incident_id
FROM status_component LEFT JOIN LATERAL (
    SELECT state, at, incident_id FROM status_change WHERE component = name ORDER BY id DESC LIMIT 1
) AS last ON true
ORDER BY position
"""
CHANGE = """
INSERT INTO status_change (component, state, at, actor, incident_id, is_manual)
SELECT name, $2, $3, $4, $5, $6 FROM status_component WHERE name = $1 RETURNING id
"""
LIST_SAID = """
SELECT name AS component, last.state, last.at FROM status_component CROSS JOIN LATERAL (
    SELECT state, at, incident_id FROM status_change WHERE component = name AND is_manual ORDER BY id DESC LIMIT 1
) AS last LEFT JOIN incident ON incident.id = last.incident_id
WHERE incident.id IS NULL OR incident.state NOT IN ('resolved', 'merged')
"""
LIST_AFFECTING = """
SELECT id AS incident_id, severity, coalesce(service, key) AS service, began.at AS since
FROM incident CROSS JOIN LATERAL (
    SELECT max(at) AS at FROM incident_event WHERE incident_id = incident.id AND kind IN ('declared', 'reopened')
) AS began
WHERE state IN ('open', 'acknowledged') AND coalesce(service, key) <> '' ORDER BY id
"""
ADD_UPDATE = """
INSERT INTO status_update (incident_id, status, body, at) VALUES ($1, $2, $3, $4) RETURNING id
"""
HAS_UPDATE = "SELECT EXISTS (SELECT FROM status_update WHERE incident_id = $1)"
LIST_UPDATES = """
SELECT id, incident_id, status, body, at FROM status_update
WHERE incident_id = ANY($1) ORDER BY incident_id, id DESC
"""
# Those that customers were told of and that are not over.
LIST_TOLD = """
SELECT DISTINCT incident_id FROM status_update JOIN incident ON incident.id = incident_id
WHERE incident.state NOT IN ('resolved', 'merged') ORDER BY incident_id DESC LIMIT $1
"""
LIST_RECENT = "SELECT incident_id FROM status_update GROUP BY incident_id ORDER BY max(id) DESC LIMIT $1"
# And of each component the last change before, which still held then.
LIST_CHANGES = """
(SELECT component, state, at, id FROM status_change WHERE at > $1)
UNION ALL
(SELECT DISTINCT ON (component) component, state, at, id FROM status_change WHERE at <= $1 ORDER BY component, id DESC)
ORDER BY id
"""


async def list_components(conn: Connection) -> list[Component]:
    """List the components as they are."""
    return [Component(**row) for row in await conn.fetch(LIST)]


async def list_said(conn: Connection) -> list[Said]:
    """List what people said of components last, where that still holds."""
    return [Said(**row) for row in await conn.fetch(LIST_SAID)]


async def list_affecting(conn: Connection) -> list[Affecting]:
    """List the incidents that customers feel and that are about a service."""
    return [Affecting(**row) for row in await conn.fetch(LIST_AFFECTING)]


async def change(
    conn: Connection,
    component: str,
    state: ComponentState,
    *,
    actor: str,
    incident_id: int | None,
    now: datetime,
    is_manual: bool,
) -> bool:
    """Change a component; False where there is none of the name."""
    return await conn.fetchval(CHANGE, component, state, now, actor, incident_id, is_manual) is not None


async def add_update(conn: Connection, incident_id: int, status: UpdateStatus, body: str, now: datetime) -> int:
    """Write down what customers are told; its id."""
    return int(await conn.fetchval(ADD_UPDATE, incident_id, status, body, now))


async def has_update(conn: Connection, incident_id: int) -> bool:
    """Say whether customers know of an incident."""
    return bool(await conn.fetchval(HAS_UPDATE, incident_id))


async def list_updates(conn: Connection, incident_ids: Sequence[int]) -> list[Update]:
    """List what customers were told of incidents, the newest first."""
    return [Update(**row) for row in await conn.fetch(LIST_UPDATES, list(incident_ids))]


async def list_told(conn: Connection, limit: int) -> list[int]:
    """List the incidents that customers know of and that are not over."""
    return [row["incident_id"] for row in await conn.fetch(LIST_TOLD, limit)]


async def list_recent(conn: Connection, limit: int) -> list[int]:
    """List the incidents that customers were told of lately."""
    return [row["incident_id"] for row in await conn.fetch(LIST_RECENT, limit)]


async def list_changes(conn: Connection, since: datetime) -> list[Change]:
    """List what changed after a moment, and what held then."""
    rows = await conn.fetch(LIST_CHANGES, since)
    return [Change(component=row["component"], state=row["state"], at=row["at"]) for row in rows]
