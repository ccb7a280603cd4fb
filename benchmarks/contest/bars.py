"""What our own solvers must reach at 10 CPU seconds, and whether they did."""

from collections.abc import Iterator
from statistics import median

from benchmarks.contest.score import OURS, Scores, write_gap

BUDGET_S = 10.0
# At most half the gap of dwave-samplers' annealing; the best-known value; an objective.
HALF_OF_ANNEALING = ("G14", "G22", "G35", "G43", "G55")
BEST_KNOWN = ("G1", "G32", "100_10_47_9", "200_40_91_15")
AT_MOST = {"j60_13_3": 90, "j120_6_1": 153, "200_10_84_9": 506, "200_20_145_15": 233}
# At least so many times better than CP-SAT without hints.
TIMES_BETTER = {"tardiness_1000x40": 10}


def write_bars(scores: Scores) -> Iterator[str]:
    """Write a table of the bars whose runs there are: the bar, what was measured, held or missed."""
    yield f"| case, {BUDGET_S:g} CPU seconds | bar | measured | |"
    yield "|---|---|---|---|"
    for case in (*HALF_OF_ANNEALING, *BEST_KNOWN, *AT_MOST, *TIMES_BETTER):
        ours, count = _median(scores, case, OURS)
        if ours is not None:
            bar, measured, held = _judge(scores, case, ours)
            seeds = "" if count > 2 else f", {count} of 3 seeds"
            yield f"| {case} | {bar} | {measured}{seeds} | {'held' if held else '**missed**'} |"


def _judge(scores: Scores, case: str, ours: float) -> tuple[str, str, bool]:
    if case in HALF_OF_ANNEALING:
        theirs, _ = _median(scores, case, "dwave SA")
        gap, other = ours - scores.best(case), float("inf") if theirs is None else theirs - scores.best(case)
        return f"half of annealing's {write_gap(other)} below best-known", f"{gap:g} below", gap <= other / 2
    if case in BEST_KNOWN:
        return f"{scores.best(case):g}", f"{ours:g}", ours <= scores.best(case)
    if case in AT_MOST:
        return f"{AT_MOST[case]}", f"{ours:g}", ours <= AT_MOST[case]
    theirs, _ = _median(scores, case, "CP-SAT")
    plain = float("inf") if theirs is None else theirs
    return f"a tenth of CP-SAT's {plain:,.0f}", f"{ours:,.0f}", ours * TIMES_BETTER[case] <= plain


def _median(scores: Scores, case: str, peer: str) -> tuple[float | None, int]:
    """Return the median objective, a failure being endless, and the number of runs."""
    found = [
        float("inf") if run.objective is None else run.objective
        for run in scores.runs
        if (run.case.name, run.peer, run.budget_s) == (case, peer, BUDGET_S)
    ]
    return (median(found) if found else None), len(found)
