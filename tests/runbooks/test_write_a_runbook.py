"""The how-to: its example is clean and passes its drills, and it names every keyword and event there is."""

import re
from datetime import date
from pathlib import Path

from quantum_scheduler.monitoring.table import describe_metrics
from quantum_scheduler.runbooks.actions.table import build_registry
from quantum_scheduler.runbooks.lint import LintContext, lint_document
from quantum_scheduler.runbooks.machine import ASK_KINDS, KEYWORDS
from quantum_scheduler.runbooks.read import read_document
from quantum_scheduler.runbooks.simulation.judge import EVENTS
from quantum_scheduler.runbooks.simulation.simulate import simulate

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "write-a-runbook.md").read_text()
# Explained as families, or by their opposites.
FAMILIES = ("step_", "phase_", "run_", "undo")


def test_the_example_is_clean_and_passes_its_drills() -> None:
    (example,) = re.findall(r"^````markdown\n(.*?)^````$", PAGE, re.DOTALL | re.MULTILINE)
    document = read_document(example)
    registry = build_registry(describe_metrics())
    report = simulate(document.runbooks[0], registry)
    assert [problem for drill in report.drills for problem in drill.problems] == []
    assert report.unreached == ()
    context = LintContext(registry=registry, today=date(2026, 11, 22), reached=report.reached)
    assert lint_document(document, context) == []


def test_every_keyword_kind_of_gate_and_event_is_explained() -> None:
    assert {word for word in KEYWORDS if f"| `{word}` |" not in PAGE} == set()
    assert {word for word in ASK_KINDS if f"`{word}`" not in PAGE} == set()
    unexplained = {event for event in EVENTS if not re.search(rf"`{event}\b", PAGE)}
    assert {event for event in unexplained if not event.startswith(FAMILIES)} == set()
