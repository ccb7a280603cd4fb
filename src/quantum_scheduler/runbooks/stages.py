"""Take a step through its stages: whether at all, ask, do, check, wait, have it acknowledged."""

from dataclasses import replace

from quantum_scheduler.expressions.duration import write_duration
from quantum_scheduler.expressions.parse import Expression
from quantum_scheduler.runbooks.event import Broke, Evaluated, Event, Returned, Woken
from quantum_scheduler.runbooks.gates import FAILED_WITHIN_S, NONE_OF_THESE, open_gate
from quantum_scheduler.runbooks.model import Step
from quantum_scheduler.runbooks.plan import is_ramp
from quantum_scheduler.runbooks.ramp import DONE, GOES_ON, begin_ramp, go_on_ramping
from quantum_scheduler.runbooks.state import Op, Stage, Track
from quantum_scheduler.runbooks.walk import Walk, read_truth

CHECK_EVERY_S = 2.0
STAGES: tuple[Stage, ...] = ("when", "ask", "do", "check", "wait", "acknowledge", "end")


def go_on(walk: Walk, track: Track) -> None:
    """Take a track as far as it comes without anything from outside."""
    while True:
        step = walk.step_of(track)
        if step is None:
            walk.tracks.pop(track.id, None)
            walk.ended.append(track)
            return
        if track.stage == "when" and not track.tries:
            track = replace(track, step_began_s=walk.now_s)
        walk.tracks[track.id] = track
        if track.stage == "ask" and step.is_manual:
            # A box beside the steps: it holds the end of its phase, and no other step.
            open_gate(walk, "tick", step.id, track=None)
            track = next_step(track)
        elif track.stage == "end":
            following = _end_step(walk, track, step)
            if following is None:
                return
            track = following
        elif _enter(walk, track, step):
            return
        else:
            track = next_stage(track)


def next_stage(track: Track) -> Track:
    """The stage after this one, from its beginning."""
    return replace(track, stage=STAGES[STAGES.index(track.stage) + 1], index=0)


def next_step(track: Track) -> Track:
    """The step after this one."""
    return replace(track, step=track.step + 1, stage="when", index=0, tries=0)


def back_to_do(track: Track) -> Track:
    """Begin anew with what a step does: with the call that failed, or with the first where a check did."""
    return replace(track, stage="do", index=track.index if track.stage == "do" else 0)


def skip_step(walk: Walk, track: Track, kind: str, *, by: str = "runbook") -> None:
    """Go on with the next step: this one is `step_skipped` or `step_rejected`."""
    step = walk.step_of(track)
    assert step is not None
    walk.done[step.id] = kind.removeprefix("step_")
    walk.record(kind, step.id, by=by)
    go_on(walk, next_step(track))


def fail_step(walk: Walk, track: Track, reason: str) -> None:
    """Try a step again where it says so; else ask people what to do about it. What repeats is only noted."""
    step = walk.step_of(track)
    assert step is not None
    if track.repeats is not None:
        walk.record("step_failed", step.id, reason=reason, repeats=True)
        _pause(walk, track, step)
        return
    if step.retry is not None and track.tries + 1 < step.retry.times:
        track = back_to_do(replace(track, tries=track.tries + 1))
        walk.record("step_retried", step.id, reason=reason, tries=track.tries)
        walk.tracks[track.id] = track
        pause = walk.issue("pause", step=step.id, track=track.id)
        walk.wake(pause, walk.now_s + step.retry.apart_s)
        return
    walk.done[step.id] = "failed"
    walk.record("step_failed", step.id, reason=reason)
    walk.tracks[track.id] = track
    open_gate(walk, "failed", step.id, track=track.id, within_s=FAILED_WITHIN_S, why=reason)


def handle_op(walk: Walk, op: Op, event: Event) -> None:
    """Go on by what has happened to something that a track waits for."""
    track = walk.tracks[op.track] if op.track is not None else None
    assert track is not None
    step = walk.plan.steps[op.step]
    match op.kind, event:
        case "when", Evaluated(values=values):
            walk.end(op)
            _decide(walk, track, step, read_truth(values[0]))
        case "do", Returned(value=value):
            walk.end(op)
            _note_done(walk, step, op.index, value)
            go_on(walk, replace(track, index=op.index + 1))
        case "do", Broke(reason=reason):
            walk.end(op)
            fail_step(walk, track, reason)
        case (("ramp_set" | "ramp_hold" | "ramp_trip"), _):
            push_undo(walk, step)
            verdict = go_on_ramping(walk, op, event)
            if verdict == DONE:
                go_on(walk, replace(track, index=int(op.text) + 1))
            elif verdict != GOES_ON:
                fail_step(walk, track, verdict)
        case (("check" | "wait"), Woken()):
            walk.evaluate(op, (_watched(step, op),))
        case "check", Evaluated(values=values):
            _judge_check(walk, op, track, step, read_truth(values[0]))
        case "wait", Evaluated(values=values):
            _judge_wait(walk, op, track, step, read_truth(values[0]))
        case "pause", Woken():
            walk.end(op)
            go_on(walk, track)
        case _:
            return


def push_undo(walk: Walk, step: Step) -> None:
    """Remember how a step is taken back, once."""
    walk.undo += [(step.id, each.call.text) for each in step.undo if (step.id, each.call.text) not in walk.undo]


