"""Keep the runs in a file of JSON lines, so that a contest of many hours can be run in pieces."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.contest.case import Case
from benchmarks.contest.score import Run

# What makes one run: the case's name, the peer, the budget and the seed.
RunKey = tuple[str, str, float, int]


def key_of(run: Run) -> RunKey:
    """Say which run it is."""
    return run.case.name, run.peer, run.budget_s, run.seed


def append_run(file: Path, run: Run) -> None:
    """Write a run down."""
    document = {
        "case": run.case.name,
        "peer": run.peer,
        "budget_s": run.budget_s,
        "seed": run.seed,
        "objective": run.objective,
        "cpu_s": run.cpu_s,
        "failure": run.failure,
        "versions": dict(run.versions),
    }
    with file.open("a") as lines:
        lines.write(json.dumps(document) + "\n")


def read_runs(file: Path, cases: Mapping[str, Case]) -> list[Run]:
    """Read the runs of the given cases, the last of each; none where there is no file yet."""
    runs = {key_of(run): run for run in _read_lines(file, cases)}
    return list(runs.values())


def _read_lines(file: Path, cases: Mapping[str, Case]) -> Iterator[Run]:
    if not file.exists():
        return
    for line in file.read_text().splitlines():
        document: dict[str, Any] = json.loads(line)
        case = cases.get(document.pop("case"))
        if case is not None:
            yield Run(case=case, **document)
