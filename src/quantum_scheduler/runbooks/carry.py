"""Carry out what the machine asks for, in the transaction that writes down what has happened to a run."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from quantum_scheduler.incidents import move
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.model import Incident
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.jobs.enqueue import enqueue_tasks
from quantum_scheduler.jobs.model import CONTROL_LANE, TASK_READY, NewTask, Priority
from quantum_scheduler.notifications.model import NOTIFICATION_POSTED, Message
from quantum_scheduler.notifications.oncall.find import find_people, find_staff
from quantum_scheduler.notifications.outbox import post_message
from quantum_scheduler.notifications.templates import write_update
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.runbooks import store
from quantum_scheduler.runbooks.advance import advance
from quantum_scheduler.runbooks.event import Answered, Broke, Call, Effect, Evaluate, Event, Record, Returned, Wake
from quantum_scheduler.runbooks.run_model import RUN_CHANGED, RUN_TASK, Run
from quantum_scheduler.runbooks.shelf import read_plan
from quantum_scheduler.runbooks.state import Op, State

# What a row of a timeline may hold of a result.
DETAIL_CHARS_MAX = 2_000
# Steps go before whatever else waits in the lane.
PRIORITY: Priority = "critical"
UNTOLD = frozenset({"tick"})
Notices = list[tuple[str, str]]


async def move_run(
    conn: Connection, run: Run, event: Event, audience: Audience, *, now: datetime
) -> tuple[Run, Notices]:
    """Let something happen to a locked run. Joins the transaction; send the notices once it is committed."""
    state, effects = advance(read_plan(run.document, run.runbook), run.state, event, now.timestamp())
    return await carry_out(conn, run, state, effects, audience, now=now, event=event)


async def carry_out(
    conn: Connection,
    run: Run,
    state: State,
    effects: Iterable[Effect],
    audience: Audience,
    *,
    now: datetime,
    event: Event | None = None,
) -> tuple[Run, Notices]:
    """Write down what has become of a run, queue what it waits for, and tell whoever must hear of it."""
    effects = list(effects)
    due = {payload["pc"]: payload for effect in effects if (payload := _write_payload(run.id, effect)) is not None}
    pending = {pc: each for pc, each in run.pending.items() if int(pc) in state.ops}
    pending |= {str(pc): payload for pc, payload in due.items() if pc in state.ops}
    notices: Notices = [(RUN_CHANGED, str(run.id))]
    if due:
        await enqueue_tasks(conn, [write_task(each, now=now) for each in due.values()])
        notices.append((TASK_READY, CONTROL_LANE))
    await store.insert_steps(conn, run.id, _list_ended(run.state, state, event), now)
    moved = replace(
        run,
        state=state,
        pending=pending,
        status=state.status,
        finished_at=now if state.is_finished else None,
        incident_id=run.incident_id or _find_declared(run, event),
    )
    await store.update(conn, moved)
    records = [each for each in effects if isinstance(each, Record)]
    rows = [(each.kind, each.step, each.by, shorten(each.detail)) for each in records]
    await store.append(conn, run.id, now, rows)
    incident = None if moved.incident_id is None else await find_incident(conn, moved.incident_id)
    for record, (kind, step, by, detail) in zip(records, rows, strict=True):
        if incident is not None:
            said = {"run": run.id, "runbook": run.runbook, **({"step": step} if step else {}), **detail}
            await move.note(conn, incident.id, kind, actor=by, now=now, detail=said)
        if kind == "asked" and record.detail["gate"] not in UNTOLD:
            await _tell_asked(conn, moved, record, incident, audience, now=now)
            notices.append((NOTIFICATION_POSTED, ""))
    return moved, notices


def write_task(payload: Mapping[str, Any], *, now: datetime) -> NewTask:
    """Write the task that brings a run what it waits for; queued again while it waits, it is still one task."""
    at_s = payload.get("at_s")
    look = f":{payload['look']}" if "look" in payload else ""
    return NewTask(
        kind=RUN_TASK,
        payload=payload,
        dedupe_key=f"run:{payload['run']}:{payload['pc']}{look}",
        run_at=None if at_s is None or at_s <= now.timestamp() else datetime.fromtimestamp(at_s, UTC),
        priority=PRIORITY,
    )


def shorten(detail: Any) -> Any:
    """Keep of a detail what a timeline can hold: JSON, and not too long."""
    text = json.dumps(detail, default=str)
    if len(text) <= DETAIL_CHARS_MAX:
        return json.loads(text)
    if isinstance(detail, Mapping):
        share = DETAIL_CHARS_MAX // max(1, len(detail))
        return {str(name): _cut(each, share) for name, each in detail.items()}
    return _cut(detail, DETAIL_CHARS_MAX)


def _cut(value: Any, chars: int) -> Any:
    text = json.dumps(value, default=str)
    return json.loads(text) if len(text) <= chars else f"{text[:chars]}..."


def _write_payload(run_id: int, effect: Effect) -> dict[str, Any] | None:
    match effect:
        case Call(pc=pc, call=call):
            return {"run": run_id, "pc": pc, "call": call.text}
        case Evaluate(pc=pc, look=look, expressions=expressions):
            return {"run": run_id, "pc": pc, "look": look, "expressions": [each.text for each in expressions]}
        case Wake(pc=pc, look=look, at_s=at_s):
            return {"run": run_id, "pc": pc, "look": look, "at_s": at_s}
    return None


def _list_ended(before: State, after: State, event: Event | None) -> list[tuple[int, str, str, str, Any, float]]:
    """Each thing that was under way and is not any more: pc, step, kind, outcome, detail, since when."""
    ended: list[Op] = [op for pc, op in sorted(before.ops.items()) if pc not in after.ops]
    return [(op.pc, op.step, op.gate or op.kind, *_describe_end(op, event), op.since_s) for op in ended]


def _describe_end(op: Op, event: Event | None) -> tuple[str, Any]:
    match event:
        case Returned(pc=op.pc, value=value):
            return "done", shorten({"result": value})
        case Broke(pc=op.pc, reason=reason):
            return "failed", {"reason": reason}
        case Answered(step=op.step, answer=answer, by=by) if op.kind == "gate":
            return answer, {"by": by}
    return "ended", {}


def _find_declared(run: Run, event: Event | None) -> int | None:
    """The incident that a run without one has declared just now."""
    if isinstance(event, Returned) and isinstance(event.value, dict):
        call = str(run.pending.get(str(event.pc), {}).get("call", ""))
        if call.startswith("incident.declare("):
            return int(event.value["id"])
    return None


async def _tell_asked(
    conn: Connection, run: Run, record: Record, incident: Incident | None, audience: Audience, *, now: datetime
) -> None:
    """Tell whoever is asked, and the team's channels, what is asked and how to answer."""
    options = record.detail["options"]
    commands = "\n".join(f"quantum-scheduler run answer {run.id} {record.step} {json.dumps(each)}" for each in options)
    why = f"\n{record.detail['why']}" if record.detail["why"] else ""
    text = f"{record.detail['title']}{why}\nAsked: {' or '.join(record.detail['roles'])}\n{commands}"
    if incident is None:
        message = Message(kind="notice", title=f"Runbook {run.runbook} asks", text=text)
    else:
        message = write_update(
            incident=incident.name,
            severity=incident.severity,
            title=incident.title,
            status=f"{run.runbook} asks",
            text=text,
            url=audience.link(incident),
        )
    people = await find_people(conn, await find_staff(conn, record.detail["roles"], now))
    targets = dict.fromkeys([*audience.targets, *(target for person in people for target in person.targets)])
    await post_message(
        conn,
        list(targets),
        message,
        dedup_key=f"run/{run.id}/{record.detail['pc']}",
        now=now,
        incident_id=None if incident is None else incident.id,
    )