def _enter(walk: Walk, track: Track, step: Step) -> bool:
    """Begin the stage that a track is at; False where there is nothing in it."""
    repeats = track.repeats is not None
    match track.stage:
        case "when" if step.when is not None:
            walk.evaluate(walk.issue("when", step=step.id, track=track.id), (step.when,))
        case "ask" if step.ask is not None and step.ask.kind != "acknowledge" and not repeats:
            _ask(walk, track, step)
        case "do" if track.index < len(step.do):
            if not track.index and not track.tries:
                walk.record("step_started", step.id)
            if is_ramp(step, track.index):
                begin_ramp(walk, track, step, track.index)
            else:
                op = walk.issue("do", step=step.id, track=track.id, index=track.index)
                walk.call(op, step.do[track.index].call)
        case "check" if track.index < len(step.check):
            check = step.check[track.index]
            until_s = None if check.within_s is None else walk.now_s + check.within_s
            op = walk.issue("check", step=step.id, track=track.id, index=track.index, until_s=until_s)
            walk.evaluate(op, (check.expression,))
        case "wait" if step.wait is not None:
            op = walk.issue("wait", step=step.id, track=track.id, until_s=walk.now_s + step.wait.at_most_s)
            walk.evaluate(op, (step.wait.expression,))
        case "acknowledge" if step.ask is not None and step.ask.kind == "acknowledge" and not repeats:
            open_gate(walk, "acknowledge", step.id, track=track.id, within_s=step.ask.within_s)
        case _:
            return False
    return True


def _ask(walk: Walk, track: Track, step: Step) -> None:
    assert step.ask is not None
    if step.ask.kind != "choose":
        open_gate(walk, step.ask.kind, step.id, track=track.id, within_s=step.ask.within_s)
        return
    about = walk.plan.find_choice(track.phase)
    branches = () if about is None else walk.plan.list_branches(about)
    mine = track.branch if about == track.phase else None
    titles = [each.title for at, each in enumerate(branches) if at != mine and not each.is_otherwise]
    open_gate(walk, "choose", step.id, track=track.id, options=(*titles, NONE_OF_THESE), within_s=step.ask.within_s)


def _decide(walk: Walk, track: Track, step: Step, truth: bool | None) -> None:
    if truth:
        go_on(walk, next_stage(track))
    elif step.every_s is not None:
        _leave_for_later(walk, track, step)
    elif truth is None:
        open_gate(walk, "unclear", step.id, track=track.id, within_s=FAILED_WITHIN_S, why="its `when` is not known")
    else:
        skip_step(walk, track, "step_skipped")


def _leave_for_later(walk: Walk, track: Track, step: Step) -> None:
    """Look again at a step that repeats and has nothing to do now, without a word; other steps go on."""
    if track.repeats is not None:
        _pause(walk, track, step)
        return
    _pause(walk, replace(track, id=walk.number(), repeats=step.id), step)
    go_on(walk, next_step(track))


def _note_done(walk: Walk, step: Step, index: int, value: object) -> None:
    do = step.do[index]
    push_undo(walk, step)
    if do.name is not None:
        walk.results[do.name] = value
    walk.record("called", step.id, call=do.call.text, result=value)


def _end_step(walk: Walk, track: Track, step: Step) -> Track | None:
    """Write down that a step is done; the track as it goes on, None where it pauses."""
    walk.done[step.id] = "done"
    walk.record("step_done", step.id, seconds=walk.now_s - track.step_began_s, tries=track.tries + 1)
    if track.repeats is not None:
        _pause(walk, track, step)
        return None
    if step.every_s is not None:
        again = replace(track, id=walk.number(), repeats=step.id)
        _pause(walk, again, step)
    return next_step(track)


def _pause(walk: Walk, track: Track, step: Step) -> None:
    """Have a step that repeats come again."""
    assert step.every_s is not None
    walk.tracks[track.id] = replace(track, stage="when", index=0, tries=0)
    walk.wake(walk.issue("pause", step=step.id, track=track.id), walk.now_s + step.every_s)


def _watched(step: Step, op: Op) -> Expression:
    if op.kind == "check":
        return step.check[op.index].expression
    assert step.wait is not None
    return step.wait.expression


def _judge_check(walk: Walk, op: Op, track: Track, step: Step, truth: bool | None) -> None:
    if truth:
        walk.end(op)
        go_on(walk, replace(track, index=op.index + 1))
    elif op.until_s is None or walk.now_s >= op.until_s:
        walk.end(op)
        check = step.check[op.index]
        state = "is not known" if truth is None else "is not so"
        within = "" if check.within_s is None else f" after {write_duration(check.within_s)}"
        fail_step(walk, track, f"`{check.expression.text}` {state}{within}")
    else:
        walk.wake(op, min(walk.now_s + CHECK_EVERY_S, op.until_s))


def _judge_wait(walk: Walk, op: Op, track: Track, step: Step, truth: bool | None) -> None:
    wait = step.wait
    assert wait is not None
    assert op.until_s is not None
    hold_s = wait.hold_s * walk.pace
    since_s = op.true_since_s
    if truth is not None:
        since_s = (walk.now_s if since_s is None else since_s) if truth else None
    if truth and since_s is not None and walk.now_s - since_s >= hold_s:
        walk.end(op)
        go_on(walk, next_stage(track))
    elif walk.now_s >= op.until_s:
        walk.end(op)
        fail_step(walk, track, f"`{wait.expression.text}` did not come true within {write_duration(wait.at_most_s)}")
    else:
        again_s = walk.now_s + wait.every_s
        if since_s is not None:
            again_s = min(again_s, max(since_s + hold_s, walk.now_s + 1.0))
        walk.wake(walk.put(op, true_since_s=since_s), min(again_s, op.until_s))
