"""A drill says what a runbook does, at which line it is not as expected, and what of it is a slip of the pen."""

from datetime import date
from pathlib import Path

import pytest
from tests.runbooks.actions_of_example import REGISTRY

from quantum_scheduler.monitoring.table import describe_metrics
from quantum_scheduler.runbooks.actions.table import build_registry
from quantum_scheduler.runbooks.lint import LintContext, lint_document
from quantum_scheduler.runbooks.model import Runbook
from quantum_scheduler.runbooks.read import read_document
from quantum_scheduler.runbooks.shelf import read_shelf
from quantum_scheduler.runbooks.simulation.model import DrillReport
from quantum_scheduler.runbooks.simulation.simulate import simulate

EXAMPLE = (Path(__file__).parents[1] / "data" / "runbook-example.md").read_text()
BODY = EXAMPLE.split("```drill")[0]
WELL = """
name: it goes well
metrics:
  dynex.health_status: "up x4, down x60, up"
  dynex.success_rate: "1.0"
  backends.healthy: "3"
  jobs.routed_to: "0"
returns:
  probe.auth: {status: 401}
  jobs.canary: {gap: 0.0}
answers:
  - {step: Tell the people, answer: acknowledge, by: ann, after: 1m}
  - {step: Rotate the key., answer: approve, by: quantum-lead, after: 2m}
expect:
  - declared P1 within 60s
  - called breaker.open
  - acknowledged
  - branch If our credentials are refused
  - ramped 100%
  - cleared Dynex down
  - run_succeeded
never:
  - escalated
  - branch Otherwise
"""


def read(*drills: str, body: str = BODY) -> Runbook:
    document = read_document(body + "".join(f"```drill\n{drill.strip()}\n```\n\n" for drill in drills))
    assert not document.findings, document.findings
    return document.runbooks[0]


def run(drill: str) -> DrillReport:
    return simulate(read(drill), REGISTRY).drills[0]


def messages(drill: str) -> list[str]:
    return [each.message for each in run(drill).problems]


def test_a_drill_runs_from_the_first_bad_sample_to_the_end() -> None:
    report = run(WELL)
    assert report.problems == ()
    assert (report.outcome, report.trouble_s, report.branches) == (
        "succeeded",
        60.0,
        ("If our credentials are refused",),
    )
    assert report.seconds > 60 + 5 * 60
    events = [each.event for each in report.timeline]
    assert events.index("raised") < events.index("declared") < events.index("branch") < events.index("run_succeeded")


def test_branches_and_steps_that_no_drill_goes_through_are_named() -> None:
    report = simulate(read(WELL), REGISTRY)
    assert not report.has_passed
    line = (BODY.splitlines()).index("### Otherwise") + 1
    assert [(each.line, each.message) for each in report.unreached] == [(line, "no drill goes through 'Otherwise'")]
    assert report.undone == ("Decide with the quantum specialist",)
    assert report.reached == {("dynex-outage", "If our credentials are refused")}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("declared P1 within 60s", "declared P0", "expected `declared P0`, and it did not happen; there was P1"),
        ("declared P1 within 60s", "declared within 20s", "within 20s, and it took 45s"),
        ("  - escalated\n", "  - paged quantum\n", "`paged quantum` must never happen, and did after 1m45s"),
        ("  - acknowledged\n", "  - acknowleged\n", "there is no event 'acknowleged'"),
        ("  - escalated\n", "  - escalatd\n", "there is no event 'escalatd'"),
        ('jobs.routed_to: "0"', 'jobs.routed_to: "0"\n  dynex.sucess: "1"', "nothing in the runbook asks for dynex.su"),
        ("jobs.canary: {gap", "secrets.restore: {}\n  jobs.canary: {gap", "secrets.restore was never called"),
        ("Rotate the key., answer: approve", "Rotate, answer: approve", "there is no step 'Rotate' to answer"),
        ("Rotate the key., answer: approve", "Rotate the key., answer: maybe", "so that 'maybe' is an answer"),
        ('"up x4, down x60, up"', '"up"', "no signal was raised"),
        ("- {step: Rotate the key., answer: approve, by: quantum-lead, after: 2m}", "", "waits for people at Rotate"),
        ("jobs.canary: {gap: 0.0}", "jobs.canary: {gap: 0.5}", "waits for people at Prove it with one job"),
    ],
)  # fmt: skip
def test_what_is_not_as_expected_is_said(old: str, new: str, message: str) -> None:
    assert old in WELL
    found = messages(WELL.replace(old, new))
    assert any(message in each for each in found), found


