"""What the runs are worth: gaps to the best-known values, medians over the seeds."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median

from benchmarks.contest.case import Case

OURS = "quantum-scheduler"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One peer on one case with one budget and seed; `objective` is None where it found nothing or failed."""

    case: Case
    peer: str
    budget_s: float
    seed: int
    objective: float | None
    cpu_s: float
    failure: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


class Scores:
    """The gaps of all runs, in percent of the best-known value."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = runs
        self.budgets = sorted({run.budget_s for run in runs})
        self.cases = {run.case.name: run.case for run in sorted(runs, key=lambda run: _count_up(run.case.name))}
        self.peers = sorted(dict.fromkeys(run.peer for run in runs), key=lambda peer: peer == OURS)

    def best(self, case: str) -> float:
        """The best-known value, or the best of this contest where none is known."""
        known = self.cases[case].best
        if known is not None:
            return known
        found = (run.objective for run in self.runs if run.case.name == case and run.objective is not None)
        return min(found, default=0.0)

    def gap(self, case: str, peer: str, budget_s: float) -> float | None:
        """The median gap over the seeds; infinite where half of them found nothing, None where it did not compete."""
        best = self.best(case)
        gaps = [
            float("inf") if run.objective is None else 100 * (run.objective - best) / (abs(best) or 1)
            for run in self.runs
            if (run.case.name, run.peer, run.budget_s) == (case, peer, budget_s)
        ]
        return median(gaps) if gaps else None

    def mean_gap(self, cases: Iterable[str], peer: str, budget_s: float) -> float | None:
        """The mean over the cases, or None where the peer did not compete or had no answer on one of them."""
        gaps = [self.gap(case, peer, budget_s) for case in cases]
        present = [gap for gap in gaps if gap is not None and gap != float("inf")]
        return mean(present) if present and len(present) == len(gaps) else None

    def lost(self) -> list[tuple[str, str, float, float, float]]:
        """Every comparison that we lost: case, peer, budget, our gap, its gap."""
        losses = []
        for case in self.cases:
            for budget_s in self.budgets:
                ours = self.gap(case, OURS, budget_s)
                for peer in self.peers:
                    theirs = self.gap(case, peer, budget_s)
                    if ours is not None and theirs is not None and theirs < ours:
                        losses.append((case, peer, budget_s, ours, theirs))
        return losses

    def groups(self) -> dict[str, list[str]]:
        """The names of the cases of each group."""
        groups: dict[str, list[str]] = {}
        for case in self.cases.values():
            groups.setdefault(case.group, []).append(case.name)
        return groups


def write_gap(gap: float | None) -> str:
    """Write a gap for a table: `0` is the best-known value reached, `-` no answer, nothing for no competitor."""
    if gap is None:
        return ""
    if gap == float("inf"):
        return "-"
    if gap == 0:
        return "0"
    return f"{gap:.2g}" if abs(gap) < 10 else f"{gap:,.0f}"


def _count_up(name: str) -> list[tuple[int, str]]:
    """Have names follow each other as people count: G1, G14, G22, and bqp100_1 before bqp1000_1."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
