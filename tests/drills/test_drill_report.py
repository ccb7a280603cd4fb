"""A report says what was measured, and passes only what kept every promise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from quantum_scheduler.drills.model import Moment, Order, Seen, Tally
from quantum_scheduler.drills.report import Report, judge, measure, outline, write_document, write_markdown
from quantum_scheduler.drills.table import SCENARIOS

BEGAN = datetime(2026, 11, 22, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


SEEN = Seen(
    fault_at=BEGAN,
    lifted_at=after(40),
    detected_at=after(20),
    declared_at=after(20),
    acknowledged_at=None,
    mitigated_at=after(24.5),
    resolved_at=after(110),
    incident="incident-2026-11-22-001",
    run=7,
    run_status="succeeded",
    branches=("If it is Dynex itself",),
    shares=(1.0, 10.0, 50.0, 100.0),
    has_ramp=True,
    is_reviewed=True,
    story=(Moment(at=after(30), kind="branch", text="If it is Dynex | itself"),),
)
WELL = Report(
    order=Order(scenario=SCENARIOS["dynex-outage"], fault="offline", hold_factor=0.05, jobs_per_s=2.0, by="ann"),
    seen=SEEN,
    tally=Tally(sent=201, refused=1, acknowledged=200, answered=200, lost=()),
    began_at=BEGAN,
    ended_at=after(120),
)


def test_times_count_from_the_fault() -> None:
    assert measure(WELL) == {
        "detect_s": 20.0,
        "declare_s": 20.0,
        "acknowledge_s": None,
        "mitigate_s": 24.5,
        "lift_s": 40.0,
        "resolve_s": 110.0,
        "detected_to_mitigated_s": 4.5,
    }


def test_what_kept_every_promise_has_passed_and_is_written_so() -> None:
    assert WELL.passed
    text, document = write_markdown(WELL), write_document(WELL)
    assert text.startswith("# Drill dynex-outage: passed\n")
    assert "| no job lost | yes | 200 of 200 acknowledged jobs have a verified answer |" in text
    assert "| 30.0 s | branch | If it is Dynex \\| itself |" in text
    assert "0.05 times what they take in earnest" in text
    assert document["passed"] is True
    assert document["seconds"]["detected_to_mitigated_s"] == 4.5
    assert document["outcome"] == outline(WELL)


@pytest.mark.parametrize(
    ("seen", "tally", "broken"),
    [
        (replace(SEEN, mitigated_at=after(51)), WELL.tally, "mitigated within 30 s of detection"),
        (SEEN, replace(WELL.tally, answered=199, lost=("0198",)), "no job lost"),
        (SEEN, Tally(sent=9, refused=9, acknowledged=0, answered=0, lost=()), "no job lost"),
        (replace(SEEN, shares=(1.0, 10.0)), WELL.tally, "traffic given back"),
        (replace(SEEN, run_status="aborted"), WELL.tally, "run succeeded"),
        (replace(SEEN, resolved_at=None), WELL.tally, "incident resolved"),
        (replace(SEEN, is_reviewed=False), WELL.tally, "post-mortem drafted"),
    ],
)
def test_one_broken_promise_fails_a_drill(seen: Seen, tally: Tally, broken: str) -> None:
    report = replace(WELL, seen=seen, tally=tally)
    assert [each.name for each in judge(report) if not each.passed] == [broken]
    assert not report.passed
    assert "**no**" in write_markdown(report)


def test_a_drill_in_which_nothing_happened_is_reported_too() -> None:
    report = replace(WELL, seen=Seen(fault_at=BEGAN), tally=replace(WELL.tally, lost=()))
    assert "nothing was detected" in write_markdown(report)
    assert write_document(report)["outcome"]["run"] is None
