"""`metrics`: what is measured, how it is now, and how it was, as a line of small bars."""

import difflib
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Annotated, Any

from cyclopts import Parameter
from rich.live import Live
from rich.table import Table

from quantum_scheduler.cli.client import Client, open_client
from quantum_scheduler.cli.moment import MomentInvalid
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.program import name_program
from quantum_scheduler.cli.write import open_consoles, write_json
from quantum_scheduler.console.sparkline import draw_sparkline, gather
from quantum_scheduler.expressions.duration import parse_duration, write_duration
from quantum_scheduler.settings import read_settings

UNKNOWN = "-"
YES_OR_NO = "yes or no"
COLUMNS_MAX = 24
# A bar stands for at least so long, in which there are two samples unless they are taken less often than usual.
STEP_MIN_S = 10.0
# Where a line has so much room, it also says what its lowest and its highest bar stand for.
WIDE = 120
# A new sample is looked for so often.
LOOK_EVERY_S = 1.0
SUGGESTED_MAX = 3

Item = dict[str, Any]


class MetricUnknown(LookupError):  # noqa: N818  an error is named for what happened
    """Nothing that is measured has a name that begins so."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Some metrics as of one moment, and what each of them was before: [seconds since 1970, number] each."""

    at: datetime | None
    items: Sequence[Item]
    history: Mapping[str, Sequence[tuple[float, float]]]


def show_metrics(
    *names: Annotated[str, Parameter(name="NAME", help="A name, or how names begin, such as dynex; without one, all.")],
    watch: Annotated[bool, Parameter(negative=(), help="Show every new sample until Ctrl-C.")] = False,
    since: Annotated[str, Parameter(help="How far back the bars go, such as 1h or 7d.")] = "1h",
    json: Json = False,
) -> int:
    """Show what metrics are and lately were; what is not known is -."""
    since_s = _read_since(since)
    answers, narration = open_consoles()
    with open_client(read_settings(os.environ)) as client:
        sample = _fetch(client, names, since_s)
        samples = _follow(client, sample, names, since_s) if watch else iter((sample,))
        if json:
            for each in samples:
                write_json(_describe(each, since_s))
            return 0
        if sample.at is None:
            narration.print(f"nothing was measured yet; {name_program()} up and watch measure", soft_wrap=True)
        if not (watch and answers.is_terminal):
            for each in samples:
                answers.print(_tabulate(each, since_s, answers.width))
            return 0
        with Live(console=answers, auto_refresh=False) as live:
            for each in samples:
                live.update(_tabulate(each, since_s, answers.width), refresh=True)
    return 0


def choose(items: Sequence[Item], names: Sequence[str]) -> list[Item]:
    """Choose the metrics that have these names, or names that begin so; without names all. Raises MetricUnknown."""
    known = [item["name"] for item in items]
    chosen = {each for name in names for each in ([name] if name in known else _begin_with(known, name))}
    return [item for item in items if not names or item["name"] in chosen]


def _begin_with(known: Sequence[str], name: str) -> list[str]:
    found = [each for each in known if each.startswith(name)]
    if not found:
        heads = dict.fromkeys(each.partition(".")[0] for each in known)
        close = difflib.get_close_matches(name, [*heads, *known], n=SUGGESTED_MAX)
        hint = f"; there is {', '.join(close)}" if close else f"; {name_program()} metrics lists all"
        raise MetricUnknown(f"no metric is called {name!r}{hint}")
    return found


def _read_since(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise MomentInvalid(f"--since: {error}") from None


def _count_columns(since_s: float) -> int:
    return max(1, min(COLUMNS_MAX, int(since_s / STEP_MIN_S)))


def _fetch(client: Client, names: Sequence[str], since_s: float) -> Sample:
    document = client.list_metrics()
    items = choose(document["items"], names)
    step = f"{since_s / _count_columns(since_s):.3f}s"
    asked = {
        item["name"]: client.fetch_metric(item["name"], since=write_duration(since_s), step=step) for item in items
    }
    history = {name: _read_points(each) for name, each in asked.items()}
    return Sample(_read_time(document["at"]), items, history)


def _follow(client: Client, sample: Sample, names: Sequence[str], since_s: float) -> Iterator[Sample]:
    """Yield a sample, and those that come after it, which are added to what was."""
    yield sample
    while True:
        time.sleep(LOOK_EVERY_S)
        document = client.list_metrics()
        at = _read_time(document["at"])
        if at is None or at == sample.at:
            continue
        items = choose(document["items"], names)
        oldest_s = at.timestamp() - since_s
        history = {
            item["name"]: [
                *(point for point in sample.history.get(item["name"], ()) if point[0] >= oldest_s),
                *((at.timestamp(), number) for number in [_to_number(item, item["value"])] if number is not None),
            ]
            for item in items
        }
        sample = Sample(at, items, history)
        yield sample


def _read_points(series: Mapping[str, Any]) -> list[tuple[float, float]]:
    metric = series["metric"]
    values = ((each["at"], each["mean"] if each["state"] is None else each["state"]) for each in series["points"])
    numbers = ((datetime.fromisoformat(at).timestamp(), _to_number(metric, value)) for at, value in values)
    return [(at_s, number) for at_s, number in numbers if number is not None]


def _read_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _to_number(metric: Item, value: float | str | None) -> float | None:
    if isinstance(value, str):
        return float(metric["states"].index(value))
    return None if value is None else float(value)


def _describe(sample: Sample, since_s: float) -> dict[str, Any]:
    items = [{**item, "points": sample.history[item["name"]]} for item in sample.items]
    return {"at": sample.at, "since_s": since_s, "items": items}


def _tabulate(sample: Sample, since_s: float, width: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("metric", no_wrap=True)
    table.add_column("now", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column(f"last {write_duration(since_s)}", no_wrap=True, min_width=COLUMNS_MAX)
    if width >= WIDE:
        table.add_column("least", justify="right", no_wrap=True)
        table.add_column("most", justify="right", no_wrap=True)
    for row in _list_rows(sample, since_s):
        table.add_row(*row[: len(table.columns)])
    return table


def _list_rows(sample: Sample, since_s: float) -> Iterable[tuple[str, ...]]:
    ends_s = time.time() if sample.at is None else sample.at.timestamp()
    for item in sample.items:
        points = sample.history[item["name"]]
        bars = gather(points, begins=ends_s - since_s, ends=ends_s, columns=_count_columns(since_s))
        numbers = [each for each in bars if each is not None]
        least, most = min(numbers, default=None), max(numbers, default=None)
        is_word = bool(item["states"]) or item["unit"] == YES_OR_NO
        low, high = (0.0, max(1.0, len(item["states"]) - 1)) if is_word else (least or 0.0, most or 0.0)
        unit = "" if is_word else item["unit"]
        line = draw_sparkline(bars, least=low, most=high)
        yield item["name"], _write(item, item["value"]), unit, line, _write(item, least), _write(item, most)


def _write(item: Item, value: float | str | None) -> str:
    """Write a value as people read it; the mean of states or of yes and no as the worse of the two it is between."""
    if value is None:
        return UNKNOWN
    if isinstance(value, str):
        return value
    if item["states"]:
        return str(item["states"][ceil(value)])
    if item["unit"] == YES_OR_NO:
        return "yes" if value >= 1 else "no"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
