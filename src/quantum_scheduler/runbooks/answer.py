"""Answer what a run asks, also before it does, and abort it."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from quantum_scheduler.incidents import respond
from quantum_scheduler.incidents.model import MoveRefused
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.notifications.oncall.find import find_staff
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.runbooks import store
from quantum_scheduler.runbooks.advance import find_gate
from quantum_scheduler.runbooks.carry import Notices, move_run
from quantum_scheduler.runbooks.event import AbortAsked, Answered
from quantum_scheduler.runbooks.gates import OPTIONS, find_roles
from quantum_scheduler.runbooks.plan import Plan
from quantum_scheduler.runbooks.run_model import ANSWER_CHARS_MAX, AnswerRefused, Run, RunUnknown
from quantum_scheduler.runbooks.shelf import read_plan
from quantum_scheduler.runbooks.state import GateKind, Op

CONSENTS = ("approve", "confirm", "acknowledge")
# For these it matters who answers; anybody who looks after the service may tick a box or say that they are at it.
GUARDED: frozenset[GateKind] = frozenset({"approve", "confirm", "choose"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Who answers: `by` as the timeline names them, `names` as the rota does.

    Whoever is not among those asked says in whose `role` they answer.
    """

    by: str
    names: frozenset[str] = frozenset()
    role: str | None = None


async def answer_run(
    conn: Connection,
    run_id: int,
    step: str | None,
    answer: str,
    speaker: Speaker,
    audience: Audience,
    *,
    now: datetime,
) -> tuple[Run, Notices]:
    """Answer the gate of a step, by its id or title, or without one the only gate that takes this answer.

    Joins the transaction. Raises RunUnknown, AnswerRefused.
    """
    run = await _lock(conn, run_id)
    if run.status != "running":
        raise AnswerRefused(f"run {run_id} is {run.status} and asks nothing any more")
    if len(answer) > ANSWER_CHARS_MAX:
        raise AnswerRefused(f"an answer may have {ANSWER_CHARS_MAX} characters")
    plan = read_plan(run.document, run.runbook)
    key, gate = _find_asked(run, plan, step, answer)
    said = _match(plan, key, gate, answer)
    if gate is not None:
        await _check_role(conn, plan, gate, speaker, now=now)
    by = speaker.by
    await store.insert_signal(conn, run_id, key, said, role=speaker.role, by=by, at=now)
    moved, notices = await move_run(conn, run, Answered(step=key, answer=said, by=by), audience, now=now)
    if gate is not None and gate.gate == "acknowledge" and run.incident_id is not None:
        with suppress(MoveRefused):  # it may be over
            await respond.acknowledge(conn, run.incident_id, audience, actor=by, now=now)
    return moved, notices


async def find_consent(conn: Connection, run_id: int, step: str | None) -> str:
    """The word by which a step gets the consent it asks for: approve, confirm or acknowledge.

    Without a step it is that of the only gate which asks for one. Raises RunUnknown, AnswerRefused.
    """
    run = await _lock(conn, run_id)
    plan = read_plan(run.document, run.runbook)
    if step is not None:
        key = plan.find_key(step)
        known = None if key is None else plan.steps.get(key)
        words: list[str | None] = [known.ask.kind] if known is not None and known.ask is not None else []
    else:
        words = [op.gate for op in run.state.gates() if op.gate in CONSENTS]
    if len(words) != 1 or words[0] not in CONSENTS:
        asked = "; ".join(f"{op.step} {plan.title(op.step)!r}" for op in run.state.gates()) or "nothing"
        raise AnswerRefused(f"say which step is approved; run {run.id} asks: {asked}")
    return str(words[0])


async def abort_run(
    conn: Connection, run_id: int, audience: Audience, *, by: str, why: str = "", now: datetime
) -> tuple[Run, Notices]:
    """Stop a run and have what it did taken back; again, it changes nothing. Raises RunUnknown."""
    run = await _lock(conn, run_id)
    if run.status != "running":
        return run, []
    await store.insert_signal(conn, run_id, "", "abort", role=None, by=by, at=now)
    return await move_run(conn, run, AbortAsked(by=by, why=why[:ANSWER_CHARS_MAX]), audience, now=now)


async def _lock(conn: Connection, run_id: int) -> Run:
    run = await store.lock_run(conn, run_id)
    if run is None:
        raise RunUnknown(run_id)
    return run


def _find_asked(run: Run, plan: Plan, step: str | None, answer: str) -> tuple[str, Op | None]:
    """The step or phase that is meant, and its gate, if that is open."""
    if step is not None:
        key = plan.find_key(step)
        if key is None:
            raise AnswerRefused(f"{run.runbook} has no step {step!r}")
        gate = find_gate(run.state, key)
        if gate is None and key in run.state.done:
            raise AnswerRefused(f"{plan.title(key)!r} is {run.state.done[key]} already")
        return key, gate
    folded = answer.casefold()
    fitting = [op for op in run.state.gates() if folded in (each.casefold() for each in op.options)]
    if len(fitting) != 1:
        asked = "; ".join(f"{op.step} {plan.title(op.step)!r}" for op in run.state.gates()) or "nothing"
        raise AnswerRefused(f"say which step {answer!r} is for; run {run.id} asks: {asked}")
    return fitting[0].step, fitting[0]


def _match(plan: Plan, key: str, gate: Op | None, answer: str) -> str:
    """The option that is meant. Raises AnswerRefused."""
    options = gate.options if gate is not None else _list_options(plan, key)
    said = next((each for each in options if each.casefold() == answer.casefold().strip()), None)
    if said is None:
        raise AnswerRefused(f"{plan.title(key)!r} takes {' or '.join(options) or 'no answer'}, not {answer!r}")
    return said


def _list_options(plan: Plan, key: str) -> tuple[str, ...]:
    """What may be answered to a step, or to the branches of a phase, before it is asked."""
    step = plan.steps.get(key)
    if step is None:
        return tuple(each.title for each in plan.list_branches(int(key) - 1))
    if step.is_manual:
        return OPTIONS["tick"]
    if step.ask is None:
        return ()
    if step.ask.kind == "choose":
        about = plan.find_choice(int(key.split(".", maxsplit=1)[0]) - 1)
        return () if about is None else tuple(each.title for each in plan.list_branches(about))
    return OPTIONS[step.ask.kind]


async def _check_role(conn: Connection, plan: Plan, gate: Op, speaker: Speaker, *, now: datetime) -> None:
    """Raise AnswerRefused where it matters who answers and it is not one of them, nor somebody in their place."""
    roles = find_roles(plan, gate)
    if gate.gate not in GUARDED or speaker.role in roles:
        return
    staff = await find_staff(conn, roles, now)
    if not staff or speaker.names & set(staff):
        return
    asked = " or ".join(roles)
    raise AnswerRefused(f"this is for {asked} to answer ({', '.join(staff)}); in their place, say in whose role")
