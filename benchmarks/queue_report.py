"""What the queue benchmark measured, as a page: ratios, and each promise with whether it held."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

NAMES = {
    "raw": "raw `SKIP LOCKED`, batches of 50",
    "ours-bare": "quantum-scheduler, claim and settle alone",
    "ours": "quantum-scheduler, its worker",
    "ours-cached": "quantum-scheduler, its worker and its store of solutions",
    "pgqueuer": "PgQueuer, batches of 50",
    "dbos": "DBOS",
    "procrastinate": "Procrastinate",
}
INTRODUCTION = """\
Jobs that do nothing, so that what is left is the queue. Ours carry what every job does: its problem, its record, its
three events and its result, kept for good; raw claiming keeps nothing, PgQueuer a log. A drain is timed from the start
of the first job until all are finished and committed; each system may have 100 at work at once, and DBOS as many as it
takes. Absolute numbers are this machine's: look at the ratios, which compare the systems round by round.\
"""
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


def compare(ours: Sequence[float], others: Sequence[float]) -> float:
    """The median of what we do for each that the other does, round by round."""
    return statistics.median(own / other for own, other in zip(ours, others, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, round(share * len(values)))]


def write_report(figures: dict[str, Figures], backlogs: dict[str, dict[int, float]], facts: Sequence[str]) -> str:
    lines = [
        "# The queue, measured",
        "",
        INTRODUCTION,
        "",
        *(f"- {fact}" for fact in facts),
        "- Again: `python -m benchmarks.queue` in an environment with `quantum-scheduler[bench]`",
        "",
        HEADINGS,
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for system, taken in figures.items():
        cells = [statistics.median(each) for each in (taken.enqueue_per_s, taken.batched_per_s, taken.drain_per_s)]
        share = compare(taken.drain_per_s, figures["raw"].drain_per_s) if "raw" in figures else float("nan")
        two, wal = statistics.median(taken.drain_of_two_per_s), statistics.median(taken.wal_bytes) / 1e3
        ready = [f"{percentile(taken.pickup_s, part) * 1e3:.1f}" if taken.pickup_s else "" for part in (0.5, 0.95)]
        row = [NAMES[system], *(f"{cell:,.0f}" for cell in cells), f"{share:.2f}", f"{two:,.0f}", f"{wal:.1f}", *ready]
        lines.append(f"| {' | '.join(row)} |")
    lines += ["", "## What it should do", "", "| | wanted | measured | |", "|---|---|---|---|"]
    for name, wanted, got, held in judge(figures, backlogs):
        lines.append(f"| {name} | {wanted} | {got} | {'held' if held else '**missed**'} |")
    lines += ["", "## With jobs waiting: milliseconds a job, claimed and settled", ""]
    sizes = sorted({size for costs in backlogs.values() for size in costs})
    lines += [f"| | {' | '.join(f'{size:,}' for size in sizes)} |", f"|---|{'---|' * len(sizes)}"]
    for system, costs in backlogs.items():
        lines.append(f"| {NAMES[system]} | {' | '.join(f'{costs[size]:.2f}' for size in sizes)} |")
    return "\n".join(lines) + "\n"


def judge(figures: dict[str, Figures], backlogs: dict[str, dict[int, float]]) -> list[tuple[str, str, str, bool]]:
    """Each promise, what was measured of it, and whether it held."""
    verdicts = []
    wanted = {"dbos": 4.0, "procrastinate": 20.0, "raw": 0.7}
    for ours in ("ours", "ours-bare"):
        for other, least in wanted.items():
            if ours in figures and other in figures:
                ratio = compare(figures[ours].drain_per_s, figures[other].drain_per_s)
                name = f"{NAMES[ours]}: drain against {NAMES[other]}"
                verdicts.append((name, f"≥ {least:g}", f"{ratio:.2f}", ratio >= least))
    if "ours" in figures and figures["ours"].pickup_s:
        pickup_ms = statistics.median(figures["ours"].pickup_s) * 1e3
        verdicts.append(("pickup p50 on an idle queue", "≤ 15 ms", f"{pickup_ms:.1f} ms", pickup_ms <= 15))
    for system in ("ours", "ours-bare"):
        if system in backlogs:
            sizes = sorted(backlogs[system])
            growth = backlogs[system][sizes[-1]] / backlogs[system][sizes[0]]
            name = f"{NAMES[system]}: a job with {sizes[-1]:,} waiting against {sizes[0]:,}"
            verdicts.append((name, "≤ 2", f"{growth:.2f}", growth <= 2))
    return verdicts
