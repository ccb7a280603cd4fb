"""People in a drill answer what the runbook's own drills say that they do."""

from quantum_scheduler.drills.people import choose_answer
from quantum_scheduler.runbooks.model import Answer
from quantum_scheduler.runbooks.plan import Plan
from quantum_scheduler.runbooks.shelf import read_shelf
from quantum_scheduler.runbooks.state import GateKind, Op

PLAN = Plan(read_shelf().find("dynex-outage").runbook)
SAID = [each for drill in PLAN.runbook.drills for each in drill.answers]


def gate(title: str, kind: GateKind, *options: str) -> Op:
    step = PLAN.find_key(title)
    assert step is not None
    return Op(pc=1, kind="gate", since_s=0.0, step=step, gate=kind, options=options)


def test_what_a_drill_of_the_runbook_says_is_said() -> None:
    answer = choose_answer(PLAN, gate("Use a new key", "approve", "approve", "reject"), SAID)
    assert answer is not None
    assert (answer.answer, answer.by, answer.after_s) == ("approve", "security-lead", 240.0)


def test_what_no_drill_speaks_of_is_consented_to() -> None:
    answer = choose_answer(PLAN, gate("Wake the quantum specialist", "acknowledge", "acknowledge"), SAID)
    assert answer is not None
    assert (answer.answer, answer.by) == ("acknowledge", "somebody")


def test_nobody_gives_up_or_rejects_or_retries_for_ever() -> None:
    failed = gate("Prove it with one job", "failed", "retry", "skip", "abort")
    answer = choose_answer(PLAN, failed, [])
    assert answer is not None
    assert answer.answer == "retry"
    again = choose_answer(PLAN, failed, [], retried=[failed.step])
    assert again is not None
    assert again.answer == "skip"
    only = Answer(step="Prove it with one job", answer="approve", by="ann", after_s=1.0)
    assert choose_answer(PLAN, gate("Prove it with one job", "approve", "reject"), [only]) is None
