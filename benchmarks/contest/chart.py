"""Draw the mean gap over CPU seconds, one panel for each group, as SVG."""

import math
from collections.abc import Iterator

from benchmarks.contest.score import OURS, Scores

# Okabe and Ito's colours, which the colour-blind can tell apart; ours is the darkest and thickest.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
OURS_COLOUR = "#111111"
PANEL_WIDTH, PANEL_HEIGHT, COLUMNS = 380, 250, 2
LEFT, TOP, RIGHT, BOTTOM = 56, 40, 18, 42
LEGEND_HEIGHT = 44
FONT = 'font-family="Helvetica, Arial, sans-serif" font-size="12"'
# Gaps below this are drawn on the floor of the logarithmic axis.
FLOOR = 0.001


def draw_gaps(scores: Scores) -> str:
    """Draw a panel for each group: budgets across and mean gaps up, both logarithmic; on the floor means best-known."""
    groups = list(scores.groups().items())
    rows = math.ceil(len(groups) / COLUMNS)
    width, height = COLUMNS * PANEL_WIDTH, rows * PANEL_HEIGHT + LEGEND_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {FONT}>',
        "<title>Mean gap to the best-known value over CPU seconds</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        *_draw_legend(scores),
    ]
    for number, (group, cases) in enumerate(groups):
        x, y = number % COLUMNS * PANEL_WIDTH, number // COLUMNS * PANEL_HEIGHT + LEGEND_HEIGHT
        parts += [f'<g transform="translate({x} {y})">', *_draw_panel(scores, group, cases), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _colour(scores: Scores, peer: str) -> str:
    others = [name for name in scores.peers if name != OURS]
    return OURS_COLOUR if peer == OURS else COLOURS[others.index(peer) % len(COLOURS)]


def _draw_legend(scores: Scores) -> Iterator[str]:
    x = 16.0
    for peer in scores.peers:
        thick = 3 if peer == OURS else 2
        yield f'<path d="M{x:.0f} 22h18" stroke="{_colour(scores, peer)}" stroke-width="{thick}"/>'
        yield f'<text x="{x + 24:.0f}" y="26" fill="#222">{peer}</text>'
        x += 40 + 6.2 * len(peer)


def _draw_panel(scores: Scores, group: str, cases: list[str]) -> Iterator[str]:
    lines = {
        peer: [
            (budget_s, gap)
            for budget_s in scores.budgets
            if (gap := scores.mean_gap(cases, peer, budget_s)) is not None
        ]
        for peer in scores.peers
    }
    top = 10 ** math.ceil(math.log10(max([FLOOR * 10, *(gap for line in lines.values() for _, gap in line)])))
    span = math.log(scores.budgets[-1] / scores.budgets[0]) or 1.0

    def across(budget_s: float) -> float:
        return LEFT + (PANEL_WIDTH - LEFT - RIGHT) * math.log(budget_s / scores.budgets[0]) / span

    def up(gap: float) -> float:
        share = math.log(max(gap, FLOOR) / FLOOR) / math.log(top / FLOOR)
        return PANEL_HEIGHT - BOTTOM - (PANEL_HEIGHT - TOP - BOTTOM) * share

    yield f'<text x="{LEFT}" y="{TOP - 14}" font-weight="bold" fill="#222">{group} (mean of {len(cases)})</text>'
    for power in range(round(math.log10(FLOOR)), round(math.log10(top)) + 1):
        y = up(10**power)
        label = f"≤{FLOOR:g}%" if 10**power <= FLOOR else f"{10**power:g}%"
        yield f'<path d="M{LEFT} {y:.1f}H{PANEL_WIDTH - RIGHT}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#555">{label}</text>'
    for budget_s in scores.budgets:
        x, y = across(budget_s), PANEL_HEIGHT - BOTTOM + 18
        yield f'<text x="{x:.1f}" y="{y}" text-anchor="middle" fill="#555">{budget_s:g} s</text>'
    for peer in sorted(lines, key=lambda peer: peer == OURS):
        points = [(across(budget_s), up(gap)) for budget_s, gap in lines[peer]]
        if points:
            colour, thick = _colour(scores, peer), 3 if peer == OURS else 1.8
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{thick}"/>'
            for x, y in points:
                yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{thick + 1:g}" fill="{colour}"/>'
