"""The pure parts of the contest of solvers: scores, the page, the plot, and the file the runs are kept in."""

import json
from pathlib import Path

import pytest
from benchmarks.contest.case import Case, generate_tardiness
from benchmarks.contest.chart import draw_gaps
from benchmarks.contest.clock import CpuClock, CpuStop
from benchmarks.contest.record import append_run, read_runs
from benchmarks.contest.report import write_report
from benchmarks.contest.score import OURS, Run, Scores, write_gap

from quantum_scheduler.problems.read import read_document
from quantum_scheduler.problems.schedule import ScheduleProblem

NOWHERE = Path("nowhere")
KNOWN = Case(name="known", group="Max-Cut", path=NOWHERE, best=-200)
OPEN = Case(name="open", group="Skills", path=NOWHERE, best=None)


def run(case: Case, peer: str, objective: float | None, *, seed: int = 0, budget_s: float = 1.0) -> Run:
    return Run(
        case=case,
        peer=peer,
        budget_s=budget_s,
        seed=seed,
        objective=objective,
        cpu_s=budget_s,
        versions={peer: "1.2"},
        failure="it broke" if objective is None else "",
    )


def scores() -> Scores:
    return Scores(
        [
            *(run(KNOWN, OURS, objective, seed=seed) for seed, objective in enumerate([-200, -198, -190])),
            *(run(KNOWN, "rival", objective, seed=seed) for seed, objective in enumerate([-199, -199, None])),
            run(OPEN, OURS, 50),
            run(OPEN, "rival", 40),
            run(OPEN, "silent", None),
        ]
    )


def test_a_gap_is_the_median_of_the_seeds_in_percent_of_the_best_known_value() -> None:
    assert scores().gap("known", OURS, 1.0) == 1.0
    assert scores().gap("known", "rival", 1.0) == 0.5
    assert scores().gap("known", "silent", 1.0) is None


def test_where_nothing_is_known_the_best_of_the_contest_is() -> None:
    assert scores().best("open") == 40
    assert scores().gap("open", OURS, 1.0) == 25.0


def test_a_peer_without_an_answer_has_an_endless_gap_and_no_mean() -> None:
    assert scores().gap("open", "silent", 1.0) == float("inf")
    assert scores().mean_gap(["open"], "silent", 1.0) is None
    assert scores().mean_gap(["known", "open"], OURS, 1.0) == 13.0
    assert scores().mean_gap(["known", "open"], "silent", 1.0) is None


def test_every_comparison_that_was_lost_is_listed() -> None:
    assert scores().lost() == [("known", "rival", 1.0, 1.0, 0.5), ("open", "rival", 1.0, 25.0, 0.0)]


@pytest.mark.parametrize(
    ("gap", "written"),
    [(None, ""), (float("inf"), "-"), (0.0, "0"), (0.0123, "0.012"), (-0.5, "-0.5"), (1234.5, "1,234")],
)
def test_a_gap_is_written_short(gap: float | None, written: str) -> None:
    assert write_gap(gap) == written


def test_the_page_has_each_table_what_was_lost_and_what_failed() -> None:
    page = write_report(scores(), date="2026-01-02")
    assert "| known | -200 | 0.5 | 1 |" in page  # ours comes last
    assert "| open | 40 * | 0 | - | 25 |" in page
    assert "| open | 1 | 25 | rival | 0 |" in page
    assert "silent failed on open (1 s, seed 0): it broke" in page
    assert "rival 1.2" in page
    assert "2026-01-02" in page


def test_cases_are_listed_as_people_count() -> None:
    named = [Case(name=name, group="QUBO", path=NOWHERE, best=-1) for name in ("b100_2", "b1000_1", "b100_10", "G2")]
    assert list(Scores([run(case, OURS, -1) for case in named]).cases) == ["G2", "b100_2", "b100_10", "b1000_1"]


def test_a_contest_that_was_never_lost_says_so() -> None:
    assert "None: no other solver" in write_report(Scores([run(KNOWN, OURS, -200)]), date="2026-01-02")


def test_the_plot_has_a_panel_for_each_group_and_a_line_for_each_peer() -> None:
    plot = draw_gaps(scores())
    assert plot.startswith("<svg")
    assert "Max-Cut (mean of 1)" in plot
    assert "Skills (mean of 1)" in plot
    assert plot.count("<polyline") == 4


def test_the_best_known_value_is_drawn_on_the_floor() -> None:
    floor = draw_gaps(Scores([run(KNOWN, OURS, -200), run(KNOWN, OURS, -200, budget_s=10.0)]))
    assert 'points="56.0,208.0 362.0,208.0"' in floor


def test_runs_are_kept_and_the_last_of_each_counts(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    assert read_runs(file, {"known": KNOWN}) == []
    first, again, other = (
        run(KNOWN, OURS, -190),
        run(KNOWN, OURS, -200),
        run(OPEN, OURS, 3),
    )
    for each in (first, other, again):
        append_run(file, each)
    assert read_runs(file, {"known": KNOWN, "open": OPEN}) == [again, other]
    assert read_runs(file, {"open": OPEN}) == [other]


def test_the_generated_schedules_are_valid_and_follow_their_seed() -> None:
    document = generate_tardiness(30, 5, seed=4)
    assert document == generate_tardiness(30, 5, seed=4) != generate_tardiness(30, 5, seed=5)
    problem = read_document(json.dumps(document).encode())
    assert isinstance(problem, ScheduleProblem)
    assert (len(problem.tasks), len(problem.agents)) == (30, 5)


def test_a_clock_of_cpu_seconds_is_over_once_they_are_spent() -> None:
    clock = CpuClock(0.02)
    stop = CpuStop(clock)
    assert not stop()
    over = clock.when_over(stop.cancelled.set)
    while not stop.cancelled.wait(0):
        sum(range(1000))
    over.set()
    assert stop()
    assert clock.left_s() == clock.left_wall_s() == 0.0
