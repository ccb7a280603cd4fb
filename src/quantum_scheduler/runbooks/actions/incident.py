"""Actions on the incident, and on whoever must hear of it."""

from quantum_scheduler.incidents import move, respond
from quantum_scheduler.incidents.model import UNRESOLVED, Incident, NewIncident
from quantum_scheduler.incidents.status.model import ComponentState, UpdateStatus
from quantum_scheduler.incidents.status.publish import publish_update, set_component
from quantum_scheduler.monitoring.detect import Severity
from quantum_scheduler.notifications.model import NOTIFICATION_POSTED, Message, Target
from quantum_scheduler.notifications.oncall.find import find_whom
from quantum_scheduler.notifications.outbox import post_message
from quantum_scheduler.notifications.templates import write_update
from quantum_scheduler.runbooks.actions.desk import Desk
from quantum_scheduler.runbooks.actions.row import Action, read, write

# How many levels of a policy are paged at once: whoever is on call, or the backup and the specialist as well.
FIRST, ESCALATED = 1, 3


async def declare(desk: Desk, severity: Severity, *, title: str = "", impact: str = "") -> dict[str, object]:
    """Declare an incident and page whoever is on call; one that is open already is made as severe as this."""
    known = desk.incident
    if known is not None:
        if severity < known.severity:
            known = await respond.change_severity(
                desk.conn, known.id, severity, desk.parts.audience, actor=desk.who, now=desk.now, why=impact
            )
            _post(desk)
        return _describe(known)
    new = NewIncident(
        title=title or (desk.runbook or "incident").replace("-", " "),
        severity=severity,
        impact=impact,
        runbook=desk.runbook,
        policy=desk.policy,
    )
    declared, _ = await respond.raise_incident(desk.conn, new, desk.parts.audience, actor=desk.who, now=desk.now)
    _post(desk)
    return _describe(declared)


async def show(desk: Desk) -> dict[str, object]:
    """Show how the incident stands."""
    return _describe(desk.need_incident())


async def change_severity(desk: Desk, severity: Severity, *, why: str = "") -> dict[str, object]:
    """Make the incident more or less severe; a worse one pages anew."""
    changed = await respond.change_severity(
        desk.conn, desk.need_incident().id, severity, desk.parts.audience, actor=desk.who, now=desk.now, why=why
    )
    _post(desk)
    return _describe(changed)


async def mitigate(desk: Desk) -> dict[str, object]:
    """Say that customers do not feel it any more."""
    incident = await respond.mitigate(
        desk.conn, desk.need_incident().id, desk.parts.audience, actor=desk.who, now=desk.now
    )
    _post(desk)
    return _describe(incident)


async def resolve(desk: Desk, *, resolution: str = "") -> dict[str, object]:
    """End the incident, tell everybody, customers too if they know of it, and draft the post-mortem."""
    audience = desk.parts.audience
    incident = await respond.resolve(
        desk.conn, desk.need_incident().id, audience, actor=desk.who, now=desk.now, resolution=resolution
    )
    _post(desk)
    return _describe(incident)


async def note(desk: Desk, text: str) -> None:
    """Write a note into the timeline of the incident."""
    await move.add_note(desk.conn, desk.need_incident().id, text, actor=desk.who, now=desk.now)


async def page(desk: Desk, whom: str, *, message: str = "") -> dict[str, object]:
    """Page whoever is first on a policy, or stands behind a role."""
    return await _tell(desk, whom, message, levels=FIRST)


async def escalate(desk: Desk, whom: str, *, message: str = "") -> dict[str, object]:
    """Page the first three levels of a policy at once, or whoever stands behind a role and the backup."""
    return await _tell(desk, whom, message, levels=ESCALATED)


async def notify(desk: Desk, message: str) -> int:
    """Tell the team's channels something; how many were told."""
    return await _send(desk, list(desk.parts.audience.targets), message)


async def set_status(desk: Desk, component: str, state: ComponentState) -> bool:
    """Show on the status page how a part of the service is; False where it was so already."""
    incident_id = None if desk.incident is None else desk.incident.id
    return await set_component(desk.conn, component, state, actor=desk.who, now=desk.now, incident_id=incident_id)


async def publish(
    desk: Desk,
    body: str,
    *,
    status: UpdateStatus = "investigating",
    component: str | None = None,
    state: ComponentState = "degraded",
) -> None:
    """Tell customers of the incident on the status page, and how one part of the service is by it."""
    components = {} if component is None else {component: state}
    await publish_update(
        desk.conn,
        desk.need_incident().id,
        body,
        status=status,
        components=components,
        actor=desk.who,
        now=desk.now,
    )


async def _tell(desk: Desk, whom: str, message: str, *, levels: int) -> dict[str, object]:
    if desk.incident is not None and desk.incident.state not in UNRESOLVED:
        return {"people": [], "targets": 0}  # nobody is woken for what is over
    people = await find_whom(desk.conn, whom, desk.now, levels=levels)
    targets = list(dict.fromkeys(target for person in people for target in person.targets))
    await _send(desk, targets, message)
    if desk.incident is not None:
        detail = {"whom": whom, "people": [each.name for each in people]}
        kind = "paged" if levels == FIRST else "escalated"
        await move.note(desk.conn, desk.incident.id, kind, actor=desk.who, now=desk.now, detail=detail)
    return {"people": [each.name for each in people], "targets": len(targets)}


async def _send(desk: Desk, targets: list[Target], text: str) -> int:
    incident = desk.incident
    if incident is None:
        message = Message(kind="notice", title=desk.runbook or "quantum-scheduler", text=text)
    else:
        message = write_update(
            incident=incident.name,
            severity=incident.severity,
            title=incident.title,
            status=incident.state.capitalize(),
            text=text,
            url=desk.parts.audience.link(incident),
        )
    _post(desk)
    return await post_message(
        desk.conn,
        targets,
        message,
        dedup_key=f"action/{desk.key}",
        now=desk.now,
        incident_id=None if incident is None else incident.id,
    )


def _post(desk: Desk) -> None:
    desk.notices.append((NOTIFICATION_POSTED, ""))


def _describe(incident: Incident) -> dict[str, object]:
    return {"id": incident.id, "name": incident.name, "severity": incident.severity, "state": incident.state}


ACTIONS: tuple[Action, ...] = (
    write("incident.declare", declare),
    read("incident.show", show),
    write("incident.severity", change_severity),
    write("incident.mitigate", mitigate),
    write("incident.resolve", resolve),
    write("incident.note", note),
    write("page", page),
    write("escalate", escalate),
    write("notify", notify),
    write("status.set", set_status),
    write("status.publish", publish),
)
