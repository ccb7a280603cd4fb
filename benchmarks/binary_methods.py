"""Measure each method of the classical backend alone on binary models, for the table in `classical/choose.py`.

    python -m benchmarks.binary_methods --instances FOLDER --cases G22 G32 --budget 10

FOLDER is as for `benchmarks.solvers`. Prints one row of a Markdown table for each case: `12 ms` or `1.2 s` is the
median CPU time of three seeds to the best-known energy, after one warm-up; a percentage is the median gap to it at the
budget. With `--bars` only `auto` runs, and the program exits with 1 where a median is over the bar of its size.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.contest.case import Case, find_binary_cases
from benchmarks.contest.clock import CpuClock, CpuStop
from benchmarks.contest.score import write_gap

from quantum_scheduler.backends.classical.binary import search_binary
from quantum_scheduler.backends.classical.choose import METHODS
from quantum_scheduler.backends.model import AUTO, Limits
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import Number

# Up to so many variables in so many CPU seconds.
BARS = ((500, 0.1), (1000, 0.5))
SEEDS = (1, 2, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Of several seeds: the median gap in percent, and the median CPU time where that is 0."""

    gap: float
    seconds: float

    def __str__(self) -> str:
        if self.gap > 0:
            return f"{write_gap(self.gap)} %"
        return f"{1000 * self.seconds:.0f} ms" if self.seconds < 1 else f"{self.seconds:.1f} s"


def main(arguments: Sequence[str]) -> None:
    """Measure the cases and print a row for each."""
    parser = argparse.ArgumentParser(description="Measure each method alone on binary models.")
    parser.add_argument("--instances", type=Path, required=True, help="folder of instances")
    parser.add_argument("--cases", nargs="+", help="names of the cases (default: all)")
    parser.add_argument("--budget", type=float, default=5.0, help="CPU seconds (default: 5)")
    parser.add_argument("--bars", action="store_true", help="hold auto against the bars, on cases that have one")
    options = parser.parse_args(arguments)
    cases = [case for case in find_binary_cases(options.instances) if case.name in (options.cases or [case.name])]
    methods = (AUTO,) if options.bars else (AUTO, *METHODS["binary"])
    missed = 0
    print(f"| model | variables | density | {' | '.join(methods)} |\n|{'---|' * (3 + len(methods))}")
    for case in cases:
        problem = case.read()
        assert isinstance(problem, BinaryProblem)
        count = len(problem.labels)
        bar_s = next((bar_s for most, bar_s in BARS if count <= most), None)
        if options.bars and (bar_s is None or case.group != "QUBO"):
            continue
        scores = [_measure(case, problem, method, options.budget) for method in methods]
        missed += bar_s is not None and (scores[0].gap > 0 or scores[0].seconds > bar_s)
        density = 200 * len(problem.head) / (count * (count - 1))
        print(f"| {case.name} | {count} | {density:.2g} % | {' | '.join(map(str, scores))} |", flush=True)
    sys.exit(1 if options.bars and missed else 0)


def _measure(case: Case, problem: BinaryProblem, method: str, budget_s: float) -> Score:
    """Solve once to warm up and once by each seed."""
    assert case.best is not None
    _solve(problem, method, min(0.1, budget_s), 0, None)
    ends = [_solve(problem, method, budget_s, seed, case.best) for seed in SEEDS]
    gap = 100 * (median(energy for energy, _ in ends) - case.best) / abs(case.best)
    return Score(gap=gap, seconds=median(seconds for _, seconds in ends))


def _solve(problem: BinaryProblem, method: str, budget_s: float, seed: int, target: int | None) -> tuple[Number, float]:
    """Return the energy found and the CPU seconds it took."""
    limits = Limits(time_limit_s=budget_s, seed=seed, method=method, target=target)
    clock = CpuClock(budget_s)
    stop = CpuStop(clock)
    done = clock.when_over(stop.cancelled.set)
    answer = search_binary(problem, limits, _ignore, stop)
    spent_s = clock.spent_s()
    done.set()
    assert answer.claimed_objective is not None
    return answer.claimed_objective, spent_s


def _ignore(*, objective: Number | None = None, bound: Number | None = None) -> None:
    """Leave the improvements unseen."""


if __name__ == "__main__":
    main(sys.argv[1:])
