"""The machine of a run: pure, so that it runs the same in the database and in the virtual time of a simulation.

`begin` and `advance` map a state and an event to the next state and to effects. Whoever runs it has each `Call`,
`Evaluate` and `Wake` done and brings back the event that follows; what comes twice, or late, changes nothing.
"""

from dataclasses import replace
from typing import Any

from quantum_scheduler.expressions.parse import parse_expression
from quantum_scheduler.runbooks import gates, phases, stages
from quantum_scheduler.runbooks.event import (
    AbortAsked,
    Answered,
    Broke,
    Effect,
    Evaluated,
    Event,
    Returned,
    Woken,
)
from quantum_scheduler.runbooks.plan import Plan
from quantum_scheduler.runbooks.state import EarlyAnswer, Op, PhaseState, State
from quantum_scheduler.runbooks.walk import Walk

# What has been given to somebody and may have its effect yet: an abort waits for it.
IN_FLIGHT = frozenset({"do", "ramp_set", "ramp_trip"})
EARLY_MAX = 100


def begin(plan: Plan, *, began_s: float, now_s: float, pace: float = 1.0) -> tuple[State, tuple[Effect, ...]]:
    """Begin a run whose clock stands at `now_s - began_s`: the phases count from `began_s`.

    Its holds are multiplied with `pace`.
    """
    empty = State(status="running", began_s=began_s, phases=tuple(PhaseState() for _ in plan.phases), pace=pace)
    walk = Walk(plan, empty, now_s)
    paced: dict[str, Any] = {} if pace == 1.0 else {"pace": pace}
    walk.record("run_started", runbook=plan.runbook.name, sha256=plan.runbook.sha256, **paced)
    phases.begin_phases(walk)
    return _settle(walk)


def advance(plan: Plan, state: State, event: Event, now_s: float) -> tuple[State, tuple[Effect, ...]]:
    """Go on by what has happened. An event that nothing waits for, or not any more, changes nothing."""
    if state.is_finished:
        return state, ()
    walk = Walk(plan, state, now_s)
    match event:
        case AbortAsked(by=by, why=why):
            _begin_abort(walk, by, why)
        case Answered():
            _hear(walk, event)
        case _:
            op = walk.ops.get(event.pc)
            if op is None or (isinstance(event, Evaluated | Woken) and event.look != op.look):
                return state, ()
            _handle(walk, op, event)
    return _settle(walk)


def find_gate(state: State, key: str, answer: str | None = None) -> Op | None:
    """Find the gate at which a step, or a phase, awaits this answer, or any."""
    open_gates = [op for op in state.gates() if op.step == key]
    return next((op for op in open_gates if answer is None or answer in op.options), None)


def _handle(walk: Walk, op: Op, event: Returned | Broke | Evaluated | Woken) -> None:
    if walk.status == "aborting":
        _unwind(walk, op, event)
        return
    match op.kind, event:
        case "call", (Returned() | Broke()):
            _note_call(walk, op, event)
        case "phase", Woken():
            phases.strike(walk, op)
        case "branch", Evaluated():
            phases.choose_branch(walk, op, event)
        case "gate", (Evaluated() | Woken()):
            if gates.watch_gate(walk, op, event):
                _answer(walk, op, op.options[0], "runbook")
        case _ if op.track is not None:
            stages.handle_op(walk, op, event)


def _hear(walk: Walk, event: Answered) -> None:
    """Take an answer to its gate, or keep it until that opens."""
    if walk.status != "running":
        return
    state, _ = walk.freeze()
    op = find_gate(state, event.step, event.answer)
    if op is not None:
        _answer(walk, op, event.answer, event.by)
    elif len(walk.early) < EARLY_MAX:
        kept = [each for each in walk.early if each.step != event.step]
        walk.early = [*kept, EarlyAnswer(step=event.step, answer=event.answer, by=event.by)]


