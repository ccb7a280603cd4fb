"""Write the scores as a page."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.contest.bars import write_bars
from benchmarks.contest.score import OURS, Scores, write_gap

HEAD = """\
# Solvers compared

Gaps to the best-known value in percent, less is better, after {budgets} CPU seconds; the median of {seeds}. **0** means
that the best-known value was reached, **-** that there was no answer, **?** that this budget was not run on all
or any. A case marked * has no published value: its gap is to the best answer of this run, whoever found it.

![Mean gap over CPU seconds](solvers.svg)
"""
COMMANDS = ("uv pip install -e '.[bench]'", "python -m benchmarks.solvers --instances FOLDER")
RULES = """\
## How it was measured

- Each run is a process of its own on one thread. It warms up on a small problem; then the CPU seconds of the whole
  process count, from the problem in memory to the answer in memory. Building the solver's model counts.
- Each budget is a run of its own, so that every solver can plan for it. Runs that stop by the wall clock (Tabu, HiGHS,
  PyJobShop) get the share of a core that the process was measured to have.
- The annealers of dwave-samplers and OpenJij run with the default temperatures, one read at a time with twice the
  sweeps of the one before, the last as long as the rest of the budget.
- CP-SAT and PyJobShop have the plainest model, no hints, one worker. CP-SAT and HiGHS take binary models of up to
  20,000 pair terms, each pair linearised.
- Where time on the machine was short, budgets, seeds and cases were left out, those of 30 s first; a number is
  the median of the seeds that were run. A machine that others use too slows those most who stop by the wall clock.
- Every answer is recomputed on the problem as it was given, after the clock has stopped.
"""


def write_report(scores: Scores, *, date: str) -> str:
    """Write the page: a table for each group, the comparisons lost, the means, and how to reproduce it."""
    budgets = " / ".join(f"{budget:g}" for budget in scores.budgets)
    count = len({run.seed for run in scores.runs})
    lines = [HEAD.format(budgets=budgets, seeds="one seed" if count == 1 else f"{count} seeds")]
    lines += ["## Bars", "", *write_bars(scores), ""]
    for group, cases in scores.groups().items():
        lines += [f"## {group}", "", *_write_table(scores, cases), ""]
    lines += ["## Lost comparisons", "", *_write_lost(scores), "", RULES]
    versions = {package: number for run in scores.runs for package, number in run.versions.items()}
    lines += ["## Where and when", "", *_write_facts(scores, versions, date), ""]
    lines += ["## Reproduce", "", "```sh", *COMMANDS, "```", ""]
    return "\n".join(lines)


def _write_table(scores: Scores, cases: list[str]) -> Iterator[str]:
    peers = [
        peer
        for peer in scores.peers
        if any(scores.gap(case, peer, budget_s) is not None for case in cases for budget_s in scores.budgets)
    ]
    yield f"| case | best | {' | '.join(peers)} |"
    yield f"|---|---|{'---|' * len(peers)}"
    for case in cases:
        best = f"{scores.best(case):,.0f}" + ("" if scores.cases[case].best is not None else " *")
        gaps = (_write_gaps([scores.gap(case, peer, budget_s) for budget_s in scores.budgets]) for peer in peers)
        yield f"| {case} | {best} | {' | '.join(gaps)} |"
    means = (_write_gaps([scores.mean_gap(cases, peer, budget_s) for budget_s in scores.budgets]) for peer in peers)
    yield f"| *mean* | | {' | '.join(means)} |"


def _write_gaps(gaps: Sequence[float | None]) -> str:
    """Write a gap for each budget, or nothing where there is none at all."""
    return " / ".join(write_gap(gap) or "?" for gap in gaps) if any(gap is not None for gap in gaps) else ""


def _write_lost(scores: Scores) -> Iterator[str]:
    lost = scores.lost()
    if not lost:
        yield f"None: no other solver had a smaller gap than {OURS} on any case and budget."
        return
    yield f"| case | CPU seconds | {OURS} | better | its gap |"
    yield "|---|---|---|---|---|"
    for case, peer, budget_s, ours, theirs in lost:
        yield f"| {case} | {budget_s:g} | {write_gap(ours)} | {peer} | {write_gap(theirs)} |"


def _write_facts(scores: Scores, versions: Mapping[str, str], date: str) -> Iterator[str]:
    failed = [run for run in scores.runs if run.failure]
    system = f"{platform.system()}, Python {platform.python_version()}"
    yield f"- {date}, {_name_processor()}, {os.cpu_count()} cores (load average {os.getloadavg()[2]:.1f}), {system}"
    yield f"- {', '.join(f'{package} {number}' for package, number in sorted(versions.items()))}"
    longest = max(scores.runs, key=lambda run: run.cpu_s / run.budget_s)
    over = f"{longest.peer} on {longest.case.name} took {longest.cpu_s / longest.budget_s:.2f} times its budget"
    yield f"- {len(scores.runs)} runs; the one that overran most: {over}"
    for run in failed:
        yield f"- {run.peer} failed on {run.case.name} ({run.budget_s:g} s, seed {run.seed}): {run.failure}"


def _name_processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
