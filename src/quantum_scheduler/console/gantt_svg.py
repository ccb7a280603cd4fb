"""Draw a schedule as a Gantt chart in one SVG document that needs nothing else: no script, no font, no style sheet."""

from collections.abc import Iterator
from html import escape

from quantum_scheduler.console.chart import Bar, Chart, Row, abbreviate, choose_ticks, lay_out
from quantum_scheduler.problems.model import ScheduleSolution
from quantum_scheduler.problems.schedule import ScheduleProblem

WIDTH = 1200
LANES_MAX = 60
LANE_HEIGHT = 26
BAR_HEIGHT = 20
TOP = 62
RIGHT = 24
FOOT = 44
LABEL_WIDTH_MAX = 190
LABEL_LETTER = 7.2  # the width of a letter in a row's label, and below in a bar's
BAR_LETTER = 6.3
TICK_WIDTH = 70

STYLE = """
.paper{fill:#fff}.ink{fill:#1c2733}.faint{fill:#5b6875}.grid{stroke:#e3e8ed}.stripe{fill:#f6f8fa}
.hatch{stroke:#d3dae1}.t0{fill:#bcd8ef}.t1{fill:#86b9e2}.t2{fill:#2f76b5}.t3{fill:#174a7c}.late{fill:#c0392f}
.on0,.on1{fill:#10202e}.on2,.on3,.onlate{fill:#fff}
text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
.title{font-size:15px;font-weight:600}.row{font-size:12.5px}
@media (prefers-color-scheme:dark){
.paper{fill:#11171d}.ink{fill:#e4eaf0}.faint{fill:#9aa7b4}.grid{stroke:#27313b}.stripe{fill:#161d25}
.hatch{stroke:#303b46}.t0{fill:#27506f}.t1{fill:#3276a8}.t2{fill:#6db3e6}.t3{fill:#b5dcf8}.late{fill:#e5705f}
.on0,.on1{fill:#fff}.on2,.on3,.onlate{fill:#0b1823}}
""".replace("\n", "")

HATCHING = (
    '<pattern id="away" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<path class="hatch" d="M0 0V6" stroke-width="2"/></pattern>'
)


def draw_gantt_svg(problem: ScheduleProblem, solution: ScheduleSolution) -> str:
    """Draw `solution` as SVG, light or dark as the reader prefers; every bar says in its title who and when."""
    chart = lay_out(problem, solution)
    shown = _choose_rows(chart)
    longest = max(len(row.label) for row in shown)
    left = round(min(longest * LABEL_LETTER, LABEL_WIDTH_MAX)) + 32
    lanes = sum(len(row.lanes) for row in shown)
    bottom = TOP + lanes * LANE_HEIGHT
    height = bottom + FOOT
    title = f"Schedule of {chart.summary}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">',
        f"<title>{title}</title>",
        f"<desc>{escape(_describe(chart))}</desc>",
        f"<style>{STYLE}</style>",
        f"<defs>{HATCHING}</defs>",
        f'<rect class="paper" width="{WIDTH}" height="{height}" rx="8"/>',
        f'<text class="ink title" x="20" y="30">{escape(chart.summary)}</text>',
        *_draw_rows(chart, shown, left, bottom),
        *_draw_legend(chart, left, bottom + 30),
    ]
    if len(shown) < len(chart.rows):
        note = f"{len(chart.rows) - len(shown)} more {chart.noun}s are not shown"
        parts.append(f'<text class="faint" x="{WIDTH - RIGHT}" y="{bottom + 30}" text-anchor="end">{note}</text>')
    return "\n".join((*parts, "</svg>\n"))


def _describe(chart: Chart) -> str:
    return f"A Gantt chart with one row for each {chart.noun} and time from {chart.begin} to {chart.end}."


def _choose_rows(chart: Chart) -> tuple[Row, ...]:
    """Return the first rows whose lanes fit, at least one."""
    lanes = 0
    for number, row in enumerate(chart.rows):
        lanes += len(row.lanes)
        if lanes > LANES_MAX and number > 0:
            return chart.rows[:number]
    return chart.rows


