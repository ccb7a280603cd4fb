"""The formatter: idempotent, and it never changes what a file means."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_scheduler.runbooks.format import format_document
from quantum_scheduler.runbooks.model import Runbook, RunbookInvalid
from quantum_scheduler.runbooks.read import read_document

DATA = Path(__file__).parents[1] / "data"
FILES = ("runbook-example.md", "playbook-runbooks.md", "playbook-response.md")
LINES = (DATA / "runbook-example.md").read_text().splitlines()


def meaning(text: str) -> list[object]:
    """All that a file says, its lines and its hash left aside."""

    def strip(runbook: Runbook) -> object:
        steps = [(each.id, each.title, each.when, each.every_s, each.retry) for each in runbook.steps()]
        machine = [(each.call.text, each.name) for step in runbook.steps() for each in (*step.do, *step.undo)]
        shapes = [(phase.title, phase.starts_s, phase.ends_s) for phase in runbook.phases]
        signals = [replace(signal, line=0) for signal in runbook.signals]
        return (runbook.name, steps, machine, shapes, signals, [replace(drill, line=0) for drill in runbook.drills])

    return [strip(runbook) for runbook in read_document(text).runbooks]


@pytest.mark.parametrize("name", FILES)
def test_formatting_again_changes_nothing_and_the_meaning_stays(name: str) -> None:
    text = (DATA / name).read_text()
    formatted = format_document(text)
    assert format_document(formatted) == formatted
    assert meaning(formatted) == meaning(text)


def test_untidy_lines_are_spelled_as_one_would() -> None:
    untidy = '# A\n## Detection\n## Do (0 - 5 min)\n\n\n\n3. **One**\n   *  do :  `page("x")`   \n3) **Two**\n'
    assert format_document(untidy) == (
        '# A\n\n## Detection\n\n## Do (0–5 minutes)\n\n3. **One**\n   - do: `page("x")`\n4. **Two**\n'
    )


@given(st.lists(st.sampled_from(LINES), max_size=40))
def test_any_order_of_lines_formats_to_a_fixed_point(lines: list[str]) -> None:
    text = "# A\n## Detection\n## Do (0–5 minutes)\n1. step\n" + "\n".join(lines)
    try:
        formatted = format_document(text)
    except RunbookInvalid:
        return
    assert format_document(formatted) == formatted
