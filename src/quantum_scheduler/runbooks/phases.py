"""Take a run from phase to phase, and each phase into the branch that fits."""

from dataclasses import replace

from quantum_scheduler.runbooks.event import Evaluated
from quantum_scheduler.runbooks.gates import CHOICE_WITHIN_S, open_gate
from quantum_scheduler.runbooks.plan import write_escalation
from quantum_scheduler.runbooks.stages import go_on
from quantum_scheduler.runbooks.state import Op, Track
from quantum_scheduler.runbooks.walk import Walk, read_truth

START, END = "start", "end"
# While one of these is under way, a run is not over.
WAITED_FOR = frozenset({"call", "undo"})


def begin_phases(walk: Walk) -> None:
    """Begin with the first phase, and set the clocks of all."""
    for index, phase in enumerate(walk.plan.phases):
        if index and phase.starts_s is not None:
            walk.wake(walk.issue("phase", index=index, text=START), walk.began_s + phase.starts_s)
        if phase.ends_s is not None:
            walk.wake(walk.issue("phase", index=index, text=END), walk.began_s + phase.ends_s)
    if walk.phases:
        start_phase(walk, 0)


def start_phase(walk: Walk, index: int) -> None:
    """Start a phase, unless it has started."""
    if walk.phases[index].has_started:
        return
    walk.phases[index] = replace(walk.phases[index], has_started=True)
    walk.record("phase_started", str(index + 1))
    go_on(walk, Track(id=walk.number(), phase=index))


def strike(walk: Walk, op: Op) -> None:
    """A phase must start now, or should have ended."""
    walk.end(op)
    phase = walk.phases[op.index]
    if op.text == START:
        start_phase(walk, op.index)
    elif not phase.is_done:
        walk.phases[op.index] = replace(phase, is_overdue=True)
        promised_s = walk.plan.phases[op.index].ends_s
        walk.record("phase_overdue", str(op.index + 1), promised_s=promised_s)
        call = write_escalation(walk.plan.runbook)
        walk.call(walk.issue("call", step=str(op.index + 1), text=call.text), call)


def end_track(walk: Walk, track: Track) -> None:
    """Go on where a track has ended: into a branch, or out of the phase."""
    branches = walk.plan.list_branches(track.phase)
    if track.branch is not None or not branches:
        return
    chosen = walk.phases[track.phase].chosen
    conditions = [each.when for each in branches if not each.is_otherwise]
    known = [each for each in conditions if each is not None]
    key = str(track.phase + 1)
    walk.tracks[track.id] = track
    if chosen is not None:
        enter_branch(walk, track, chosen, by="people")
    elif len(known) < len(conditions):
        offer_branches(walk, track)
    elif known:
        walk.evaluate(walk.issue("branch", step=key, track=track.id), known)
    else:
        _enter_otherwise(walk, track)


def choose_branch(walk: Walk, op: Op, event: Evaluated) -> None:
    """Enter the first branch whose condition is true; people choose where one before it is not known."""
    walk.end(op)
    assert op.track is not None
    track = walk.tracks[op.track]
    conditional = [at for at, each in enumerate(walk.plan.list_branches(track.phase)) if not each.is_otherwise]
    for at, value in zip(conditional, event.values, strict=True):
        truth = read_truth(value)
        if truth is None:
            offer_branches(walk, track)
            return
        if truth:
            enter_branch(walk, track, at)
            return
    _enter_otherwise(walk, track)


def offer_branches(walk: Walk, track: Track) -> None:
    """Have people choose a branch."""
    titles = [each.title for each in walk.plan.list_branches(track.phase)]
    key = str(track.phase + 1)
    open_gate(walk, "branch", key, track=track.id, options=titles, within_s=CHOICE_WITHIN_S)


def enter_branch(walk: Walk, track: Track, index: int, *, by: str = "runbook") -> None:
    """Go on with the steps of a branch."""
    branch = walk.plan.list_branches(track.phase)[index]
    walk.record("branch", str(track.phase + 1), by=by, branch=branch.title)
    go_on(walk, replace(track, branch=index, step=0, stage="when", index=0, tries=0))


def close_phases(walk: Walk) -> None:
    """End phases whose steps are through and whose boxes are ticked, start what follows, and end the run after all."""
    for index, phase in enumerate(walk.phases):
        if phase.has_started and not phase.is_done and not _is_open(walk, index):
            walk.phases[index] = replace(phase, is_done=True)
            walk.record("phase_done", str(index + 1), seconds=walk.now_s - walk.began_s)
            if index + 1 < len(walk.phases):
                start_phase(walk, index + 1)
    is_waiting = any(op.kind in WAITED_FOR for op in walk.ops.values())
    if walk.status == "running" and all(each.is_done for each in walk.phases) and not is_waiting:
        walk.status = "succeeded"
        walk.ops.clear()
        walk.tracks.clear()
        walk.record("run_succeeded", seconds=walk.now_s - walk.began_s)


def _enter_otherwise(walk: Walk, track: Track) -> None:
    branches = walk.plan.list_branches(track.phase)
    otherwise = next((at for at, each in enumerate(branches) if each.is_otherwise), None)
    if otherwise is None:
        walk.tracks.pop(track.id, None)
    else:
        enter_branch(walk, track, otherwise)


def _is_open(walk: Walk, index: int) -> bool:
    """Whether a track of a phase is still on its way, or one of its boxes is not ticked."""
    if any(each.phase == index and each.repeats is None for each in (*walk.tracks.values(), *walk.ended)):
        return True
    return any(op.gate == "tick" and op.step.split(".")[0] == str(index + 1) for op in walk.ops.values())
