"""What the queue benchmark measured, as a page: ratios, and each promise with whether it held."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

NAMES = {
    "raw": "raw `SKIP LOCKED`, batches of 50, nothing kept",
    "raw-kept": "raw `SKIP LOCKED`, batches of 50, with record, result and fence",
    "ours-tasks": "quantum-scheduler: tasks without a record",
    "ours": "quantum-scheduler: jobs, with record, result and fence",
    "ours-cached": "quantum-scheduler: jobs, and the store of solutions",
    "pgqueuer": "PgQueuer, batches of 50",
    "dbos": "DBOS",
    "procrastinate": "Procrastinate, concurrency 100",
    "procrastinate-alone": "Procrastinate as it comes: concurrency 1",
}
INTRODUCTION = """\
Work that does nothing, so that what is left is the queue: jobs as customers submit them (problem, record, result,
fence, all kept), and tasks without a record, as schedules and runbooks queue them and as the other queues measure. Raw
claiming is a loop of two statements in batches of 50: once with a record, a result, an owner and a fence, the least
that a job needs, and once without. A drain is timed from the start of the first job until all are finished and
committed; each system may have 100 at work at once, DBOS as many as it takes, Procrastinate also one, as it comes.\
"""
# The drain of ours against another's: how often as much it should do.
WANTED = {"dbos": 4.0, "procrastinate": 20.0, "procrastinate-alone": 20.0, "raw-kept": 0.7, "raw": 0.7}
HEADINGS = (
    "| | enqueue, single /s | enqueue, batches of 500 /s | drain, 1 worker /s | raw = 1 | drain, 2 workers /s "
    "| WAL kB a job | pickup p50 ms | p95 ms |"
)


@dataclass(slots=True)
class Figures:
    """What was measured of one system, a number each round."""

    enqueue_per_s: list[float] = field(default_factory=list)
    batched_per_s: list[float] = field(default_factory=list)
    drain_per_s: list[float] = field(default_factory=list)
    drain_of_two_per_s: list[float] = field(default_factory=list)
    wal_bytes: list[float] = field(default_factory=list)
    pickup_s: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Measured:
    """Everything that was measured, and how."""

    figures: dict[str, Figures] = field(default_factory=dict)
    backlogs: dict[str, dict[int, float]] = field(default_factory=dict)
    facts: list[str] = field(default_factory=list)

    @property
    def rounds(self) -> int:
        """How many rounds of drains there are."""
        return max((len(taken.drain_per_s) for taken in self.figures.values()), default=0)

    @classmethod
    def read(cls, path: Path | None) -> Self:
        """Read what earlier runs have kept, if there is any."""
        if path is None or not path.exists():
            return cls()
        kept = json.loads(path.read_text(encoding="utf-8"))
        figures = {system: Figures(**taken) for system, taken in kept["figures"].items()}
        backlogs = {
            system: {int(size): cost for size, cost in kept["backlogs"][system].items()} for system in kept["backlogs"]
        }
        return cls(figures=figures, backlogs=backlogs)

    def write(self, path: Path) -> None:
        """Keep it for later runs."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


def compare(ours: Sequence[float], others: Sequence[float]) -> float:
    """The median of what we do for each that the other does, round by round."""
    return statistics.median(own / other for own, other in zip(ours, others, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, round(share * len(values)))]


def write_report(measured: Measured) -> str:
    figures = {system: measured.figures[system] for system in NAMES if system in measured.figures}
    lines = [
        "# The queue, measured",
        "",
        INTRODUCTION,
        "",
        *(f"- {fact}" for fact in measured.facts),
        "- Again: `python -m benchmarks.queue` in an environment with `quantum-scheduler[bench]`",
        "",
        HEADINGS,
        "|---|---|---|---|---|---|---|---|---|",
        *(write_row(system, taken, figures) for system, taken in figures.items()),
        "",
        "## What it should do",
        "",
        "The median of the ratios, round by round.",
        "",
        "| | wanted | tasks without a record | jobs |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in judge(figures, measured.backlogs)),
    ]
    lines += ["", "## With jobs waiting: milliseconds a job, claimed and settled", ""]
    sizes = sorted({size for costs in measured.backlogs.values() for size in costs})
    lines += [f"| | {' | '.join(f'{size:,}' for size in sizes)} |", f"|---|{'---|' * len(sizes)}"]
    for system, costs in measured.backlogs.items():
        lines.append(f"| {NAMES[system]} | {' | '.join(f'{costs[size]:.3f}' for size in sizes)} |")
    return "\n".join(lines) + "\n"


def write_row(system: str, taken: Figures, figures: dict[str, Figures]) -> str:
    numbers = (taken.enqueue_per_s, taken.batched_per_s, taken.drain_per_s)
    cells = [f"{statistics.median(each):,.0f}" if each else "" for each in numbers]
    raw = figures.get("raw", Figures())
    share = f"{compare(taken.drain_per_s, raw.drain_per_s):.2f}" if raw.drain_per_s and taken.drain_per_s else ""
    two = f"{statistics.median(taken.drain_of_two_per_s):,.0f}" if taken.drain_of_two_per_s else ""
    wal = f"{statistics.median(taken.wal_bytes) / 1e3:.1f}" if taken.wal_bytes else ""
    ready = [f"{percentile(taken.pickup_s, part) * 1e3:.1f}" if taken.pickup_s else "" for part in (0.5, 0.95)]
    return f"| {' | '.join([NAMES[system], *cells, share, two, wal, *ready])} |"


def judge(figures: dict[str, Figures], backlogs: dict[str, dict[int, float]]) -> list[tuple[str, str, str, str]]:
    """Each promise, and what was measured of it for tasks and for jobs."""
    rows = []
    for other, least in WANTED.items():
        drains = [figures.get(system, Figures()).drain_per_s for system in ("ours-tasks", "ours", other)]
        if all(drains):
            ratios = [compare(own, drains[-1]) for own in drains[:-1]]
            cells = [tell(f"{ratio:.2f}", is_held=ratio >= least) for ratio in ratios]
            rows.append((f"drain against {NAMES[other]}", f"≥ {least:g}", cells[0], cells[1]))
    if "ours" in figures and figures["ours"].pickup_s:
        pickup_ms = statistics.median(figures["ours"].pickup_s) * 1e3
        rows.append(("pickup p50, idle queue", "≤ 15 ms", "", tell(f"{pickup_ms:.1f} ms", is_held=pickup_ms <= 15)))
    if "ours" in backlogs:
        sizes = sorted(backlogs["ours"])
        growth = backlogs["ours"][sizes[-1]] / backlogs["ours"][sizes[0]]
        name = f"cost of a job with {sizes[-1]:,} waiting against {sizes[0]:,}"
        rows.append((name, "≤ 2", "", tell(f"{growth:.2f}", is_held=growth <= 2)))
    return rows


def tell(measured: str, *, is_held: bool) -> str:
    return f"{measured} {'held' if is_held else '**missed**'}"
