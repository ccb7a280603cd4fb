"""Ask people: open a gate, call for others where nobody answers, and say who may."""

from collections.abc import Sequence

from quantum_scheduler.expressions.parse import Expression, parse_expression
from quantum_scheduler.notifications.oncall.find import ON_CALL
from quantum_scheduler.runbooks.event import Answered, Evaluated, Woken
from quantum_scheduler.runbooks.model import Ask, Step
from quantum_scheduler.runbooks.plan import Plan, write_escalation
from quantum_scheduler.runbooks.state import GateKind, Op
from quantum_scheduler.runbooks.walk import Walk, read_truth

# What nobody put a time to is called for after so long.
CHOICE_WITHIN_S = 900.0
FAILED_WITHIN_S = 300.0
CALLED_MAX = 3
# Whoever acknowledges the incident, wherever that is, has acknowledged its gates; once it is mitigated, nobody has to.
ACKNOWLEDGED = parse_expression('incident.state != "open"', 0)
ACKNOWLEDGED_EVERY_S = 5.0

APPROVED = {"approve": True, "confirm": True, "reject": False}
OPTIONS: dict[GateKind, tuple[str, ...]] = {
    "acknowledge": ("acknowledge",),
    "approve": ("approve", "reject"),
    "confirm": ("confirm", "reject"),
    "tick": ("done", "skip"),
    "unclear": ("do", "skip"),
    "failed": ("retry", "skip", "abort"),
}
NONE_OF_THESE = "none of these"


def open_gate(
    walk: Walk,
    gate: GateKind,
    key: str,
    *,
    track: int | None,
    options: Sequence[str] = (),
    within_s: float | None = None,
    why: str = "",
) -> None:
    """Ask people at a step, or at the branches of a phase; what they said before counts."""
    offered = tuple(options) or OPTIONS[gate]
    until_s = None if within_s is None else walk.now_s + within_s
    op = walk.issue("gate", gate=gate, step=key, track=track, options=offered, until_s=until_s, text=why)
    roles = list(find_roles(walk.plan, op))
    walk.record("asked", key, gate=gate, options=list(offered), roles=roles, until_s=until_s, why=why, pc=op.pc)
    for early in walk.early:
        if early.step == key and early.answer in offered:
            walk.early.remove(early)
            walk.answers.append(Answered(step=key, answer=early.answer, by=early.by))
            return
    if gate == "acknowledge":
        walk.evaluate(op, (ACKNOWLEDGED,))
    elif until_s is not None:
        walk.wake(op, until_s)


def watch_gate(walk: Walk, op: Op, event: Woken | Evaluated) -> bool:
    """Go on waiting for an answer; True where the incident is not open any more, which is one."""
    if isinstance(event, Evaluated):
        if read_truth(event.values[0]):
            return True
        again_s = walk.now_s + ACKNOWLEDGED_EVERY_S
        walk.wake(op, again_s if op.until_s is None else min(again_s, max(op.until_s, walk.now_s)))
        return False
    if op.until_s is not None and walk.now_s >= op.until_s:
        op = _call_others(walk, op)
    if op.gate == "acknowledge":
        walk.evaluate(op, (ACKNOWLEDGED,))
    elif op.until_s is not None:
        walk.wake(op, op.until_s)
    return False


def find_roles(plan: Plan, op: Op) -> tuple[str, ...]:
    """Who is asked: the roles of the step's `ask`, or else whoever is on call."""
    ask = find_ask(plan, op)
    return (ON_CALL,) if ask is None else ask.roles


def find_ask(plan: Plan, op: Op) -> Ask | None:
    """The `ask` that a gate comes from; None for those that the engine opens by itself."""
    step: Step | None = plan.steps.get(op.step)
    return None if step is None or step.ask is None or op.gate != step.ask.kind else step.ask


def _call_others(walk: Walk, op: Op) -> Op:
    """Nobody has answered: call what the gate says, or else escalate; a few times, each as long after the last."""
    ask = find_ask(walk.plan, op)
    within_s = (ask.within_s if ask else None) or (FAILED_WITHIN_S if op.gate == "failed" else CHOICE_WITHIN_S)
    call: Expression = (ask.otherwise if ask else None) or write_escalation(walk.plan.runbook)
    called = op.called + 1
    walk.record("unanswered", op.step, gate=op.gate, call=call.text, times=called)
    issued = walk.issue("call", step=op.step, text=call.text)
    walk.call(issued, call)
    return walk.put(op, called=called, until_s=walk.now_s + within_s if called < CALLED_MAX else None)
