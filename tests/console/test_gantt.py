"""Gantt charts: complete, within their limits, safe whatever the ids hold."""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from quantum_scheduler.console.chart import abbreviate, choose_ticks, lay_out
from quantum_scheduler.console.gantt import draw_gantt_svg, draw_gantt_text
from quantum_scheduler.problems.model import Assignment, ScheduleSolution
from quantum_scheduler.problems.schedule import ScheduleProblem

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</text><script>alert("1")</script>\x9b2J\u202e&'

Drawn = tuple[ScheduleProblem, ScheduleSolution]


def make(tasks: list[dict[str, Any]], agents: list[dict[str, Any]], placed: list[tuple[str, list[str], int]]) -> Drawn:
    problem = ScheduleProblem.model_validate({"tasks": tasks, "agents": agents})
    durations = {task.id: task.duration for task in problem.tasks}
    return problem, ScheduleSolution(
        assignments=tuple(
            Assignment(task=task, agents=tuple(crew), start=start, end=start + durations[task])
            for task, crew, start in placed
        )
    )


def small() -> Drawn:
    return make(
        [
            {"id": "cut", "duration": 4},
            {"id": "sew", "duration": 6, "priority": 3, "deadline": 8, "agents": 2},
            {"id": "sent", "duration": 0, "agents": 0},
        ],
        [
            {"id": "Ada", "availability": [{"start": 0, "end": 10}]},
            {"id": "Bo", "availability": [{"start": 2, "end": 20}]},
        ],
        [("cut", ["Ada"], 0), ("sew", ["Ada", "Bo"], 4), ("sent", [], 10)],
    )


def large(tasks: int, agents: int) -> Drawn:
    return make(
        [{"id": f"task-{number}", "duration": 5, "agents": min(agents, 1)} for number in range(tasks)],
        [{"id": f"agent-{number}"} for number in range(agents)],
        [
            (f"task-{number}", [f"agent-{number % agents}"] if agents else [], 5 * (number // max(agents, 1)))
            for number in range(tasks)
        ],
    )


def hostile() -> Drawn:
    return make([{"id": HOSTILE, "duration": 40}], [{"id": HOSTILE}], [(HOSTILE, [HOSTILE], 0)])


def test_a_text_chart_shows_every_agent_its_tasks_and_its_absence() -> None:
    lines = draw_gantt_text(*small(), width=50).plain.splitlines()
    assert lines[0].startswith("Ada      ┃cut━")
    assert "┃!sew━" in lines[0]
    assert re.match(r"Bo       ·{8} +┃!sew━", lines[1])
    assert lines[2].startswith("(nobody)")
    assert lines[2].endswith("◆")
    assert [line.strip() for line in lines[-2:]] == ["3 tasks on 2 agents, makespan 10, 1 late", "!: late, ·: away"]


def test_colour_changes_no_position() -> None:
    plain = draw_gantt_text(*small(), width=60, color=False).plain.splitlines()
    coloured = draw_gantt_text(*small(), width=60, color=True)
    assert any("#" in str(span.style) for span in coloured.spans)
    assert [len(line) for line in coloured.plain.splitlines()[:5]] == [len(line) for line in plain[:5]]


@pytest.mark.parametrize("width", [40, 80, 119])
@pytest.mark.parametrize("draw", [small, hostile, lambda: large(60, 8), lambda: large(500, 40), lambda: large(300, 0)])
def test_a_text_chart_keeps_to_its_width_and_height(width: int, draw: Callable[[], Drawn]) -> None:
    lines = draw_gantt_text(*draw(), width=width).plain.splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= 64


def test_rows_that_do_not_fit_are_counted() -> None:
    assert "240 more rows are not shown" in draw_gantt_text(*large(300, 0)).plain
    assert "240 more tasks are not shown" in draw_gantt_svg(*large(300, 0))


def test_no_id_can_escape_into_a_terminal_or_a_page() -> None:
    text = draw_gantt_text(*hostile(), width=200).plain
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    svg = draw_gantt_svg(*hostile())
    assert "<script" not in svg
    assert "\x9b" not in svg
    ET.fromstring(svg)


def test_an_svg_chart_is_accessible_and_needs_nothing_else() -> None:
    svg = draw_gantt_svg(*small())
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "Schedule of 3 tasks on 2 agents, makespan 10, 1 late"
    assert root.findtext(f"{SVG}desc")
    assert "prefers-color-scheme:dark" in svg
    assert not re.search(r"<script|@import|href=|url\((?!#)", svg)
    titles = [bar.findtext(f"{SVG}title") for bar in root.iter() if bar.tag in {f"{SVG}rect", f"{SVG}path"}]
    assert titles.count("sew: 4 to 10, Ada and Bo, deadline 8, late by 2") == 2


def test_bars_of_one_agent_never_overlap() -> None:
    problem, solution = make(
        [{"id": str(number), "duration": 4} for number in range(6)],
        [{"id": "crew", "capacity": 3}],
        [
            ("0", ["crew"], 0),
            ("1", ["crew"], 1),
            ("2", ["crew"], 2),
            ("3", ["crew"], 4),
            ("4", ["crew"], 5),
            ("5", ["crew"], 6),
        ],
    )
    (row,) = lay_out(problem, solution).rows
    assert len(row.lanes) == 3
    assert all(a.end <= b.start for lane in row.lanes for a, b in pairwise(lane))


def test_a_schedule_that_begins_late_is_drawn_from_its_beginning() -> None:
    problem, solution = make([{"id": "a", "duration": 5, "release": 1000}], [{"id": "x"}], [("a", ["x"], 1000)])
    chart = lay_out(problem, solution)
    assert (chart.begin, chart.end) == (1000, 1005)


@pytest.mark.parametrize(
    ("label", "cells", "expected"),
    [
        ("A1 gearbox out", 20, "A1 gearbox out"),
        ("A1 gearbox out", 10, "A1 gearbox"),
        ("A1 gearbox out", 2, "A1"),
        ("A1 gearbox out", 1, ""),
        ("task-142", 3, "142"),
        ("task-142", 2, ""),
        ("assemble", 4, "asse"),
        ("日本語", 4, "日本"),
        ("x", 0, ""),
    ],
)
def test_a_label_is_shortened_to_something_that_cannot_be_mistaken(label: str, cells: int, expected: str) -> None:
    assert abbreviate(label, cells) == expected


@pytest.mark.parametrize(("begin", "end", "most"), [(0, 1, 10), (0, 207, 10), (1000, 1005, 5), (7, 10**9, 12)])
def test_ticks_are_few_and_round(begin: int, end: int, most: int) -> None:
    ticks = choose_ticks(begin, end, most)
    assert 1 <= len(ticks) <= most + 1
    assert all(begin <= tick <= end and tick % ticks.step == 0 for tick in ticks)
    assert str(ticks.step).rstrip("0") in {"1", "2", "5"}
