"""Render the status page as JSON, in the shape of Statuspage's API v2, and keep the last copy on disk.

Source: https://metastatuspage.com/api (summary).
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.model import Incident
from quantum_scheduler.incidents.status import store
from quantum_scheduler.incidents.status.model import BADNESS, Change, Component, ComponentState, Day, History, Update
from quantum_scheduler.monitoring.detect import Severity
from quantum_scheduler.monitoring.maintenance.model import Maintenance
from quantum_scheduler.monitoring.maintenance.plan import list_ahead
from quantum_scheduler.postgres.connect import Connection, Pool, transient
from quantum_scheduler.postgres.model import DatabaseUnavailable

TIMEOUT_S = 3.0
FRESH_S = 1.0
INCIDENTS_MAX = 50
MAINTENANCES_MAX = 50
HISTORY_DAYS = 90
PAGE_ID = "quantum-scheduler"
# Statuspage has words of its own for two of them.
_WORDS: dict[ComponentState, str] = {
    "operational": "operational",
    "degraded": "degraded_performance",
    "partial_outage": "partial_outage",
    "major_outage": "major_outage",
    "maintenance": "under_maintenance",
}
_INDICATORS: dict[ComponentState, tuple[str, str]] = {
    "operational": ("none", "All Systems Operational"),
    "maintenance": ("maintenance", "Service Under Maintenance"),
    "degraded": ("minor", "Partially Degraded Service"),
    "partial_outage": ("major", "Partial System Outage"),
    "major_outage": ("critical", "Major Service Outage"),
}
_IMPACTS: dict[Severity, str] = {"P0": "critical", "P1": "major", "P2": "minor", "P3": "none"}

log = structlog.get_logger(__name__)


async def render_summary(conn: Connection, *, public_url: str | None, now: datetime) -> dict[str, Any]:
    """Render the summary: the components, and the incidents that customers know of and that are not over."""
    components = await store.list_components(conn)
    told = await store.list_told(conn, INCIDENTS_MAX)
    updates = await store.list_updates(conn, told)
    incidents = [await find_incident(conn, each) for each in told]
    worst = max((each.state for each in components), key=BADNESS.__getitem__)
    indicator, description = _INDICATORS[worst]
    return {
        "page": {
            "id": PAGE_ID,
            "name": "quantum-scheduler",
            "url": public_url or "",
            "time_zone": "Etc/UTC",
            "updated_at": now.isoformat(),
        },
        "status": {"indicator": indicator, "description": description},
        "components": [_render_component(each, now) for each in components],
        "incidents": [
            _render_incident(each, [update for update in updates if update.incident_id == each.id], components, now)
            for each in incidents
        ],
        "scheduled_maintenances": [
            _render_maintenance(each, components, now)
            for each in await list_ahead(conn, now=now, limit=MAINTENANCES_MAX)
        ],
    }


async def read_history(conn: Connection, *, now: datetime, days: int = HISTORY_DAYS) -> list[History]:
    """Read how each component was on each of the last days, today among them."""
    first = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
    changes = await store.list_changes(conn, first)
    return [
        History(
            component=each.name,
            days=_draw_days([change for change in changes if change.component == each.name], first, now),
        )
        for each in await store.list_components(conn)
    ]


class StatusBoard:
    """The latest summary. However many ask, the database is asked once at a time; while it is away, the disk is."""

    def __init__(
        self,
        pool: Pool,
        copy: Path | None,
        *,
        public_url: str | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pool = pool
        self._copy = copy
        self._public_url = public_url
        self._now = now
        self._rendering: asyncio.Task[dict[str, Any] | None] | None = None
        self._stale_at = 0.0

    async def read(self) -> dict[str, Any] | None:
        """Tell the summary, or the last one that was written down, or None where there never was one."""
        loop = asyncio.get_running_loop()
        if self._rendering is None or (self._rendering.done() and loop.time() >= self._stale_at):
            self._rendering = loop.create_task(self._render())
        return await asyncio.shield(self._rendering)

    async def _render(self) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(TIMEOUT_S), self._pool.acquire() as conn:
                summary = await render_summary(conn, public_url=self._public_url, now=self._now())
        except Exception as error:
            if not isinstance(error, DatabaseUnavailable) and not transient(error):
                raise
            log.warning("status.database_away", reason=str(error) or type(error).__name__)
            return await asyncio.to_thread(_read_copy, self._copy)
        finally:
            self._stale_at = asyncio.get_running_loop().time() + FRESH_S
        await asyncio.to_thread(_write_copy, self._copy, summary)
        return summary


def _read_copy(path: Path | None) -> dict[str, Any] | None:
    try:
        copy: dict[str, Any] | None = None if path is None else json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return copy


def _write_copy(path: Path | None, summary: dict[str, Any]) -> None:
    if path is None:
        return
    try:
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(summary), encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        log.warning("status.copy_failed", reason=str(error))


def _render_component(component: Component, now: datetime) -> dict[str, Any]:
    return {
        "id": component.name,
        "name": component.title,
        "status": _WORDS[component.state],
        "updated_at": (component.changed_at or now).isoformat(),
        "position": component.position,
        "description": None,
        "showcase": True,
        "group_id": None,
        "group": False,
        "only_show_if_degraded": False,
        "page_id": PAGE_ID,
    }


def _render_incident(
    incident: Incident, updates: Sequence[Update], components: Sequence[Component], now: datetime
) -> dict[str, Any]:
    affected = [_render_component(each, now) for each in components if each.incident_id == incident.id]
    newest, oldest = updates[0], updates[-1]
    return {
        "id": incident.name,
        "name": incident.title,
        "status": newest.status,
        "impact": _IMPACTS[incident.severity],
        "created_at": oldest.at.isoformat(),
        "started_at": incident.began_at.isoformat(),
        "updated_at": newest.at.isoformat(),
        "monitoring_at": None if incident.mitigated_at is None else incident.mitigated_at.isoformat(),
        "resolved_at": None if incident.resolved_at is None else incident.resolved_at.isoformat(),
        "page_id": PAGE_ID,
        "components": affected,
        "incident_updates": [
            {
                "id": str(each.id),
                "incident_id": incident.name,
                "status": each.status,
                "body": each.body,
                "created_at": each.at.isoformat(),
                "display_at": each.at.isoformat(),
                "updated_at": each.at.isoformat(),
            }
            for each in updates
        ],
    }


def _render_maintenance(maintenance: Maintenance, components: Sequence[Component], now: datetime) -> dict[str, Any]:
    phase, made_at = maintenance.phase(now), maintenance.made_at.isoformat()
    has_begun = phase == "in_progress"
    update = {
        "id": f"{maintenance.id}-0",
        "incident_id": str(maintenance.id),
        "status": phase,
        "body": maintenance.body or maintenance.title,
        "created_at": made_at,
        "display_at": made_at,
        "updated_at": made_at,
    }
    return {
        "id": str(maintenance.id),
        "name": maintenance.title,
        "status": phase,
        "impact": "maintenance",
        "created_at": made_at,
        "started_at": maintenance.starts_at.isoformat() if has_begun else made_at,
        "updated_at": maintenance.starts_at.isoformat() if has_begun else made_at,
        "monitoring_at": None,
        "resolved_at": None,
        "scheduled_for": maintenance.starts_at.isoformat(),
        "scheduled_until": maintenance.ends_at.isoformat(),
        "page_id": PAGE_ID,
        "components": [_render_component(each, now) for each in components if each.name in maintenance.components],
        "incident_updates": [update],
    }


def _draw_days(changes: Sequence[Change], first: datetime, now: datetime) -> list[Day]:
    """Cut what happened at midnight."""
    days: list[Day] = []
    start = first
    while start <= now:
        end = min(start + timedelta(days=1), now)
        days.append(_draw_day(changes, start, end))
        start += timedelta(days=1)
    return days


def _draw_day(changes: Sequence[Change], start: datetime, end: datetime) -> Day:
    worst: ComponentState = "operational"
    outage_s = 0.0
    for number, change in enumerate(changes):
        until = changes[number + 1].at if number + 1 < len(changes) else end
        length_s = (min(until, end) - max(change.at, start)).total_seconds()
        if length_s <= 0:
            continue
        worst = max(worst, change.state, key=BADNESS.__getitem__)
        outage_s += length_s if BADNESS[change.state] >= BADNESS["partial_outage"] else 0.0
    return Day(day=f"{start:%Y-%m-%d}", worst=worst, outage_s=outage_s)
