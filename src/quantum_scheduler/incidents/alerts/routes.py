"""Alerts over HTTP: what Alertmanager, Grafana and others send, and the acknowledgement of the playbook."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.accounts.routes import WholeDatabase, needs
from quantum_scheduler.incidents.alerts import take
from quantum_scheduler.incidents.alerts.document import (
    AlertDocument,
    AlertmanagerRequest,
    AlertRequest,
    AlertsDocument,
    TakenAlertsDocument,
    TakenDocument,
)
from quantum_scheduler.incidents.alerts.model import FINGERPRINT_CHARS_MAX, Alert
from quantum_scheduler.incidents.alerts.read import read_alert, read_alertmanager
from quantum_scheduler.incidents.document import IncidentDocument
from quantum_scheduler.incidents.routes import MOVED, Door, IncidentDoor, acknowledge
from quantum_scheduler.notifications.model import NOTIFICATION_POSTED
from quantum_scheduler.notifications.routes import Operator, Viewer, takes
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.problems.body import check_media_type, read_document_body

router = APIRouter(prefix="/api/alerts", tags=["Incidents"])

EXAMPLE = {
    "status": "firing",
    "labels": {"alertname": "DynexDown", "severity": "P1", "runbook": "dynex-outage"},
    "annotations": {"summary": "Dynex is down", "description": "Jobs end on classical solvers."},
    "startsAt": "2026-11-22T12:00:00Z",
    "generatorURL": "http://prometheus:9090/graph",
    "fingerprint": "c1b4f8a2d3e5f607",
}


async def _read_body(request: Request, _sender: Annotated[Principal, needs("alerts:write")]) -> bytes:
    check_media_type(request.headers)
    return await request.body()


SenderBody = Annotated[bytes, Depends(_read_body)]


@router.post(
    "/alertmanager",
    operation_id="takeAlertmanagerAlerts",
    summary="Take alerts of Alertmanager",
    response_description="What became of each.",
    openapi_extra=takes(AlertmanagerRequest, alerts=[EXAMPLE]),
)
async def take_alertmanager(body: SenderBody, pool: WholeDatabase, door: Door) -> TakenAlertsDocument:
    """The receiver of a `webhook_config`. An alert raises one incident however often it is sent, and ends it."""
    asked = read_document_body(AlertmanagerRequest, body)
    return await _take(pool, door, (read_alertmanager(each, "alertmanager") for each in asked.alerts))


@router.post(
    "/grafana",
    operation_id="takeGrafanaAlerts",
    summary="Take alerts of Grafana",
    response_description="What became of each.",
    openapi_extra=takes(AlertmanagerRequest, alerts=[EXAMPLE]),
)
async def take_grafana(body: SenderBody, pool: WholeDatabase, door: Door) -> TakenAlertsDocument:
    """The contact point of the kind webhook, with the key as its authorization header."""
    asked = read_document_body(AlertmanagerRequest, body)
    return await _take(pool, door, (read_alertmanager(each, "grafana") for each in asked.alerts))


@router.post(
    "",
    operation_id="takeAlert",
    summary="Take an alert of anything",
    response_description="What became of it.",
    openapi_extra=takes(AlertRequest, title="The disk of the database is full", severity="P1", fingerprint="disk-db-1"),
)
async def take_any(body: SenderBody, pool: WholeDatabase, door: Door) -> TakenDocument:
    """Send it again with the status `resolved` when it is over."""
    alert = read_alert(read_document_body(AlertRequest, body))
    return (await _take(pool, door, [alert])).items[0]


@router.get("", operation_id="listAlerts", summary="List alerts", response_description="The alerts.")
async def list_all(
    _viewer: Viewer,
    pool: WholeDatabase,
    *,
    firing: Annotated[bool, Query(description="Only those that are not over.")] = True,
    limit: Annotated[int, Query(ge=1, le=take.LISTED_MAX)] = 20,
) -> AlertsDocument:
    """Those of others; the one that was heard of last comes first."""
    async with pool.acquire() as conn:
        found = await take.list_alerts(conn, is_firing=firing, limit=limit)
    return AlertsDocument(items=[AlertDocument.of(each) for each in found])


@router.post(
    "/{alert_id}/ack",
    operation_id="acknowledgeAlert",
    summary="Acknowledge an alert",
    response_description="The incident.",
    responses=MOVED,
)
async def acknowledge_alert(
    alert_id: Annotated[str, Path(min_length=1, max_length=FINGERPRINT_CHARS_MAX)],
    operator: Operator,
    pool: WholeDatabase,
    door: Door,
) -> IncidentDocument:
    """Acknowledge the incident that an alert is about: by its id, its name, or the alert's fingerprint."""
    async with pool.acquire() as conn:
        incident = await take.find_alerted(conn, alert_id)
    return await acknowledge(incident.name, operator, pool, door)


async def _take(pool: Pool, door: IncidentDoor, alerts: Iterable[Alert]) -> TakenAlertsDocument:
    """Take each alert in a transaction of its own, so that those of two notifications never wait for each other."""
    items: list[TakenDocument] = []
    async with pool.acquire() as conn:
        for alert in alerts:
            async with conn.transaction():
                taken = await take.take_alert(conn, alert, door.audience, now=datetime.now(UTC))
            items.append(TakenDocument.of(taken))
        await take.forget_alerts(conn, now=datetime.now(UTC))
    door.notifier.notify(NOTIFICATION_POSTED)
    return TakenAlertsDocument(items=items)