def _draw_rows(chart: Chart, rows: tuple[Row, ...], left: int, bottom: int) -> Iterator[str]:
    """Draw stripes and absences, then the grid over them, then labels and bars."""
    scale = (WIDTH - RIGHT - left) / (chart.end - chart.begin)
    tops = []
    top = TOP
    for number, row in enumerate(rows):
        tops.append(top)
        tall = len(row.lanes) * LANE_HEIGHT
        if number % 2 == 0:
            yield f'<rect class="stripe" x="12" y="{top}" width="{WIDTH - 24}" height="{tall}" rx="4"/>'
        for start, end in row.away:
            x, wide = left + (start - chart.begin) * scale, (end - start) * scale
            yield f'<rect fill="url(#away)" x="{x:.1f}" y="{top + 3}" width="{wide:.1f}" height="{tall - 6}"/>'
        top += tall
    for tick in choose_ticks(chart.begin, chart.end, (WIDTH - RIGHT - left) // TICK_WIDTH):
        x = left + (tick - chart.begin) * scale
        yield f'<path class="grid" d="M{x:.1f} {TOP - 4}V{bottom}"/>'
        yield f'<text class="faint" x="{x:.1f}" y="{TOP - 9}" text-anchor="middle">{tick}</text>'
    for row, top in zip(rows, tops, strict=True):
        middle = top + len(row.lanes) * LANE_HEIGHT / 2 + 4.5
        label = _shorten(row.label, LABEL_WIDTH_MAX, LABEL_LETTER)
        yield f'<text class="ink row" x="20" y="{middle:g}">{escape(label)}</text>'
        for number, lane in enumerate(row.lanes):
            for bar in lane:
                x = left + (bar.start - chart.begin) * scale
                yield _draw_bar(bar, x, top + number * LANE_HEIGHT, scale, labelled=bar.label != row.label)


def _draw_bar(bar: Bar, x: float, top: int, scale: float, *, labelled: bool) -> str:
    """Draw a bar with its label where it fits and its story as a title; a task without duration is a diamond."""
    kind = "late" if bar.late_by else str(bar.tier)
    shape = f"<title>{escape(_tell(bar))}</title>"
    fill = "late" if bar.late_by else f"t{bar.tier}"
    y = top + (LANE_HEIGHT - BAR_HEIGHT) // 2
    if bar.start == bar.end:
        return f'<path class="{fill}" d="M{x:.1f} {y}l6 10l-6 10l-6 -10z">{shape}</path>'
    wide = max((bar.end - bar.start) * scale - 1, 1.5)
    drawn = f'<rect class="{fill}" x="{x:.1f}" y="{y}" width="{wide:.1f}" height="{BAR_HEIGHT}" rx="3">{shape}</rect>'
    label = abbreviate(bar.label, int((wide - 5) / BAR_LETTER)) if labelled else ""
    if label:
        drawn += f'<text class="on{kind}" x="{x + 4:.1f}" y="{y + 14}" pointer-events="none">{escape(label)}</text>'
    return drawn


def _tell(bar: Bar) -> str:
    crew = f", {' and '.join(bar.crew)}" if bar.crew else ""
    due = "" if bar.deadline is None else f", deadline {bar.deadline}"
    late = f", late by {bar.late_by}" if bar.late_by else ""
    return f"{bar.label}: {bar.start} to {bar.end}{crew}{due}{late}"


def _draw_legend(chart: Chart, left: int, y: int) -> Iterator[str]:
    """Say what colours and hatching mean, as far as they occur."""
    entries = []
    if len(chart.tiers) > 1:
        swatches = "".join(
            f'<rect class="t{tier}" x="{14 * place}" y="-10" width="13" height="13" rx="3"/>'
            for place, tier in enumerate(chart.tiers)
        )
        entries.append((swatches, 14 * len(chart.tiers), "priority, low to high"))
    if chart.has_late:
        entries.append(('<rect class="late" y="-10" width="13" height="13" rx="3"/>', 14, "late"))
    if any(row.away for row in chart.rows):
        entries.append(('<rect fill="url(#away)" y="-10" width="22" height="13"/>', 23, "away"))
    x = left
    for drawing, wide, meaning in entries:
        text = f'<text class="faint" x="{wide + 5}" y="1">{meaning}</text>'
        yield f'<g transform="translate({x} {y})">{drawing}{text}</g>'
        x += wide + round(len(meaning) * BAR_LETTER) + 26


def _shorten(label: str, wide: float, letter: float) -> str:
    most = int(wide / letter)
    return label if len(label) <= most else label[: most - 1] + "…"
