"""Look runs up."""

from dataclasses import dataclass
from datetime import datetime

from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.runbooks import store
from quantum_scheduler.runbooks.gates import find_roles
from quantum_scheduler.runbooks.plan import Plan
from quantum_scheduler.runbooks.run_model import RUNS_LISTED_MAX, Run, RunEvent, RunUnknown, StepRow
from quantum_scheduler.runbooks.shelf import read_plan
from quantum_scheduler.runbooks.state import Op

EVENTS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """A gate at which people are awaited: what may be answered, by whom, and when others are called."""

    step: str
    title: str
    gate: str
    options: tuple[str, ...]
    roles: tuple[str, ...]
    why: str
    since_s: float
    until_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A step of a run's runbook, and what has become of it: `waits` to be begun, goes on, or how it ended."""

    step: str
    title: str
    text: str
    phase: str
    branch: str | None
    state: str
    kind: str
    until_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeRun:
    """A run with the steps of its runbook, the gates that are open, what was done and its story."""

    run: Run
    steps: tuple[Listed, ...]
    awaited: tuple[Awaited, ...]
    done: tuple[StepRow, ...]
    story: tuple[RunEvent, ...]


async def find_run(conn: Connection, run_id: int) -> Run:
    """Find a run. Raises RunUnknown."""
    run = await store.find(conn, run_id)
    if run is None:
        raise RunUnknown(run_id)
    return run


async def list_runs(
    conn: Connection,
    *,
    unfinished: bool = False,
    incident_id: int | None = None,
    before: int | None = None,
    limit: int = RUNS_LISTED_MAX,
) -> list[Run]:
    """List runs, newest first, up to `RUNS_LISTED_MAX`."""
    limit = min(limit, RUNS_LISTED_MAX)
    return await store.list_runs(conn, unfinished=unfinished, incident_id=incident_id, before=before, limit=limit)


async def read_run(conn: Connection, run_id: int, *, after: int = 0) -> WholeRun:
    """Read all of a run, of its story the rows after one. Raises RunUnknown."""
    run = await find_run(conn, run_id)
    plan = read_plan(run.document, run.runbook)
    return WholeRun(
        run=run,
        steps=tuple(_list_steps(plan, run)),
        awaited=tuple(_describe_gate(plan, op) for op in run.state.gates()),
        done=tuple(await store.read_steps(conn, run_id)),
        story=tuple(await store.read_events(conn, run_id, after=after, limit=EVENTS_MAX)),
    )


async def read_story(conn: Connection, run_id: int, *, after: int) -> list[RunEvent]:
    """Read the story of a run after a row."""
    return await store.read_events(conn, run_id, after=after, limit=EVENTS_MAX)


def name_waiting(run: Run) -> list[str]:
    """Name the steps at which a run waits for people."""
    plan = read_plan(run.document, run.runbook)
    return [plan.title(op.step) for op in run.state.gates()]


def began_at(run: Run) -> datetime:
    """When the clock of a run began."""
    return datetime.fromtimestamp(run.state.began_s, run.started_at.tzinfo)


def _list_steps(plan: Plan, run: Run) -> list[Listed]:
    under_way: dict[str, Op] = {op.step: op for op in run.state.ops.values() if op.kind != "call"}
    listed = []
    for phase in plan.phases:
        for branch in (None, *phase.branches):
            for step in phase.steps if branch is None else branch.steps:
                op = under_way.get(step.id)
                state = run.state.done.get(step.id) or ("waits" if op is None else _name_state(op))
                listed.append(
                    Listed(
                        step=step.id,
                        title=step.title,
                        text=step.text,
                        phase=phase.title,
                        branch=None if branch is None else branch.title,
                        state=_name_state(op) if op is not None and op.kind != "pause" else state,
                        kind="manual" if step.is_manual else "automated" if step.is_automated else "gated",
                        until_s=None if op is None else op.until_s,
                    )
                )
    return listed


def _name_state(op: Op) -> str:
    return {"gate": f"asks: {op.gate}", "pause": "pauses", "ramp_hold": "ramps", "ramp_set": "ramps"}.get(
        op.kind, "goes on"
    )


def _describe_gate(plan: Plan, op: Op) -> Awaited:
    return Awaited(
        step=op.step,
        title=plan.title(op.step),
        gate=op.gate or "",
        options=op.options,
        roles=find_roles(plan, op),
        why=op.text,
        since_s=op.since_s,
        until_s=op.until_s,
    )
