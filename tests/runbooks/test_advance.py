"""The machine of a run: what goes on, what waits, what is taken back."""

from pathlib import Path

import pytest
from tests.runbooks.virtual import VirtualRun, read_plan

from quantum_scheduler.expressions.evaluate import UNKNOWN
from quantum_scheduler.runbooks.advance import advance, begin
from quantum_scheduler.runbooks.event import AbortAsked, Answered, Call, Returned
from quantum_scheduler.runbooks.plan import Plan
from quantum_scheduler.runbooks.read import read_document

DATA = Path(__file__).parents[1] / "data"
DO = "## Do\n1. **A.**\n   - do: `a.do()`\n"
NO = {'incident.state != "open"': lambda _: False}


def test_steps_go_one_after_the_other_and_keep_results() -> None:
    plan = read_plan("## Do (0–5 minutes)\n1. **A.**\n   - do: `x = a.do()`\n2. **B.**\n   - do: `b.do(x.n)`\n")
    run = VirtualRun(plan).run()
    assert run.calls == ["a.do()", "b.do(x.n)"]
    assert run.state.status == "succeeded"
    assert run.state.results == {"x": {"n": 1}}
    assert run.kinds("1.1") == ["step_started", "called", "step_done"]


def test_a_check_looks_again_until_it_is_true_or_its_time_is_over() -> None:
    plan = read_plan(
        "## Do\n1. **A.**\n   - do: `a.do()`\n   - check: `m.x` within 10s\n   - retry: 2 times, 5s apart\n"
    )
    assert VirtualRun(plan, {"m.x": lambda now_s: now_s >= 6}).run().state.status == "succeeded"
    late = VirtualRun(plan, {"m.x": lambda now_s: now_s >= 17}).run()
    assert late.state.status == "succeeded"
    assert late.calls == ["a.do()", "a.do()"]
    never = VirtualRun(plan, {"m.x": lambda _: False}).run()
    assert [op.gate for op in never.state.gates()] == ["failed"]
    assert never.calls.count("escalate('quantum')") == 3


def test_a_failed_call_is_tried_again_by_itself_and_then_by_people() -> None:
    plan = read_plan("## Do\n1. **A.**\n   - do: `a.do()`\n   - do: `b.do()`\n   - retry: 3 times, 5s apart\n")
    assert VirtualRun(plan, broken={"b.do()": 2}).run().calls == ["a.do()", "b.do()", "b.do()", "b.do()"]
    stuck = VirtualRun(plan, broken={"b.do()": 3})
    stuck.at(60, Answered(step="1.1", answer="retry", by="ann"))
    assert stuck.run().state.status == "succeeded"


def test_a_gate_waits_calls_for_others_and_hears_what_was_said_before() -> None:
    text = "## Do\n1. **A.**\n   - do: `a.do()`\n   - ask: approve, by security, within 15m, else `page('boss')`\n"
    run = VirtualRun(read_plan(text))
    run.at(1_000, Answered(step="1.1", answer="approve", by="ann"))
    assert run.run().called_at == [(900, "page('boss')"), (1_000, "a.do()")]
    two = read_plan(text + "2. **B.**\n   - ask: confirm, by on-call, within 5m, else `page('boss')`\n")
    early = VirtualRun(two)
    early.at(1, Answered(step="1.2", answer="confirm", by="bob"))
    early.at(2, Answered(step="1.1", answer="reject", by="ann"))
    assert early.run().calls == []
    assert (early.now_s, early.state.status, early.state.done) == (2, "succeeded", {"1.1": "rejected", "1.2": "done"})


def test_acknowledging_the_incident_acknowledges_its_gates() -> None:
    plan = read_plan(
        "## Do\n1. **A.**\n   - do: `a.do()`\n   - ask: acknowledge, by on-call, within 5m, else `b.do()`\n"
    )
    run = VirtualRun(plan, {'incident.state != "open"': lambda now_s: now_s > 400}).run()
    assert run.called_at == [(0, "a.do()"), (300, "b.do()")]
    assert 400 < run.now_s <= 405


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [(True, True, "If a"), (False, True, "If b"), (False, False, "Otherwise")],
)
def test_the_first_true_branch_is_taken(first: bool, second: bool, taken: str) -> None:
    run = VirtualRun(_branches(), {"m.a": lambda _: first, "m.b": lambda _: second}).run()
    assert [each.detail["branch"] for _, each in run.records if each.kind == "branch"] == [taken]
    assert run.state.status == "succeeded"


