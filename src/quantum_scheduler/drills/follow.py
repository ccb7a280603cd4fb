"""Follow what the service does about a fault: its incident and its run."""

from dataclasses import replace
from datetime import datetime

from quantum_scheduler.drills.model import Moment, Seen
from quantum_scheduler.incidents.look_up import list_incidents, read_timeline
from quantum_scheduler.incidents.model import Event, Incident, IncidentUnknown
from quantum_scheduler.incidents.review import read_review
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.runbooks.look_up import list_runs, read_story
from quantum_scheduler.runbooks.run_model import Run

# How an incident of a drill begins: anew, or as that of the drill before, which came back.
BEGINNINGS = frozenset({"declared", "reopened"})
LOOKED_AT_MAX = 20
# What a report tells of a run.
TOLD = frozenset(
    {
        "run_started", "branch", "asked", "answered", "unanswered", "step_done", "step_failed", "step_retried",
        "step_skipped", "ramped", "ramp_bad", "ramp_tripped", "phase_overdue", "run_succeeded", "run_aborted",
    }
)  # fmt: skip


async def follow(conn: Connection, runbook: str, seen: Seen) -> tuple[Seen, Run | None]:
    """Look at what has happened since the fault began, and find the run that does something about it."""
    since = seen.fault_at
    assert since is not None
    found = await _find_incident(conn, runbook, since=since)
    if found is None:
        return seen, None
    incident, events = found
    first = {each.kind: each.at for each in reversed(events)}
    seen = replace(
        seen,
        incident=incident.name,
        detected_at=first.get("detected"),
        declared_at=min(first[kind] for kind in BEGINNINGS if kind in first),
        acknowledged_at=first.get("acknowledged"),
        mitigated_at=first.get("mitigated"),
        resolved_at=first.get("resolved") if incident.state == "resolved" else None,
        is_reviewed=await _is_reviewed(conn, incident),
    )
    runs = await list_runs(conn, incident_id=incident.id, limit=LOOKED_AT_MAX)
    run = next((each for each in runs if each.runbook == runbook and each.started_at >= since), None)
    return (seen, None) if run is None else (await _tell(conn, run, seen), run)


async def _find_incident(conn: Connection, runbook: str, *, since: datetime) -> tuple[Incident, list[Event]] | None:
    for incident in (each for each in await list_incidents(conn) if each.runbook == runbook):
        events = [each for each in await read_timeline(conn, incident.id) if each.at >= since]
        if any(each.kind in BEGINNINGS for each in events):
            return incident, events
    return None


async def _is_reviewed(conn: Connection, incident: Incident) -> bool:
    try:
        return bool(await read_review(conn, incident.id))
    except IncidentUnknown:
        return False


async def _tell(conn: Connection, run: Run, seen: Seen) -> Seen:
    story = await read_story(conn, run.id, after=0)
    return replace(
        seen,
        run=run.id,
        run_status=run.status,
        branches=tuple(str(each.detail["branch"]) for each in story if each.kind == "branch"),
        shares=tuple(float(each.detail["share"]) for each in story if each.kind == "ramped"),
        story=tuple(
            Moment(at=each.at, kind=each.kind, text=_describe(each.detail)) for each in story if each.kind in TOLD
        ),
    )


def _describe(detail: object) -> str:
    named = detail if isinstance(detail, dict) else {}
    kept = ("title", "branch", "answer", "gate", "share", "hold_s", "pace", "reason", "call")
    return ", ".join(f"{name} {named[name]}" if name != "title" else str(named[name]) for name in kept if name in named)
