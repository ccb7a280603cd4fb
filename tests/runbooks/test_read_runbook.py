"""Reading: our format in full, and playbooks for people unmodified."""

from pathlib import Path

import pytest

from quantum_scheduler.monitoring.hold import Hold
from quantum_scheduler.runbooks.model import Ask, Retry, RunbookInvalid
from quantum_scheduler.runbooks.read import measure_coverage, read_document

DATA = Path(__file__).parents[1] / "data"
EXAMPLE = (DATA / "runbook-example.md").read_text()


def test_the_example_is_read_whole_with_its_lines() -> None:
    document = read_document(EXAMPLE, name="example")
    (runbook,) = document.runbooks
    assert document.findings == ()
    assert (runbook.name, runbook.title, runbook.lock) == ("dynex-outage", "Dynex outage", "backend:dynex")
    assert str(runbook.review_by) == "2027-02-01"
    assert [(phase.title, phase.starts_s, phase.ends_s) for phase in runbook.phases] == [
        ("Immediate response", 0.0, 300.0),
        ("Investigation", 300.0, 1800.0),
        ("Resolution", None, None),
        ("Recovery", None, None),
    ]
    assert [step.id for step in runbook.steps()] == [
        "1.1", "1.2", "1.3", "1.4", "2.1", "3.a.1", "3.b.1", "4.1", "4.2", "4.3",
    ]  # fmt: skip
    lines = EXAMPLE.splitlines()
    for step in runbook.steps():
        assert step.title in lines[step.line - 1]
        for line in [*(do.line for do in (*step.do, *step.undo)), *(check.line for check in step.check)]:
            assert lines[line - 1].strip().startswith("- ")


def test_every_machine_line_becomes_what_it_says() -> None:
    (runbook,) = read_document(EXAMPLE).runbooks
    steps = {step.id: step for step in runbook.steps()}
    assert steps["1.2"].do[0].call.text == 'breaker.open("dynex", reason=incident.id)'
    assert steps["1.2"].check[0].within_s == 60.0
    assert steps["1.2"].retry == Retry(times=3, apart_s=5.0)
    ask = steps["3.a.1"].ask
    assert isinstance(ask, Ask)
    assert (ask.kind, ask.roles, ask.within_s) == ("approve", ("security", "quantum-lead"), 900.0)
    assert ask.otherwise is not None
    assert ask.otherwise.text == 'escalate("security")'
    assert (steps["2.1"].do[0].name, steps["2.1"].every_s) == ("auth", 300.0)
    wait = steps["4.1"].wait
    assert wait is not None
    assert (wait.hold_s, wait.at_most_s, wait.every_s) == (300.0, 86_400.0, 300.0)
    assert [(row.share, row.hold_s) for row in steps["4.2"].ramp] == [(1.0, 120.0), (100.0, 900.0)]
    first, second = runbook.branches()
    assert (first.title, first.is_otherwise, second.is_otherwise) == ("If our credentials are refused", False, True)


def test_detection_and_drills_are_read() -> None:
    (runbook,) = read_document(EXAMPLE).runbooks
    down, falling_back = runbook.signals
    assert (down.hold, down.clears_hold, down.severity) == (Hold(hits=4, samples=5), Hold(duration_s=120.0), "P1")
    assert falling_back.when.text == "quantum.fallback_rate > 0.5 and quantum.jobs_5m >= 20"
    (drill,) = runbook.drills
    assert drill.series["dynex.health_status"] == (("up", 4), ("down", 60), ("up", 200))
    assert drill.series["quantum.fallback_rate"] == ((0, 1), (0.9, 60), (0, 200))
    assert drill.returns["probe.auth"] == ({"status": 401},)
    assert [(each.event, each.detail, each.within_s) for each in drill.expect] == [
        ("declared", "", 90.0),
        ("branch", "If our credentials are refused", None),
    ]
    assert [each.event for each in drill.never] == ["escalated"]


def test_the_operators_runbooks_are_read_as_they_are() -> None:
    document = read_document((DATA / "playbook-runbooks.md").read_text())
    runbooks = document.runbooks
    coverage = measure_coverage(runbooks)
    assert document.findings == ()
    assert len(runbooks) == 8
    assert sum(1 for runbook in runbooks for _ in runbook.branches()) == 24
    assert sum(1 for runbook in runbooks for phase in runbook.phases if phase.ends_s) == 16
    assert (coverage.steps, coverage.manual, coverage.share) == (168, 168, 0.0)


