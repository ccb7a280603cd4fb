"""Draw a schedule as a Gantt chart in the cells of a terminal."""

from collections.abc import Iterator, Sequence
from itertools import islice

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from quantum_scheduler.console.chart import Bar, Chart, Row, abbreviate, choose_ticks, lay_out
from quantum_scheduler.problems.model import ScheduleSolution
from quantum_scheduler.problems.schedule import ScheduleProblem

TEXT_WIDTH_MIN = 40
TEXT_LANES_MAX = 60
LABEL_CELLS_MAX = 18
CELLS_PER_TICK = 8

# Background and foreground of a bar by tier of priority, then of a late one.
TERMINAL_STYLES = ("black on #b5d3ea", "black on #79b0dc", "white on #3579b1", "white on #174f80")
TERMINAL_LATE = "bold white on #c23b3b"


def draw_gantt_text(
    problem: ScheduleProblem, solution: ScheduleSolution, *, width: int = 100, color: bool = False
) -> Text:
    """Draw `solution` in lines of at most `width` cells; colour shows priority, and red or `!` that a task is late."""
    chart = lay_out(problem, solution)
    width = max(width, TEXT_WIDTH_MIN)
    margin = min(max(cell_len(row.label) for row in chart.rows), LABEL_CELLS_MAX) + 1
    plot = width - margin
    text = Text(no_wrap=True, overflow="crop")
    lines = _lines_of_rows(chart, margin, plot, color=color)
    for line in islice(lines, TEXT_LANES_MAX):
        text.append_text(line).append("\n")
    text.append_text(_draw_axis(chart, margin, plot))
    hidden = sum(1 for _ in lines)
    notes = [f"{hidden} more rows are not shown"] if hidden else []
    for note in (*notes, chart.summary, *_explain_marks(chart, color=color)):
        text.append(f"\n{'':{margin}}{set_cell_size(note, min(cell_len(note), plot))}", "dim")
    return text


def _explain_marks(chart: Chart, *, color: bool) -> Iterator[str]:
    marks = []
    if color and len(chart.tiers) > 1:
        marks.append("darker: higher priority")
    if chart.has_late:
        marks.append("red: late" if color else "!: late")
    if any(row.away for row in chart.rows):
        marks.append("·: away")
    if marks:
        yield ", ".join(marks)


def _lines_of_rows(chart: Chart, margin: int, plot: int, *, color: bool) -> Iterator[Text]:
    scale = plot / (chart.end - chart.begin)
    for row in chart.rows:
        for number, lane in enumerate(row.lanes):
            label = row.label if number == 0 else ""
            if cell_len(label) > margin - 1:
                label = set_cell_size(label, margin - 2) + "…"
            line = Text(set_cell_size(label, margin), "bold")
            yield line.append_text(_draw_lane(row, lane, chart.begin, scale, plot, color=color))


def _draw_lane(row: Row, lane: Sequence[Bar], begin: int, scale: float, plot: int, *, color: bool) -> Text:
    """Draw one line of bars, each from the cell its start falls in to the cell its end falls in."""
    text = Text(" " * plot, end="")
    for start, end in row.away:
        first, last = int((start - begin) * scale), int((end - begin) * scale)
        text = Text.assemble(text[:first], ("·" * (last - first), "dim"), text[last:])
    for bar in lane:
        first = min(int((bar.start - begin) * scale), plot - 1)
        last = max(int((bar.end - begin) * scale), first + 1)
        text = Text.assemble(text[:first], _draw_bar(bar, last - first, color=color), text[last:])
    return text


def _draw_bar(bar: Bar, cells: int, *, color: bool) -> Text:
    if color:
        style = TERMINAL_LATE if bar.late_by else TERMINAL_STYLES[bar.tier]
        return Text("▏" + set_cell_size(abbreviate(bar.label, cells - 1), cells - 1), style)
    if bar.start == bar.end:
        return Text("◆")
    mark = "!" if bar.late_by else ""
    label = mark + abbreviate(bar.label, cells - 1 - len(mark)) if cells > 1 else ""
    return Text(f"┃{label}{'━' * (cells - 1 - cell_len(label))}")


def _draw_axis(chart: Chart, margin: int, plot: int) -> Text:
    """Draw the time axis: a mark and a number at every tick."""
    scale = plot / (chart.end - chart.begin)
    marks = ["─"] * plot
    numbers = [" "] * (plot + margin)
    for tick in choose_ticks(chart.begin, chart.end, plot // CELLS_PER_TICK):
        cell = min(int((tick - chart.begin) * scale), plot - 1)
        marks[cell] = "┴"
        place = min(margin + cell, margin + plot - len(str(tick)))
        numbers[place : place + len(str(tick))] = str(tick)
    return Text(f"{'':{margin}}{''.join(marks)}\n{''.join(numbers).rstrip()}", "dim")
