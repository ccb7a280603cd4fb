"""Compare our solvers with others on CPU seconds, and write docs/benchmarks/solvers.md and solvers.svg.

    uv pip install -e '.[bench]'
    python -m benchmarks.solvers --instances FOLDER            # three seeds, 1, 10 and 30 CPU seconds: many hours
    python -m benchmarks.solvers --instances FOLDER --quick    # one seed, eight cases, 1 and 3 CPU seconds

FOLDER (or the variable SOLVER_INSTANCES) holds the subfolders `qubo` (*.qubo.gz and best_known.json), `maxcut`
(*.txt.gz in rudy format and best_known.csv), `rcpsp` (*.rcp.gz in Patterson format and best_known_j*.csv) and `imopse`
(*.def.gz); a case without its best-known value is left out. Weighted-tardiness cases are generated.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.contest.case import QUICK, Case, find_cases
from benchmarks.contest.chart import draw_gaps
from benchmarks.contest.report import write_report
from benchmarks.contest.run import list_peers
from benchmarks.contest.score import Run, Scores

ROOT = Path(__file__).parent.parent
# Beyond the budget: imports, warm-up, verification, and a machine that others use too.
GRACE_S, GRACE_TIMES = 60.0, 6.0


def main(arguments: Sequence[str]) -> None:
    """Run the contest and write the page anew after each case, so that an interrupted one has its page too."""
    options = _parse(arguments)
    with tempfile.TemporaryDirectory() as folder:
        cases = find_cases(options.instances, Path(folder))
        chosen = [case for case in cases if case.name in (options.cases or [case.name])]
        if not chosen:
            sys.exit(f"no case in {options.instances} has a best-known value")
        runs: list[Run] = []
        versions: dict[str, str] = {}
        for case in chosen:
            for peer in list_peers(case.read()):
                for budget_s in options.budgets:
                    for seed in range(options.seeds):
                        runs.append(_run(case, peer, budget_s, seed, versions))
                        _say(runs[-1])
            _write(Scores(runs), versions, options)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare our solvers with others on CPU seconds.")
    folder = os.environ.get("SOLVER_INSTANCES")
    parser.add_argument("--instances", type=Path, default=folder, required=folder is None, help="folder of instances")
    parser.add_argument("--quick", action="store_true", help="one seed, eight cases, 1 and 3 CPU seconds")
    parser.add_argument("--cases", nargs="+", help="names of the cases to run")
    parser.add_argument("--budgets", nargs="+", type=float, help="CPU seconds (default: 1 10 30)")
    parser.add_argument("--seeds", type=int, help="how many seeds (default: 3)")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "docs" / "benchmarks", help="folder of the page and the plot"
    )
    options = parser.parse_args(arguments)
    options.instances = Path(options.instances)
    options.cases = options.cases or (sorted(QUICK) if options.quick else None)
    options.budgets = options.budgets or ([1.0, 3.0] if options.quick else [1.0, 10.0, 30.0])
    options.seeds = options.seeds or (1 if options.quick else 3)
    options.command = "python -m benchmarks.solvers --instances FOLDER" + "".join(
        [
            f" --cases {' '.join(options.cases)}" if options.cases and not options.quick else "",
            " --quick" if options.quick else "",
            f" --budgets {' '.join(f'{budget:g}' for budget in options.budgets)}",
            f" --seeds {options.seeds}",
        ]
    )
    return options


def _run(case: Case, peer: str, budget_s: float, seed: int, versions: dict[str, str]) -> Run:
    command = [sys.executable, "-m", "benchmarks.contest.run", peer, str(case.path), str(budget_s), str(seed)]
    outcome: dict[str, float | None] = {"objective": None, "cpu_s": 0.0}
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
            document = json.loads(ended.stdout.strip().splitlines()[-1])
            versions.update(document["versions"])
            outcome = document
    return Run(
        case=case,
        peer=peer,
        budget_s=budget_s,
        seed=seed,
        objective=outcome["objective"],
        cpu_s=outcome["cpu_s"] or 0.0,
        failure=failure,
    )


def _say(run: Run) -> None:
    found = run.failure or f"{run.objective} in {run.cpu_s:.2f} s"
    print(f"{run.case.name} {run.peer} {run.budget_s:g} s seed {run.seed}: {found} (best {run.case.best})", flush=True)


def _write(scores: Scores, versions: dict[str, str], options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    date = datetime.now(UTC).date().isoformat()
    page = write_report(scores, versions, date=date, command=options.command)
    (options.out / "solvers.md").write_text(page)
    (options.out / "solvers.svg").write_text(draw_gaps(scores))


if __name__ == "__main__":
    main(sys.argv[1:])
