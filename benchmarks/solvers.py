"""Compare our solvers with others on CPU seconds, and write docs/benchmarks/solvers.md and solvers.svg.

    uv pip install -e '.[bench]'
    python -m benchmarks.solvers --instances FOLDER            # three seeds, 1, 10 and 30 CPU seconds: many hours
    python -m benchmarks.solvers --instances FOLDER --quick    # one seed, eight cases, 1 and 3 CPU seconds
    python -m benchmarks.solvers --instances FOLDER --kind schedule --within 280    # a piece; again for the next one

FOLDER (or the variable SOLVER_INSTANCES) holds the subfolders `qubo` (*.qubo.gz and best_known.json), `maxcut`
(*.txt.gz in rudy format and best_known.csv), `rcpsp` (*.rcp.gz in Patterson format and best_known_j*.csv) and `imopse`
(*.def.gz); a case without its best-known value is left out. Weighted-tardiness cases are generated.

Every run is kept in a file (`--runs`) and not repeated while it is there; the page is made of all of them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.contest.case import QUICK, Case, find_cases
from benchmarks.contest.chart import draw_gaps
from benchmarks.contest.record import RunKey, append_run, key_of, read_runs
from benchmarks.contest.report import write_report
from benchmarks.contest.run import list_peers
from benchmarks.contest.score import Run, Scores

ROOT = Path(__file__).parent.parent
# Beyond the budget: imports, warm-up, verification, and a machine that others use too.
GRACE_S, GRACE_TIMES = 60.0, 6.0
# What a run takes beside its budget: a process, its imports and its warm-up.
START_S = 3.0


def main(arguments: Sequence[str]) -> None:
    """Do the runs that are not kept yet, within the time given, and write the page of all that are."""
    options = _parse(arguments)
    with tempfile.TemporaryDirectory() as folder:
        cases = {case.name: case for case in find_cases(options.instances, Path(folder))}
        if not cases:
            sys.exit(f"no case in {options.instances} has a best-known value")
        done = {key_of(run) for run in read_runs(options.runs, cases)}
        with ThreadPoolExecutor(options.jobs) as pool:
            # Each run is written down as it ends, so that an interrupted contest loses none.
            for _ in pool.map(lambda run: _do(options, *run), _list_runs(options, cases, done)):
                pass
        runs = read_runs(options.runs, cases)
    if runs:
        _write(Scores(runs), options)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare our solvers with others on CPU seconds.")
    folder = os.environ.get("SOLVER_INSTANCES")
    parser.add_argument("--instances", type=Path, default=folder, required=folder is None, help="folder of instances")
    parser.add_argument("--quick", action="store_true", help="one seed, eight cases, 1 and 3 CPU seconds")
    parser.add_argument("--kind", choices=["binary", "schedule"], help="only this half")
    parser.add_argument("--cases", nargs="+", help="names of the cases to run")
    parser.add_argument("--peers", nargs="+", help="names of the solvers to run")
    parser.add_argument("--budgets", nargs="+", type=float, help="CPU seconds (default: 1 10 30)")
    parser.add_argument("--seeds", type=int, help="how many seeds (default: 3)")
    parser.add_argument("--jobs", type=int, default=1, help="how many runs at once, each on one core (default: 1)")
    parser.add_argument("--within", type=float, default=float("inf"), help="seconds in which to begin and end runs")
    parser.add_argument("--runs", type=Path, default=ROOT / "benchmarks" / "runs.jsonl", help="file of the runs")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "docs" / "benchmarks", help="folder of the page and the plot"
    )
    options = parser.parse_args(arguments)
    options.instances = Path(options.instances)
    options.cases = options.cases or (sorted(QUICK) if options.quick else None)
    options.budgets = options.budgets or ([1.0, 3.0] if options.quick else [1.0, 10.0, 30.0])
    options.seeds = options.seeds or (1 if options.quick else 3)
    options.end_s = time.monotonic() + options.within
    return options


def _list_runs(
    options: argparse.Namespace, cases: dict[str, Case], done: set[RunKey]
) -> Iterator[tuple[Case, str, float, int]]:
    """Say which runs are asked for and not done, short budgets first."""
    for budget_s in sorted(options.budgets):
        for case in cases.values():
            if case.name not in (options.cases or [case.name]):
                continue
            problem = case.read()
            if problem.kind != (options.kind or problem.kind):
                continue
            for peer in list_peers(problem):
                if peer in (options.peers or [peer]):
                    keys = ((case.name, peer, budget_s, seed) for seed in range(options.seeds))
                    yield from ((case, *key[1:]) for key in keys if key not in done)


def _do(options: argparse.Namespace, case: Case, peer: str, budget_s: float, seed: int) -> None:
    if time.monotonic() + START_S + budget_s > options.end_s:
        return
    run = _run(case, peer, budget_s, seed)
    append_run(options.runs, run)
    found = run.failure or f"{run.objective} in {run.cpu_s:.2f} s"
    print(f"{case.name} {peer} {budget_s:g} s seed {seed}: {found} (best {case.best})", flush=True)


def _run(case: Case, peer: str, budget_s: float, seed: int) -> Run:
    command = [sys.executable, "-m", "benchmarks.contest.run", peer, str(case.path), str(budget_s), str(seed)]
    outcome: dict[str, Any] = {"objective": None, "cpu_s": 0.0, "versions": {}}
    failure = ""
    try:
        ended = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=GRACE_S + GRACE_TIMES * budget_s
        )
    except subprocess.TimeoutExpired:
        failure = "it did not end"
    else:
        if ended.returncode:
            failure = (ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"])[-1]
        else:
            outcome = json.loads(ended.stdout.strip().splitlines()[-1])
    return Run(
        case=case,
        peer=peer,
        budget_s=budget_s,
        seed=seed,
        objective=outcome["objective"],
        cpu_s=outcome["cpu_s"],
        failure=failure,
        versions=outcome["versions"],
    )


def _write(scores: Scores, options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    date = datetime.now(UTC).date().isoformat()
    (options.out / "solvers.md").write_text(write_report(scores, date=date))
    (options.out / "solvers.svg").write_text(draw_gaps(scores))


if __name__ == "__main__":
    main(sys.argv[1:])