def _answer(walk: Walk, op: Op, answer: str, by: str) -> None:
    """Go on from a gate."""
    walk.end(op)
    walk.record("answered", op.step, by=by, gate=op.gate, answer=answer, seconds=walk.now_s - op.since_s)
    track = walk.tracks.get(op.track) if op.track is not None else None
    if track is None:  # a box beside the steps
        walk.done[op.step] = "done" if answer == "done" else "skipped"
        return
    match op.gate, answer:
        case "failed", "abort":
            _begin_abort(walk, by, op.text)
        case "failed", "retry":
            stages.go_on(walk, stages.back_to_do(replace(track, tries=0)))
        case (("unclear" | "failed"), "skip"):
            stages.skip_step(walk, track, "step_skipped", by=by)
        case (("approve" | "confirm"), "reject"):
            stages.skip_step(walk, track, "step_rejected", by=by)
        case "branch", _:
            titles = [each.title for each in walk.plan.list_branches(track.phase)]
            phases.enter_branch(walk, track, titles.index(answer), by=by)
        case "choose", _ if answer != gates.NONE_OF_THESE:
            _choose(walk, op, answer, by)
        case _:
            stages.go_on(walk, stages.next_stage(track))


def _choose(walk: Walk, op: Op, answer: str, by: str) -> None:
    """Go into the branch that was chosen, now or when its phase comes to it."""
    assert op.track is not None
    track = walk.tracks[op.track]
    about = walk.plan.find_choice(track.phase)
    assert about is not None
    index = [each.title for each in walk.plan.list_branches(about)].index(answer)
    if about == track.phase and track.branch is not None:
        walk.done[op.step] = "done"
        phases.enter_branch(walk, track, index, by=by)
    else:
        walk.phases[about] = replace(walk.phases[about], chosen=index)
        stages.go_on(walk, stages.next_stage(track))


def _note_call(walk: Walk, op: Op, event: Returned | Broke) -> None:
    walk.end(op)
    said = {"result": event.value} if isinstance(event, Returned) else {"reason": event.reason}
    walk.record("called", op.step, call=op.text, **said)


def _begin_abort(walk: Walk, by: str, why: str) -> None:
    """Stop at once, wait for what is in flight, then take back what was done."""
    if walk.status == "aborting":
        return
    walk.status = "aborting"
    walk.record("run_aborting", by=by, why=why, to_undo=len(walk.undo))
    walk.ops = {pc: op for pc, op in walk.ops.items() if op.kind in IN_FLIGHT}
    walk.tracks.clear()
    walk.ended.clear()
    walk.answers.clear()


def _unwind(walk: Walk, op: Op, event: Returned | Broke | Evaluated | Woken) -> None:
    if not isinstance(event, Returned | Broke):
        return
    walk.end(op)
    if op.kind == "undo":
        kind = "undone" if isinstance(event, Returned) else "undo_failed"
        detail = {} if isinstance(event, Returned) else {"reason": event.reason}
        walk.record(kind, op.step, call=op.text, **detail)
    elif isinstance(event, Returned):
        stages.push_undo(walk, walk.plan.steps[op.step])


def _play_undo(walk: Walk) -> None:
    """Take back the last thing that was done, or end: everything is taken back."""
    if walk.ops:
        return
    if not walk.undo:
        walk.status = "aborted"
        walk.record("run_aborted", seconds=walk.now_s - walk.began_s)
        return
    step, text = walk.undo.pop()
    walk.call(walk.issue("undo", step=step, text=text), parse_expression(text, walk.plan.steps[step].line))


def _settle(walk: Walk) -> tuple[State, tuple[Effect, ...]]:
    """Follow up on what has ended and on what was said early, until nothing is left to do but to wait."""
    before: list[PhaseState] | None = None
    while walk.status == "running" and (walk.ended or walk.answers or before != walk.phases):
        if walk.ended:
            phases.end_track(walk, walk.ended.pop(0))
        elif walk.answers:
            _hear(walk, walk.answers.pop(0))
        else:
            before = list(walk.phases)
            phases.close_phases(walk)
    if walk.status == "aborting":
        _play_undo(walk)
    return walk.freeze()
