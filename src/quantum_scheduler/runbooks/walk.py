"""A run on the move: the state of one `advance`, open for changes, and what is to be done about it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from quantum_scheduler.expressions.evaluate import UNKNOWN, Value
from quantum_scheduler.expressions.parse import Expression
from quantum_scheduler.runbooks.event import Answered, Call, Effect, Evaluate, Record, Wake
from quantum_scheduler.runbooks.model import Step
from quantum_scheduler.runbooks.plan import Plan
from quantum_scheduler.runbooks.state import Op, OpKind, State, Track


class Walk:
    """What `advance` changes. `ended` are tracks that have come to their end, `answers` what was said early."""

    def __init__(self, plan: Plan, state: State, now_s: float) -> None:
        self.plan = plan
        self.now_s = now_s
        self.status = state.status
        self.began_s = state.began_s
        self.phases = list(state.phases)
        self.tracks = dict(state.tracks)
        self.ops = dict(state.ops)
        self.results = dict(state.results)
        self.done = dict(state.done)
        self.undo = list(state.undo)
        self.early = list(state.early)
        self.pace = state.pace
        self.effects: list[Effect] = []
        self.ended: list[Track] = []
        self.answers: list[Answered] = []
        self._next_pc = state.next_pc

    def freeze(self) -> tuple[State, tuple[Effect, ...]]:
        """The state that has come of it, and what is to be done."""
        state = State(
            status=self.status,
            began_s=self.began_s,
            next_pc=self._next_pc,
            phases=tuple(self.phases),
            tracks=self.tracks,
            ops=self.ops,
            results=self.results,
            done=self.done,
            undo=tuple(self.undo),
            early=tuple(self.early),
            pace=self.pace,
        )
        return state, tuple(self.effects)

    def step_of(self, track: Track) -> Step | None:
        """The step that a track is at; None at its end."""
        steps = self.plan.list_steps(track.phase, track.branch)
        return steps[track.step] if track.step < len(steps) else None

    def issue(self, kind: OpKind, **fields: Any) -> Op:
        """Begin something, under a number of its own."""
        op = Op(pc=self.number(), kind=kind, since_s=self.now_s, **fields)
        self.ops[op.pc] = op
        return op

    def number(self) -> int:
        """A number that nothing else in the run has."""
        self._next_pc += 1
        return self._next_pc - 1

    def put(self, op: Op, **changes: Any) -> Op:
        """Write down what has become of something under way."""
        self.ops[op.pc] = changed = replace(op, **changes)
        return changed

    def end(self, op: Op) -> None:
        """End something."""
        self.ops.pop(op.pc, None)

    def call(self, op: Op, call: Expression) -> None:
        """Have an action called."""
        self.effects.append(Call(pc=op.pc, call=call))

    def evaluate(self, op: Op, expressions: Sequence[Expression]) -> None:
        """Have expressions evaluated, at a look of its own."""
        op = self.put(op, look=op.look + 1)
        self.effects.append(Evaluate(pc=op.pc, look=op.look, expressions=tuple(expressions)))

    def wake(self, op: Op, at_s: float) -> None:
        """Have it told when it is so late, at a look of its own."""
        op = self.put(op, look=op.look + 1)
        self.effects.append(Wake(pc=op.pc, look=op.look, at_s=at_s))

    def record(self, kind: str, step: str = "", *, by: str = "runbook", **detail: Any) -> None:
        """Have something written into the timeline."""
        title = {"title": self.plan.title(step)} if step else {}
        self.effects.append(Record(kind=kind, step=step, by=by, detail={**title, **detail}))


def read_truth(value: Value) -> bool | None:
    """True, false, or None where it is not known."""
    return None if value is UNKNOWN else bool(value)
