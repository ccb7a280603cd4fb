"""Lay a schedule out in rows and lanes, before anything is drawn."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from quantum_scheduler.problems.model import Assignment, Number, ScheduleSolution
from quantum_scheduler.problems.schedule import Agent, ScheduleProblem, Task

TIERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One task in one lane; `late_by` counts time units after its deadline, `tier` ranks its priority from 0 to 3."""

    label: str
    crew: tuple[str, ...]
    start: int
    end: int
    tier: int
    deadline: int | None
    late_by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One agent, or one task where nobody does the tasks; bars of one lane do not overlap."""

    label: str
    lanes: tuple[tuple[Bar, ...], ...]
    away: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Everything a Gantt chart shows, in the problem's time units; nothing lies outside [begin, end)."""

    rows: tuple[Row, ...]
    noun: str
    begin: int
    end: int
    summary: str
    has_late: bool
    tiers: tuple[int, ...]


def lay_out(problem: ScheduleProblem, solution: ScheduleSolution) -> Chart:
    """Arrange a complete solution of `problem`: a row for every agent, or for every task where there are no agents."""
    tasks = {task.id: task for task in problem.tasks}
    tiers = _rank({task.priority for task in problem.tasks})
    placed = [(item, _draw_bar(tasks[item.task], item, tiers)) for item in solution.assignments]
    first = min((item.start for item, _ in placed), default=0)
    makespan = max((item.end for item, _ in placed), default=0)
    begin = first if first > makespan / 3 else 0
    end = max(makespan, begin + 1)
    rows = _rows_of_agents(problem.agents, placed, begin, end) if problem.agents else _rows_of_tasks(placed)
    late = sum(bar.late_by > 0 for _, bar in placed)
    agents = f" on {_count(len(problem.agents), 'agent')}" if problem.agents else ""
    return Chart(
        rows=rows,
        noun="agent" if problem.agents else "task",
        begin=begin,
        end=end,
        summary=f"{_count(len(placed), 'task')}{agents}, makespan {makespan}" + (f", {late} late" if late else ""),
        has_late=late > 0,
        tiers=tuple(sorted({bar.tier for _, bar in placed})),
    )


def choose_ticks(begin: int, end: int, most: int) -> range:
    """Return at most `most` + 1 round times in [begin, end], a step of 1, 2 or 5 times a power of ten apart."""
    step = 1
    for factor in _steps():
        step = factor
        if (end - begin) <= step * most:
            break
    return range(-(-begin // step) * step, end + 1, step)


def printable(text: str) -> str:
    """Replace what could move a cursor or break a document by a visible mark."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def abbreviate(label: str, cells: int) -> str:
    """Return what of a label fits: all of it, its first words, its last part or its first letters; no cut number."""
    words = label.split(" ")
    candidates = [" ".join(words[:count]) for count in range(len(words), 0, -1)]
    candidates.append(re.split(r"[-_./:]", words[0])[-1])
    for candidate in candidates:
        if cell_len(candidate) <= cells:
            return candidate
    return "" if re.search(r"\d", words[0]) else set_cell_size(words[0], max(cells, 0)).rstrip()


def _steps() -> Iterable[int]:
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def _rank(priorities: set[Number]) -> Mapping[Number, int]:
    """Spread the distinct priorities over the tiers; a single one stands in the middle."""
    ordered = sorted(priorities)
    if len(ordered) == 1:
        return {ordered[0]: TIERS // 2}
    return {priority: rank * (TIERS - 1) // (len(ordered) - 1) for rank, priority in enumerate(ordered)}


def _draw_bar(task: Task, item: Assignment, tiers: Mapping[Number, int]) -> Bar:
    return Bar(
        label=printable(task.id),
        crew=tuple(printable(agent) for agent in item.agents),
        start=item.start,
        end=item.end,
        tier=tiers[task.priority],
        deadline=task.deadline,
        late_by=0 if task.deadline is None else max(0, item.end - task.deadline),
    )


def _rows_of_agents(
    agents: Sequence[Agent], placed: Sequence[tuple[Assignment, Bar]], begin: int, end: int
) -> tuple[Row, ...]:
    bars: dict[str, list[Bar]] = {agent.id: [] for agent in agents}
    unmanned = [bar for item, bar in placed if not item.agents]
    for item, bar in placed:
        for agent in item.agents:
            bars[agent].append(bar)
    rows = [
        Row(label=printable(agent.id), lanes=_pack(bars[agent.id]), away=_find_absence(agent, begin, end))
        for agent in agents
    ]
    if unmanned:
        rows.append(Row(label="(nobody)", lanes=_pack(unmanned)))
    return tuple(rows)


def _rows_of_tasks(placed: Sequence[tuple[Assignment, Bar]]) -> tuple[Row, ...]:
    ordered = sorted((bar for _, bar in placed), key=lambda bar: (bar.start, bar.end))
    return tuple(Row(label=bar.label, lanes=((bar,),)) for bar in ordered)


def _pack(bars: Iterable[Bar]) -> tuple[tuple[Bar, ...], ...]:
    """Share bars out over as few lanes as they need; at least one lane."""
    lanes: list[list[Bar]] = [[]]
    for bar in sorted(bars, key=lambda bar: (bar.start, bar.end)):
        lane = next((lane for lane in lanes if not lane or lane[-1].end <= bar.start), None)
        if lane is None:
            lane = []
            lanes.append(lane)
        lane.append(bar)
    return tuple(tuple(lane) for lane in lanes)


def _find_absence(agent: Agent, begin: int, end: int) -> tuple[tuple[int, int], ...]:
    """Return the stretches of [begin, end) that lie in none of an agent's windows."""
    if agent.availability is None:
        return ()
    absence = []
    free_from = begin
    for window in sorted(agent.availability, key=lambda window: window.start):
        if window.start > free_from:
            absence.append((free_from, min(window.start, end)))
        free_from = max(free_from, window.end)
        if free_from >= end:
            return tuple(absence)
    return (*absence, (free_from, end))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
