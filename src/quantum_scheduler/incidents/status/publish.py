"""Tell customers how the service is."""

from collections.abc import Mapping
from datetime import datetime

from quantum_scheduler.incidents.declare import check_text
from quantum_scheduler.incidents.move import note
from quantum_scheduler.incidents.status import store
from quantum_scheduler.incidents.status.model import (
    BODY_CHARS_MAX,
    ComponentState,
    ComponentUnknown,
    UpdateStatus,
)
from quantum_scheduler.postgres.connect import Connection


async def set_component(
    conn: Connection,
    component: str,
    state: ComponentState,
    *,
    actor: str,
    now: datetime,
    incident_id: int | None = None,
) -> bool:
    """Say how a component is; False where it was so already. Raises ComponentUnknown."""
    known = {each.name: each for each in await store.list_components(conn)}
    if component not in known:
        raise ComponentUnknown(f"the status page has no {component}; it has {', '.join(known)}")
    if known[component].state == state:
        return False
    return await store.change(conn, component, state, actor=actor, incident_id=incident_id, now=now)


async def publish_update(
    conn: Connection,
    incident_id: int,
    body: str,
    *,
    status: UpdateStatus,
    components: Mapping[str, ComponentState],
    actor: str,
    now: datetime,
) -> None:
    """Tell customers of an incident, and how the components are by it.

    Raises IncidentUnknown, IncidentTextInvalid, ComponentUnknown.
    """
    check_text(body, "the update", BODY_CHARS_MAX, is_required=True)
    detail = {"status": status, "body": body, "components": dict(components)}
    await note(conn, incident_id, "published", actor=actor, now=now, detail=detail)
    await store.add_update(conn, incident_id, status, body, now)
    for component, state in components.items():
        await set_component(conn, component, state, actor=actor, now=now, incident_id=incident_id)


async def close_status(conn: Connection, incident_id: int, *, actor: str, now: datetime) -> None:
    """Tell customers who knew of an incident that it is over; what it had changed is well again."""
    if not await store.has_update(conn, incident_id):
        return
    left = [each.name for each in await store.list_components(conn) if each.incident_id == incident_id]
    await publish_update(
        conn,
        incident_id,
        "This incident has been resolved.",
        status="resolved",
        components=dict.fromkeys(left, "operational"),
        actor=actor,
        now=now,
    )