def test_people_choose_where_a_condition_is_not_known() -> None:
    run = VirtualRun(_branches(), {"m.b": lambda _: True})
    run.at(5, Answered(step="1", answer="If b", by="ann"))
    assert run.run().calls == ["b.do()"]


def test_people_who_decide_in_otherwise_choose_among_the_branches() -> None:
    otherwise = "### Otherwise\n1. **Decide.**\n   - ask: choose, by quantum-lead, within 5m, else `page('x')`\n"
    run = VirtualRun(_branches(otherwise), {"m.a": lambda _: False, "m.b": lambda _: False})
    run.at(5, Answered(step="1.c.1", answer="If b", by="ann"))
    assert run.run().calls == ["b.do()"]


def test_a_phase_starts_at_the_latest_at_its_lower_bound_and_says_when_it_is_late() -> None:
    text = (
        "## One (0–5 minutes)\n1. **A.**\n   - ask: confirm, by on-call, within 1h, else `page('x')`\n"
        "## Two (5–30 minutes)\n1. **B.**\n   - do: `b.do()`\n## Three\n1. **C.**\n   - do: `c.do()`\n"
    )
    run = VirtualRun(read_plan(text)).run(600)
    assert (300, "b.do()") in run.called_at
    assert (300, "escalate('quantum')") in run.called_at
    assert [at_s for at_s, each in run.records if each.kind == "phase_overdue"] == [300]
    assert (300, "c.do()") in run.called_at  # what waits for people goes on beside it
    assert not run.state.is_finished
    run.at(700, Answered(step="1.1", answer="confirm", by="ann"))
    assert run.run().state.status == "succeeded"


def test_boxes_hold_their_phase_and_no_step() -> None:
    run = VirtualRun(
        read_plan("## One\n1. Look out of the window.\n2. **A.**\n   - do: `a.do()`\n## Two\n1. Breathe.\n")
    )
    run.at(10, Answered(step="1.1", answer="done", by="ann"))
    assert run.run().called_at == [(0, "a.do()")]
    assert [each.step for each in run.state.gates()] == ["2.1"]
    run.at(20, Answered(step="2.1", answer="skip", by="ann"))
    assert run.run().state.done == {"1.1": "done", "1.2": "done", "2.1": "skipped"}


def test_a_wait_holds_for_as_long_as_it_says() -> None:
    plan = read_plan("## Do\n1. **A.**\n   - wait: `m.x` for 5m, at most 1h, every 1m\n")
    flaps = VirtualRun(plan, {"m.x": lambda now_s: now_s not in {0.0, 120.0}}).run()
    assert (flaps.now_s, flaps.state.status) == (480, "succeeded")
    assert [op.gate for op in VirtualRun(plan, {"m.x": lambda _: False}).run(7_200).state.gates()] == ["failed"]


def test_a_step_repeats_until_the_run_is_over() -> None:
    text = "## Do\n1. **A.**\n   - do: `a.do()`\n   - every: 30m\n2. **B.**\n   - wait: `m.x`, at most 24h, every 1m\n"
    run = VirtualRun(read_plan(text), {"m.x": lambda now_s: now_s >= 5_000}).run()
    assert [at_s for at_s, _ in run.called_at] == [0, 1_800, 3_600]
    assert run.state.status == "succeeded"


@pytest.mark.parametrize("unclear", [False, UNKNOWN])
def test_a_step_that_repeats_waits_for_its_turn_without_a_word_and_holds_up_nothing(unclear: object) -> None:
    text = (
        "## Do\n1. **A.**\n   - when: `m.a`\n   - do: `a.do()`\n   - every: 30m\n"
        "2. **B.**\n   - do: `b.do()`\n   - wait: `m.x`, at most 24h, every 1m\n"
    )
    truths = {"m.a": lambda now_s: True if 1_000 < now_s < 2_000 else unclear, "m.x": lambda now_s: now_s >= 7_200}
    run = VirtualRun(read_plan(text), truths).run()
    assert run.called_at == [(0, "b.do()"), (1_800, "a.do()")]
    assert run.state.status == "succeeded"
    assert run.kinds("1.1") == ["step_started", "called", "step_done"]


