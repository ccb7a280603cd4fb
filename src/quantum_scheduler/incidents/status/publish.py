"""Tell customers how the service is."""

from collections.abc import Mapping
from datetime import datetime

from quantum_scheduler.incidents.declare import check_text
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.move import note
from quantum_scheduler.incidents.status import store
from quantum_scheduler.incidents.status.model import (
    BODY_CHARS_MAX,
    ComponentState,
    ComponentUnknown,
    UpdateStatus,
)
from quantum_scheduler.incidents.status.subscriptions.tell import tell_update
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
    """Say how a component is, which wins over what follows from incidents; False where somebody had said so already.

    What is said in an incident holds as long as that. Raises ComponentUnknown.
    """
    known = {each.name: each for each in await store.list_components(conn)}
    if component not in known:
        raise ComponentUnknown(f"the status page has no {component}; it has {', '.join(known)}")
    said = {each.component: each.state for each in await store.list_said(conn)}
    if (known[component].state, said.get(component)) == (state, state):
        return False
    return await store.change(conn, component, state, actor=actor, incident_id=incident_id, now=now, is_manual=True)


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
    update_id = await store.add_update(conn, incident_id, status, body, now)
    incident = await find_incident(conn, incident_id)
    await tell_update(conn, incident, update_id, status=status, body=body, now=now)
    for component, state in components.items():
        await set_component(conn, component, state, actor=actor, now=now, incident_id=incident_id)


async def close_status(conn: Connection, incident_id: int, *, actor: str, now: datetime) -> None:
    """Tell customers who knew of an incident that it is over; what was said in it does not hold any more."""
    if not await store.has_update(conn, incident_id):
        return
    text = "This incident has been resolved."
    await publish_update(conn, incident_id, text, status="resolved", components={}, actor=actor, now=now)