def test_the_response_playbook_is_read_as_it_is() -> None:
    document = read_document((DATA / "playbook-response.md").read_text())
    assert [runbook.title for runbook in document.runbooks] == [
        "P0 - Critical Incidents",
        "P1 - High Incidents",
        "IBM Quantum Unavailable",
        "AWS Braket Unavailable",
        "High Latency",
        "Memory Issues",
        "Connection Pool Exhaustion",
        "Slow Queries",
        "Data Recovery",
        "Service Recovery",
    ]
    ibm = document.runbooks[2]
    assert [step.title for step in ibm.steps()] == ["Check IBM Quantum status", "Failover to AWS Braket"]
    assert "QUANTUM_BACKEND_PRIORITY" in next(step for step in ibm.steps() if "Braket" in step.title).text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x" * 10_000_000, 1),
        ("\n" * 10_000, 5_001),
        ("# A\n" + "\n".join("  " * level + "- x" for level in range(10_000)), 50),
        ("# A\n" + "- " * 1_000 + "x", 2),
        ("# A\n" + ">" * 3_000 + " x", 2),
        ("---\na: &a [x, x]\nb: &b [*a, *a, *a]\n---\n# A\n## Detection\n", 2),
        ("---\nrunbook: a\nowner: *a\n---\n# A\n## Detection\n", 3),
        ("---\nrunbook: {a: b}\n---\n# A\n## Detection\n", 2),
        ("---\nrunbook: a\n# A\n## Detection\n", 1),
        ("---\n\t: - :\n---\n# A\n## Detection\n", 2),
        ("---\nrunbook: a\nrunbook: b\n---\n# A\n## Detection\n", 3),
        ("# Only words\nNothing to do here.\n", 1),
        ("", 1),
        ("---\nrunbook: a\n---\n# A\n## One\n### Detection\n## Two\n### Detection\n", 7),
        ("# A\n## Detection\n## Do (0-5 minutes)\n" + "1. step\n" * 501, 1),
    ],
)
def test_what_is_no_runbook_is_refused_with_the_line(text: str, line: int) -> None:
    with pytest.raises(RunbookInvalid) as refused:
        read_document(text)
    assert refused.value.line == line


def test_a_drill_that_refers_to_itself_is_a_finding_and_is_not_built() -> None:
    laughs = "```drill\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n```\n"
    document = read_document(f"# A\n## Detection\n## Do (0-5 minutes)\n1. step\n\n{laughs}")
    assert [(each.code, each.line) for each in document.findings] == [("RB003", 7)]
    assert document.runbooks[0].drills == ()


STEPS = "# A\n## Detection\n## Do (0-5 minutes)\n1. **Step.**\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (STEPS + "   - do: `__import__('os').system('id')`\n", 5, "result of a call"),
        (STEPS + "   - do: `a.__class__()`\n", 5, "may be used"),
        (STEPS + "   - check: `[x for x in y]` within 5s\n", 5, "ListComp"),
        (STEPS + "   - check: `(lambda: 1)()` within 5s\n", 5, "result of a call"),
        (STEPS + f"   - check: `{'(' * 500}1{')' * 500}` within 5s\n", 5, "characters"),
        (STEPS + "   - check: `9**9**9 > 1` within 5s\n", 5, "Pow"),
        (STEPS + "   - wait: `a.b`, at most 31d, every 0.001s\n", 5, "too often"),
        (STEPS + "   - wait: `a.b`, at most 9999999d\n", 5, "31 days"),
        (STEPS + "   - do: `a.b()`\n   - every: 0.1s\n", 6, "too often"),
        (STEPS + "   - do: `a.b()`\n   - retry: 999999999999 times\n", 6, "1 to 100 times"),
        (STEPS.replace("1.", "10.") + "   - do: `a.b()`\n", 5, "indent it"),
    ],
)
def test_a_line_that_could_do_harm_is_a_finding_and_no_part_of_the_plan(text: str, line: int, says: str) -> None:
    document = read_document(text)
    assert [(each.line, says in each.message) for each in document.findings] == [(line, True)]
    (runbook,) = document.runbooks
    assert not any(each.check or each.wait or each.every_s or each.retry for each in runbook.steps())
    assert not any("__" in each.call.text for step in runbook.steps() for each in step.do)