RAMP = (
    "## Recovery\n1. **Ramp.**\n\n   | Share | Hold | Go on when |\n   | --- | --- | --- |\n"
    "   | 1% | 2m | `m.a` |\n   | 10% | 5m | `m.b` |\n   | 100% | 15m | `m.c` |\n\n"
    "   - do: `ramp('dynex')`\n   - undo: `breaker.open('dynex')`\n"
)
YES = {name: lambda _: True for name in ("m.a", "m.b", "m.c")}


def test_a_ramp_holds_and_rises() -> None:
    run = VirtualRun(read_plan(RAMP), YES).run()
    assert run.called_at == [(0, "ramp('dynex', 1)"), (120, "ramp('dynex', 10)"), (420, "ramp('dynex', 100)")]
    assert (run.now_s, run.state.status) == (1_320, "succeeded")


def test_a_bad_look_falls_back_one_row_and_two_in_a_row_take_everything() -> None:
    once = VirtualRun(read_plan(RAMP), {**YES, "m.b": lambda now_s: now_s > 500}).run()
    assert once.calls == [f"ramp('dynex', {share})" for share in (1, 10, 1, 10, 100)]
    twice = VirtualRun(read_plan(RAMP), {**YES, "m.b": lambda _: False, "m.a": lambda now_s: now_s < 200}).run(1_000)
    assert twice.calls[:3] == [f"ramp('dynex', {share})" for share in (1, 10, 1)]
    assert twice.calls[3].startswith("breaker.open('dynex'")
    assert [op.gate for op in twice.state.gates()] == ["failed"]


def test_an_abort_waits_for_what_is_in_flight_and_plays_the_undos_backwards() -> None:
    plan = read_plan(DO + "   - undo: `a.undo()`\n2. **B.**\n   - do: `b.do()`\n   - undo: `b.undo()`\n")
    state, (_, _, _, first) = begin(plan, began_s=0, now_s=0)
    assert isinstance(first, Call)
    state, effects = advance(plan, state, Returned(pc=first.pc), 1)
    second = effects[-1]
    assert isinstance(second, Call)
    state, effects = advance(plan, state, AbortAsked(by="ann"), 2)
    assert not [each for each in effects if isinstance(each, Call)]
    state, effects = advance(plan, state, Returned(pc=second.pc), 3)
    undone = []
    while not state.is_finished:
        (call,) = [each for each in effects if isinstance(each, Call)]
        undone.append(call.call.text)
        state, effects = advance(plan, state, Returned(pc=call.pc), 4)
    assert (undone, state.status) == (["b.undo()", "a.undo()"], "aborted")


def test_a_condition_decides_whether_a_step_is_done() -> None:
    plan = read_plan("## Do\n1. **A.**\n   - when: `m.x`\n   - do: `a.do()`\n")
    assert VirtualRun(plan, {"m.x": lambda _: False}).run().state.done == {"1.1": "skipped"}
    assert VirtualRun(plan, {"m.x": lambda _: True}).run().calls == ["a.do()"]
    assert [op.gate for op in VirtualRun(plan).run().state.gates()] == ["unclear"]


def test_the_playbooks_of_people_are_tick_boxes_and_choices() -> None:
    for runbook in read_document((DATA / "playbook-runbooks.md").read_text()).runbooks:
        run = VirtualRun(Plan(runbook), NO).run(60)
        assert run.state.gates()
        assert not run.calls


def _branches(otherwise: str = "### Otherwise\n1. **C.**\n   - do: `c.do()`\n") -> Plan:
    return read_plan(
        "## Resolution\n### If a\n- when: `m.a`\n1. **A.**\n   - do: `a.do()`\n"
        "### If b\n- when: `m.b`\n1. **B.**\n   - do: `b.do()`\n" + otherwise
    )


def test_a_drill_shortens_holds_and_nothing_else() -> None:
    text = "## Do\n1. **A.**\n   - do: `a.do()`\n   - wait: `m.x` for 100s, at most 24h, every 15s\n"
    truths = {"m.x": lambda _: True}
    assert VirtualRun(read_plan(text), truths).run().now_s == 100
    hurried = VirtualRun(read_plan(text), truths, pace=0.05).run()
    assert (hurried.now_s, hurried.state.pace) == (5, 0.05)
    assert hurried.records[0][1].detail["pace"] == 0.05
