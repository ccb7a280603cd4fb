"""Draw numbers as a line of small bars."""

from collections.abc import Iterable, Sequence

BARS = "▁▂▃▄▅▆▇█"
GAP = " "


def gather(points: Iterable[tuple[float, float]], *, begins: float, ends: float, columns: int) -> list[float | None]:
    """Gather numbers by when they were into so many columns, each the mean of its own; None where there are none."""
    sums, counts = [0.0] * columns, [0] * columns
    for at, number in points:
        if begins <= at <= ends:
            column = min(int((at - begins) / (ends - begins) * columns), columns - 1)
            sums[column] += number
            counts[column] += 1
    return [total / count if count else None for total, count in zip(sums, counts, strict=True)]


def draw_sparkline(bars: Sequence[float | None], *, least: float, most: float) -> str:
    """Draw a bar for each number, the lowest for `least` and the highest for `most`; a gap for None."""
    return "".join(GAP if each is None else BARS[_place(each, least, most)] for each in bars)


def _place(number: float, least: float, most: float) -> int:
    """Place a number among the bars; where all are one number, the lowest."""
    return round((number - least) / (most - least) * (len(BARS) - 1)) if most > least else 0