def test_problems_have_the_line_of_the_drill_or_of_the_call() -> None:
    body = BODY.replace("reason=incident.id", "reason=backends.healthy")
    drills = read(WELL.replace('backends.healthy: "3"', 'backends.healthy: "null"'), body=body)
    report = simulate(drills, REGISTRY).drills[0]
    lines = body.splitlines()
    drill = len(lines) + 1
    opened = next(at for at, line in enumerate(lines, start=1) if "breaker.open(" in line)
    assert {each.line for each in report.problems} == {opened, drill}
    assert any("is called with something that is not known then" in each.message for each in report.problems)
    assert any("the drill does not say what these are: backends.healthy" in each.message for each in report.problems)


def test_a_call_can_fail_and_results_come_in_turn() -> None:
    failing = WELL.replace("probe.auth: {status: 401}", "probe.auth: [{fails: no way}, {status: 403}]").replace(
        "answers:\n", "answers:\n  - {step: Try our key, answer: retry, by: ann, after: 1m}\n"
    )
    report = run(failing.replace("  - escalated\n", "  - step_failed\n"))
    assert [each.message.split(",")[0] for each in report.problems] == ["`step_failed` must never happen"]
    assert report.outcome == "succeeded"


def test_what_a_drill_returns_must_be_what_the_action_returns() -> None:
    text = read_shelf().find("dynex-outage").text.replace("probe.auth: {ok: false, status: 503", "probe.auth: {okay: 1")
    (runbook,) = read_document(text).runbooks
    registry = build_registry(describe_metrics())
    problems = [each.message for drill in simulate(runbook, registry).drills for each in drill.problems]
    assert any(each.startswith("probe.auth returns no okay; it returns error, health, message") for each in problems)
    findings = lint_document(
        read_document(text.replace("auth.status in", "auth.stauts in")),
        LintContext(registry=registry, today=date(2026, 11, 22)),
    )
    assert {(each.code, each.message[:23]) for each in findings} == {("RB013", "auth has no part stauts")}


def test_a_drill_that_raises_nothing_may_say_so() -> None:
    quiet = 'name: noise\nmetrics:\n  dynex.health_status: "up x4, down x2, up x100"\nnever:\n  - raised\n'
    report = run(quiet)
    assert (report.outcome, report.problems) == ("not_started", ())


def test_a_run_that_people_leave_alone_waits_and_calls_for_others() -> None:
    alone = WELL.replace("  - {step: Tell the people, answer: acknowledge, by: ann, after: 1m}\n", "")
    alone = alone.replace("  - escalated\n", "").replace("  - acknowledged\n", "  - waiting Tell the people\n")
    report = run(alone.replace("  - run_succeeded", "  - unanswered Tell the people\n  - escalated quantum"))
    assert (report.problems, report.outcome) == ((), "waiting")


def test_a_branch_can_be_chosen_and_a_run_aborted() -> None:
    chosen = WELL.replace("{status: 401}", "{status: 200}").replace(
        "step: Rotate the key., answer: approve", "step: Decide with the quantum specialist, answer: none of these"
    )
    chosen = chosen.replace("branch If our credentials are refused", "step_done Give the traffic back slowly").replace(
        "  - branch Otherwise\n", ""
    )
    bad = chosen.replace('dynex.success_rate: "1.0"', 'dynex.success_rate: "0.5"').replace(
        "  - ramped 100%\n", "  - ramp_tripped\n  - undone Open the Dynex breaker\n"
    )
    bad = (
        bad.replace("step_done Give", "ramp_bad Give")
        .replace("run_succeeded", "run_aborted")
        .replace(
            "answers:\n", "answers:\n  - {step: Give the traffic back slowly, answer: abort, by: ann, after: 1m}\n"
        )
    )
    assert [run(chosen).problems, run(bad).problems] == [(), ()]
    assert run(chosen).branches == ("Otherwise",)
