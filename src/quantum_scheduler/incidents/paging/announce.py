"""Tell the channels what becomes of an incident."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from quantum_scheduler.incidents.model import Incident
from quantum_scheduler.notifications.model import Button, Message, Target
from quantum_scheduler.notifications.outbox import post_message
from quantum_scheduler.notifications.templates import (
    write_acknowledgement,
    write_alert,
    write_resolution,
    write_update,
)
from quantum_scheduler.postgres.connect import Connection

# A post-incident review is due a day after the incident was resolved.
REVIEW_AFTER = timedelta(hours=24)
STATUS = {
    "open": "Investigating",
    "acknowledged": "Investigating",
    "mitigated": "Monitoring",
    "resolved": "Resolved",
    "merged": "Merged",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Whom to tell of every incident, and where the service is to be found, for links."""

    targets: tuple[Target, ...] = ()
    public_url: str | None = None

    def link(self, incident: Incident) -> str | None:
        """Where to look at an incident."""
        return None if self.public_url is None else f"{self.public_url.rstrip('/')}/v1/incidents/{incident.name}"


NOBODY = Audience()


def write_page(incident: Incident, audience: Audience) -> Message:
    """Write the initial alert, which is the page too."""
    buttons = (
        Button(label="Acknowledge", value=f"acknowledge:{incident.name}"),
        Button(label="Resolve", value=f"resolve:{incident.name}"),
    )
    return write_alert(
        incident=incident.name,
        severity=incident.severity,
        title=incident.title,
        impact=incident.impact,
        url=audience.link(incident),
        buttons=buttons,
    )


async def announce_declared(
    conn: Connection, incident: Incident, audience: Audience, *, key: str, now: datetime
) -> None:
    """Send the initial alert; `key` tells one declaration from the next of a re-opened incident."""
    message = write_page(incident, audience)
    await _post(conn, incident, audience, message, key=f"alert/{key}", now=now)


async def announce_acknowledged(conn: Connection, incident: Incident, audience: Audience, *, now: datetime) -> None:
    """Say who is at it."""
    message = write_acknowledgement(
        incident=incident.name,
        severity=incident.severity,
        title=incident.title,
        who=incident.acknowledged_by or "",
        until=incident.acknowledged_until or now,
        url=audience.link(incident),
    )
    await _post(conn, incident, audience, message, key=f"acknowledged/{now.isoformat()}", now=now)


async def announce_update(
    conn: Connection, incident: Incident, audience: Audience, text: str, *, now: datetime
) -> None:
    """Say what has changed."""
    message = write_update(
        incident=incident.name,
        severity=incident.severity,
        title=incident.title,
        status=STATUS[incident.state],
        text=text,
        url=audience.link(incident),
    )
    await _post(conn, incident, audience, message, key=f"update/{now.isoformat()}", now=now)


async def announce_resolved(conn: Connection, incident: Incident, audience: Audience, *, now: datetime) -> None:
    """Say that it is over."""
    message = write_resolution(
        incident=incident.name,
        severity=incident.severity,
        title=incident.title,
        root_cause=incident.resolution,
        began_at=incident.began_at,
        resolved_at=incident.resolved_at or now,
        review_at=(incident.resolved_at or now) + REVIEW_AFTER,
        url=audience.link(incident),
    )
    await _post(conn, incident, audience, message, key=f"resolved/{now.isoformat()}", now=now)


async def _post(
    conn: Connection, incident: Incident, audience: Audience, message: Message, *, key: str, now: datetime
) -> None:
    dedup_key = f"incident/{incident.id}/{key}"
    await post_message(conn, audience.targets, message, dedup_key=dedup_key, now=now, incident_id=incident.id)
