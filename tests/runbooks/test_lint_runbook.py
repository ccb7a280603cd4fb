"""Lint: every code is raised by what it is for, at its line, and a good runbook raises none."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from tests.runbooks.actions_of_example import REGISTRY

from quantum_scheduler.runbooks.lint import CODES, INFOS, LintContext, lint_document
from quantum_scheduler.runbooks.model import Finding
from quantum_scheduler.runbooks.read import read_document

DATA = Path(__file__).parents[1] / "data"
EXAMPLE = (DATA / "runbook-example.md").read_text()
ROLES = ("on-call", "security", "quantum-lead", "quantum")
CONTEXT = LintContext(registry=REGISTRY, today=date(2026, 12, 1), roles=ROLES)


def lint(text: str, context: LintContext = CONTEXT) -> list[Finding]:
    return lint_document(read_document(text), context)


def test_a_good_runbook_raises_nothing() -> None:
    assert lint(EXAMPLE) == []


def test_playbooks_for_people_raise_no_errors() -> None:
    for name in ("playbook-runbooks.md", "playbook-response.md"):
        findings = lint((DATA / name).read_text())
        assert {each.level for each in findings} == {"info"}
        assert {each.code for each in findings} <= INFOS


def put(old: str, new: str) -> Callable[[str], str]:
    assert old in EXAMPLE
    return lambda text: text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("code", "edit", "at"),
    [
        ("RB001", put("- every: 5m", "- every: soon"), "- every: soon"),
        ("RB001", put("retry: 3 times", "retry: often"), "- retry: often"),
        ("RB001", put("| 4 of 5  |", "| 9 of 5  |"), "9 of 5"),
        ("RB001", put("ask: choose", "ask: vote"), "ask: vote"),
        ("RB001", put("   - every: 5m", "   - every: 5m\n   - every: 6m"), "6m"),
        ("RB002", put("owner: quantum-oncall", "owner: quantum-oncall\nowned: by"), "owned"),
        ("RB002", put("owner: quantum-oncall\n", ""), "---"),
        ("RB003", put("name: our key is refused", "title: our key is refused"), "```drill"),
        ("RB010", put('- do: `status.set("dynex", "partial', '- of: `status.set("dynex", "partial'), "**Show it.**"),
        ("RB011", put("breaker.close(", "breaker.shut("), "breaker.shut"),
        ("RB012", put('open("dynex", reason', 'open("dynex", because'), "because"),
        ("RB012", put('problem="known-optimum-24"', "problem=24"), "problem=24"),
        ("RB012", put('"P0" if', '"P9" if'), '"P9"'),
        ("RB012", put('page("quantum", message=incident.summary)', 'page("quantum")'), 'page("quantum")'),
        ("RB012", put('ramp("dynex")', 'ramp("dynex", "x", 3)'), 'ramp("dynex", "x", 3)'),
        ("RB013", put("backends.healthy ==", "backends.happy =="), "backends.happy"),
        ("RB013", put("auth.status in", "author.status in"), "author.status"),
        ("RB014", put('dynex.health_status == "down"', 'dynex.health_status = "down"'), '= "down"'),
        ("RB014", put("canary.gap <= 0.01", 'breaker.close("dynex") == 1'), 'close("dynex") == 1'),
        ("RB020", put('   - undo: `breaker.close("dynex")`\n', ""), "breaker.open("),
        ("RB021", put("- ask: approve, by security", "- ask: acknowledge, by security"), "Rotate the key"),
        ("RB030", put("- when: `auth.status in [401, 403]`\n", ""), "### If our"),
        ("RB031", put("### Otherwise", "### If nothing fits"), "### If nothing fits"),
        ("RB032", put("(5–30 minutes)", "(6–30 minutes)"), "(6–30"),
        ("RB032", put("(0–5 minutes)", "(5–5 minutes)"), "(5–5"),
        ("RB040", put("| 4 of 5  |", "|         |"), "Dynex down"),
        ("RB041", put('`dynex.health_status == "up"` | 2m', '`dynex.health_status == "up"` |'), "Dynex down"),
        ("RB042", put("quantum.fallback_rate < 0.2", "quantum.fallback_rate < 0.5"), "fallback_rate < 0.5"),
        ("RB042", put("quantum.fallback_rate < 0.2", "not quantum.fallback_rate > 0.6"), "rate > 0.6"),
        ("RB050", put(', within 20m, else `escalate("management")`', ""), "ask: choose"),
        ("RB060", put('status.set("dynex", "operational")', 'status.set("ibm", "operational")'), '"partial_outage"'),
        ("RB070", put('"dynex/api-key"', '"qsk_live_abcdef0123456789"'), "qsk_live"),
        ("RB071", put("review_by: 2027-02-01", "review_by: 2026-11-30"), "---"),
        ("RB081", put("by on-call", "by night-watch"), "night-watch"),
        ("RB090", put("| 100%  |", "| 90%   |"), "| 1%"),
        ("RB100", put("| Signal             |", "| Signals            |"), "# Dynex outage"),
    ],
)  # fmt: skip
def test_each_code_is_raised_at_the_line_it_speaks_of(code: str, edit: Callable[[str], str], at: str) -> None:
    text = edit(EXAMPLE)
    found = [each for each in lint(text) if each.code == code]
    assert found
    lines = [number for number, line in enumerate(text.splitlines(), start=1) if at in line]
    assert found[0].line in lines
    assert found[0].level == ("info" if code in INFOS else "error")


def test_a_branch_that_no_drill_reaches_is_named() -> None:
    reached = {("dynex-outage", "If our credentials are refused")}
    assert [each.code for each in lint(EXAMPLE, replace(CONTEXT, reached=reached))] == ["RB080"]


def test_a_name_close_to_a_known_one_is_suggested() -> None:
    (finding,) = lint(EXAMPLE.replace("breaker.close(", "breaker.closed("))
    assert "did you mean breaker.close?" in finding.message


def test_every_code_that_is_raised_is_documented() -> None:
    text = Path("src/quantum_scheduler/runbooks").glob("*.py")
    raised = {word for path in text for word in path.read_text().replace('"', " ").split() if word[:2] == "RB"}
    assert raised == set(CODES)
