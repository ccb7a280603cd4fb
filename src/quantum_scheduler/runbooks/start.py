"""Start a run of a runbook: by hand, or because an incident of it was raised."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import structlog

from quantum_scheduler.expressions.registry import Registry
from quantum_scheduler.incidents import move
from quantum_scheduler.incidents.look_up import find_incident, list_incidents, read_timeline
from quantum_scheduler.incidents.model import UNRESOLVED, Incident
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.jobs.enqueue import enqueue_tasks
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.runbooks import store
from quantum_scheduler.runbooks.advance import begin
from quantum_scheduler.runbooks.carry import Notices, carry_out, write_task
from quantum_scheduler.runbooks.lint import LintContext, lint_document
from quantum_scheduler.runbooks.read import read_document
from quantum_scheduler.runbooks.run_model import NewRun, Run, RunLocked
from quantum_scheduler.runbooks.shelf import Book, Shelf, read_plan

# What keeps a runbook from being executed; anything else is for whoever edits it.
HINDERING = frozenset({"RB001", "RB011", "RB012", "RB014", "RB021", "RB090"})
# An incident older than this was left without a run for a reason.
STARTED_WITHIN = timedelta(days=1)
REVIVED_MAX = 1_000
BROKEN = "runbook_broken"

log = structlog.get_logger(__name__)


class RunbookBroken(ValueError):  # noqa: N818  an error is named for what happened
    """A runbook cannot be executed as it is written."""


def check_runnable(book: Book, registry: Registry) -> None:
    """Raise RunbookBroken with the first thing that keeps a runbook from being executed."""
    findings = lint_document(read_document(book.text), LintContext(registry=registry, today=date.min))
    broken = [each for each in findings if each.code in HINDERING]
    if broken:
        first = broken[0]
        raise RunbookBroken(f"{book.path.name}:{first.line}: {first.code}: {first.message} ({len(broken)} in all)")


async def start_run(
    conn: Connection, book: Book, incident: Incident | None, audience: Audience, *, by: str, now: datetime
) -> tuple[Run, Notices]:
    """Start a run, or find the one that this incident has already. Joins the transaction.

    A run of an incident that is over makes way. Raises RunLocked where another one holds the lock.
    """
    runbook = book.runbook
    lock = runbook.lock or f"runbook:{runbook.name}"
    plan = read_plan(book.text, runbook.name)
    holder = await store.find_locking(conn, lock)
    if holder is not None:
        if incident is not None and (holder.incident_id, holder.runbook) == (incident.id, runbook.name):
            return holder, []
        await _make_way(conn, holder, lock, now=now)
    began_at = now if incident is None else await _find_beginning(conn, incident)
    pace = await store.find_pace(conn, runbook.name, now)
    state, effects = begin(plan, began_s=began_at.timestamp(), now_s=now.timestamp(), pace=pace)
    new = NewRun(
        runbook=runbook.name,
        sha256=runbook.sha256,
        document=book.text,
        incident_id=None if incident is None else incident.id,
        lock=lock,
        started_by=by,
        started_at=now,
        state=state,
    )
    run = await store.insert(conn, new)
    if run is None:
        raise RunLocked(f"another run of {runbook.name} is being started")
    return await carry_out(conn, run, state, effects, audience, now=now)


async def start_due(
    conn: Connection, shelf: Shelf, registry: Registry, audience: Audience, *, now: datetime
) -> Notices:
    """Start the runs of incidents that have had none of their runbook since they were opened. Outside a transaction."""
    incidents = [
        each
        for each in await list_incidents(conn, states=UNRESOLVED, since=now - STARTED_WITHIN)
        if each.runbook in shelf.books and each.state != "mitigated"
    ]
    starts = await store.last_starts(conn, [each.id for each in incidents])
    notices: Notices = []
    for incident in incidents:
        assert incident.runbook is not None
        started_at = starts.get((incident.id, incident.runbook))
        if started_at is not None and not await _is_reopened(conn, incident.id, since=started_at):
            continue
        book = shelf.find(incident.runbook)
        try:
            check_runnable(book, registry)
            async with conn.transaction():
                _, told = await start_run(conn, book, incident, audience, by="watch", now=now)
        except RunbookBroken as error:
            await _note_broken(conn, incident, str(error), now=now)
            continue
        except RunLocked as error:
            log.info("runbook.waits", incident=incident.name, runbook=incident.runbook, reason=str(error))
            continue
        log.info("runbook.started", incident=incident.name, runbook=incident.runbook)
        notices += told
    return notices


async def is_followed(conn: Connection, incident: Incident) -> bool:
    """Say whether a run for an incident is under way."""
    return await store.is_followed(conn, incident.id)


async def revive_runs(conn: Connection, *, now: datetime) -> int:
    """Queue what runs wait for and nobody has queued any more, because its task was given up; how many tasks."""
    pending = [payload for _, each in await store.list_pending(conn, REVIVED_MAX) for payload in each.values()]
    tasks = [write_task(each, now=now) for each in pending[:REVIVED_MAX]]
    return len(await enqueue_tasks(conn, tasks)) if tasks else 0


async def _note_broken(conn: Connection, incident: Incident, reason: str, *, now: datetime) -> None:
    """Say once in the timeline why no run is started: whoever answers the incident has to do it by hand."""
    if any(each.kind == BROKEN for each in await read_timeline(conn, incident.id)):
        return
    log.error("runbook.broken", incident=incident.name, runbook=incident.runbook, reason=reason)
    async with conn.transaction():
        detail = {"runbook": incident.runbook, "reason": reason}
        await move.note(conn, incident.id, BROKEN, actor="watch", now=now, detail=detail)


async def _find_beginning(conn: Connection, incident: Incident) -> datetime:
    """When an incident was declared, or came back: its phases count from there."""
    reopened = [each.at for each in await read_timeline(conn, incident.id) if each.kind == "reopened"]
    return max(reopened, default=incident.declared_at)


async def _is_reopened(conn: Connection, incident_id: int, *, since: datetime) -> bool:
    return any(each.kind == "reopened" and each.at > since for each in await read_timeline(conn, incident_id))


async def _make_way(conn: Connection, holder: Run, lock: str, *, now: datetime) -> None:
    """End a run whose incident is over. Raises RunLocked where it is not."""
    over = None if holder.incident_id is None else await find_incident(conn, holder.incident_id)
    if over is None or over.state in UNRESOLVED:
        raise RunLocked(f"run {holder.id} of {holder.runbook} holds {lock}: abort it first")
    superseded = replace(holder, status="superseded", finished_at=now, pending={})
    await store.update(conn, superseded)
    await store.append(conn, holder.id, now, [("run_superseded", "", "runbook", {})])
