"""Give traffic back row by row: hold, look, go on; a bad look falls back one row, two in a row take all of it again."""

from typing import Literal

from quantum_scheduler.runbooks.event import Broke, Evaluated, Event, Returned, Woken
from quantum_scheduler.runbooks.model import Step
from quantum_scheduler.runbooks.plan import write_ramp_call, write_trip_call
from quantum_scheduler.runbooks.state import Op, Track
from quantum_scheduler.runbooks.walk import Walk, read_truth

BAD_MAX = 2
# What cannot be measured is looked at again after another hold, and then counts as bad.
UNCLEAR_MAX = 3
TRIPPED = "the ramp was not well at two looks in a row: all traffic was taken again"

Verdict = Literal["goes_on", "done"] | str
GOES_ON: Verdict = "goes_on"
DONE: Verdict = "done"


def begin_ramp(walk: Walk, track: Track, step: Step, do: int) -> None:
    """Give the share of the first row. `index` of the op is the row, `text` the number of the `do`."""
    op = walk.issue("ramp_set", step=step.id, track=track.id, text=str(do))
    walk.call(op, write_ramp_call(step, do, step.ramp[0]))


def go_on_ramping(walk: Walk, op: Op, event: Event) -> Verdict:
    """Go on with a ramp by what has happened to it: `goes_on`, `done`, or why it has failed."""
    step = walk.plan.steps[op.step]
    row = step.ramp[op.index] if op.index < len(step.ramp) else step.ramp[-1]
    if isinstance(event, Broke):
        walk.end(op)
        return event.reason
    if isinstance(event, Returned):
        if op.kind == "ramp_trip":
            walk.end(op)
            walk.record("ramp_tripped", op.step)
            return TRIPPED
        hold_s = row.hold_s * walk.pace
        walk.record("ramped", op.step, share=row.share, hold_s=hold_s)
        walk.end(op)
        hold = walk.issue("ramp_hold", step=op.step, track=op.track, index=op.index, bad=op.bad, text=op.text)
        walk.wake(hold, walk.now_s + hold_s)
    elif isinstance(event, Woken):
        walk.evaluate(op, (row.go_on,))
    elif isinstance(event, Evaluated):
        return _judge(walk, op, step, read_truth(event.values[0]))
    return GOES_ON


def _judge(walk: Walk, op: Op, step: Step, truth: bool | None) -> Verdict:
    row = step.ramp[op.index]
    if truth is None and op.unclear + 1 < UNCLEAR_MAX:
        walk.wake(walk.put(op, unclear=op.unclear + 1), walk.now_s + row.hold_s * walk.pace)
        return GOES_ON
    if truth:
        walk.end(op)
        if op.index + 1 == len(step.ramp):
            return DONE
        _set(walk, op, step, op.index + 1, bad=0)
        return GOES_ON
    walk.record("ramp_bad", op.step, share=row.share, when=row.go_on.text, known=truth is not None)
    walk.end(op)
    if op.bad + 1 < BAD_MAX:
        _set(walk, op, step, max(0, op.index - 1), bad=op.bad + 1)
    else:
        trip = walk.issue("ramp_trip", step=op.step, track=op.track, index=op.index, text=op.text)
        walk.call(trip, write_trip_call(step, int(op.text)))
    return GOES_ON


def _set(walk: Walk, op: Op, step: Step, index: int, *, bad: int) -> None:
    following = walk.issue("ramp_set", step=op.step, track=op.track, index=index, bad=bad, text=op.text)
    walk.call(following, write_ramp_call(step, int(op.text), step.ramp[index]))
