"""What the names in a run's expressions stand for: the incident, kept results, metrics, and actions that only look."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from quantum_scheduler.expressions.evaluate import UNKNOWN, Scope, Value
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.model import Incident
from quantum_scheduler.postgres.connect import Pool, transient
from quantum_scheduler.runbooks.actions.call import call_action
from quantum_scheduler.runbooks.actions.desk import Desk, Parts
from quantum_scheduler.runbooks.actions.table import ACTIONS

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScope:
    """The scope of one run at one moment. `metrics` is what is measured; `incident` was just read."""

    run_id: int
    runbook: str
    results: Mapping[str, Any]
    incident: Incident | None
    metrics: Scope
    pool: Pool
    parts: Parts
    now: Callable[[], datetime]

    async def look_up(self, path: str) -> Value:
        """Find the value of a name; UNKNOWN where it has none now."""
        room, _, rest = path.partition(".")
        if room in self.results:
            return _walk(self.results[room], rest)
        if room == "incident":
            return describe_incident(self.incident).get(rest, UNKNOWN)
        if path in {"run.id", "runbook.name"}:
            return self.run_id if path == "run.id" else self.runbook
        return await self.metrics.look_up(path)

    async def call(self, name: str, arguments: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
        """Ask a metric, or an action that only looks; UNKNOWN where it cannot say."""
        action = ACTIONS.get(name)
        if action is None:
            return await self.metrics.call(name, arguments, keywords)
        if action.effect != "read" or UNKNOWN in (*arguments, *keywords.values()):
            return UNKNOWN
        try:
            async with self.pool.acquire() as conn:
                desk = Desk(
                    conn=conn,
                    key=f"{self.run_id}:look",
                    who="runbook",
                    now=self.now(),
                    parts=self.parts,
                    incident=self.incident,
                    runbook=self.runbook,
                )
                return await call_action(action, desk, arguments, keywords)
        except Exception as error:
            if transient(error):
                raise
            log.warning("runbook.look_failed", action=name, reason=str(error) or type(error).__name__)
            return UNKNOWN


def describe_incident(incident: Incident | None) -> dict[str, Value]:
    """What a run's expressions may name of the incident; nothing is known of one that there is not."""
    if incident is None:
        return {}
    impact = f": {incident.impact}" if incident.impact else ""
    return {
        "id": incident.id,
        "name": incident.name,
        "title": incident.title,
        "severity": incident.severity,
        "state": incident.state,
        "summary": f"{incident.severity} {incident.title}{impact}",
    }


async def read_incident(pool: Pool, incident_id: int | None) -> Incident | None:
    """Read the incident of a run, if it has one."""
    if incident_id is None:
        return None
    async with pool.acquire() as conn:
        return await find_incident(conn, incident_id)


def _walk(value: Any, path: str) -> Value:
    """Follow a dotted name into a result."""
    for word in path.split(".") if path else ():
        if not isinstance(value, Mapping) or word not in value:
            return UNKNOWN
        value = value[word]
    return UNKNOWN if value is None and path else value
