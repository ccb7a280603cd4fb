"""One peer on one case, in a process of its own: `python -m benchmarks.contest.run PEER FILE BUDGET_S SEED`.

Its models and JIT compilers are warmed up on a small problem first; then the CPU seconds of the process count, all
threads included, from the problem in memory to the answer in memory. The answer is verified after the clock has
stopped. One JSON object on standard output says what came of it.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.contest import binary_peers, schedule_peers
from benchmarks.contest.case import generate_tardiness
from benchmarks.contest.clock import CpuClock, measure_share

from quantum_scheduler.backends.energy import name_values
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.problems.read import read_document, read_problem
from quantum_scheduler.problems.verify import verify

WARM_UP_S = 0.2
WARM_UP_VARIABLES = 40

Solve = Callable[[Any, CpuClock, int], Any]
BINARY_PEERS: Mapping[str, Solve] = {
    "quantum-scheduler": binary_peers.solve_ours,
    "dwave SA": binary_peers.solve_dwave_sa,
    "dwave Tabu": binary_peers.solve_dwave_tabu,
    "OpenJij SA": binary_peers.solve_openjij,
    "CP-SAT": binary_peers.solve_cp_sat,
    "HiGHS": binary_peers.solve_highs,
}
SCHEDULE_PEERS: Mapping[str, Solve] = {
    "quantum-scheduler": schedule_peers.solve_ours,
    "CP-SAT": schedule_peers.solve_cp_sat,
    "PyJobShop": schedule_peers.solve_pyjobshop,
}
LINEARISED = {"CP-SAT", "HiGHS"}
PACKAGES: Mapping[str, Sequence[str]] = {
    "quantum-scheduler": ["quantum-scheduler"],
    "dwave SA": ["dwave-samplers"],
    "dwave Tabu": ["dwave-samplers"],
    "OpenJij SA": ["openjij"],
    "CP-SAT": ["ortools"],
    "HiGHS": ["highspy"],
    "PyJobShop": ["pyjobshop", "ortools"],
}


def list_peers(problem: Problem) -> list[str]:
    """Name the peers that take a problem."""
    if isinstance(problem, BinaryProblem):
        small = len(problem.head) <= binary_peers.LINEARISED_MAX
        return [peer for peer in BINARY_PEERS if small or peer not in LINEARISED]
    return list(SCHEDULE_PEERS)


def main(arguments: Sequence[str]) -> None:
    """Run one peer and print what came of it."""
    peer, file, budget_s, seed = arguments
    problem = read_problem(Path(file).read_bytes(), name=Path(file).name)
    binary = isinstance(problem, BinaryProblem)
    solve = (BINARY_PEERS if binary else SCHEDULE_PEERS)[peer]
    solve(_warm_up_problem(binary=binary), CpuClock(WARM_UP_S), 0)
    clock = CpuClock(float(budget_s), share=measure_share())
    found = solve(problem, clock, int(seed))
    cpu_s = clock.spent_s()
    objective = None
    if found is not None:
        verdict = verify(problem, name_values(problem, found) if isinstance(problem, BinaryProblem) else found)
        assert verdict.feasible, verdict.violations
        objective = verdict.objective
    versions = {package: version(package) for package in PACKAGES[peer]}
    json.dump({"objective": objective, "cpu_s": round(cpu_s, 3), "versions": versions}, sys.stdout)


def _warm_up_problem(*, binary: bool) -> Problem:
    if not binary:
        return read_document(json.dumps(generate_tardiness(20, 4, seed=0)).encode())
    pairs = [[u, v, (7 * u + 3 * v) % 11 - 5] for v in range(WARM_UP_VARIABLES) for u in range(v)]
    return read_document(json.dumps({"kind": "binary", "quadratic": pairs}).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
