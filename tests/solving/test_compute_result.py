import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quantum_scheduler.backends.load import BackendUnknown
from quantum_scheduler.backends.model import BackendError, Progress
from quantum_scheduler.problems.fingerprint import fingerprint
from quantum_scheduler.problems.model import ProblemInvalid
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.problems.read import read_document, write_document
from quantum_scheduler.problems.solution import read_solution
from quantum_scheduler.problems.verify import verify
from quantum_scheduler.solving.compute import compute, solve_problem
from quantum_scheduler.solving.model import Result, SolveRequest
from quantum_scheduler.solving.result import read_result, write_result

SCHEDULE: dict[str, object] = {
    "kind": "schedule",
    "agents": [{"id": "ann", "skills": ["cut"], "cost": 2}, {"id": "bob", "skills": ["cut", "sew"], "cost": 3}],
    "tasks": [
        {"id": "cut 1", "duration": 3, "skills": ["cut"]},
        {"id": "cut 2", "duration": 2, "skills": ["cut"]},
        {"id": "sew", "duration": 2, "skills": ["sew"], "dependencies": ["cut 1"]},
    ],
}
MODEL: dict[str, object] = {
    "kind": "binary",
    "linear": [["x", -1], ["y", 2], ["z", -4]],
    "quadratic": [["x", "z", 3], ["y", "z", -3]],
}
QUICK = SolveRequest(time_limit_s=2.0)


def problem_of(document: dict[str, object]) -> Problem:
    return read_document(json.dumps(document).encode())


def solve(document: dict[str, object], request: SolveRequest = QUICK) -> Result:
    return solve_problem(problem_of(document), request, report=lambda progress: None)


@pytest.fixture
def install_backend(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Install a backend as a package of its own; its answer is the given expression of `problem`."""

    def install(answer: str) -> str:
        name = "stranger"
        (tmp_path / "stranger_backend.py").write_text(STRANGER.replace("ANSWER", answer), encoding="utf-8")
        entry = tmp_path / "stranger-1.0.dist-info"
        entry.mkdir()
        (entry / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n", encoding="utf-8")
        (entry / "entry_points.txt").write_text(
            f"[quantum_scheduler.backends]\n{name} = stranger_backend:Stranger\n", encoding="utf-8"
        )
        return name

    sys.path.insert(0, str(tmp_path))
    yield install
    sys.path.remove(str(tmp_path))
    sys.modules.pop("stranger_backend", None)


STRANGER = """
from quantum_scheduler.backends.local import LocalBackend
from quantum_scheduler.backends.model import Answer, Capabilities
from quantum_scheduler.problems.model import BinarySolution


class Stranger(LocalBackend):
    name = "stranger"

    def capabilities(self):
        return Capabilities(
            problem_types=frozenset({"binary"}), variables_max=3, is_quantum=False, cancel="none",
            idempotent_submit="local",
        )

    def load_search(self, problem):
        return lambda limits, report, stop: ANSWER
"""


def test_a_schedule_comes_back_solved_proven_and_verified() -> None:
    result = solve(SCHEDULE)
    assert (result.status, result.backend, result.objective, result.bound, result.gap) == (
        "optimal",
        "classical",
        5,
        5,
        0,
    )
    assert result.verified
    assert result.reproducible
    assert result.fingerprint == fingerprint(problem_of(SCHEDULE))
    assert result.solution is not None
    verdict = verify(problem_of(SCHEDULE), read_solution(result.solution))
    assert verdict.feasible
    assert verdict.measures == result.measures


def test_a_binary_model_comes_back_under_its_own_labels() -> None:
    result = solve(MODEL)
    assert result.status == "optimal"
    assert result.objective == result.bound == -5
    assert result.solution == {"kind": "binary", "values": [["x", 0], ["y", 1], ["z", 1]]}


def test_a_schedule_goes_to_a_backend_of_binary_models_as_one_and_the_result_says_so() -> None:
    reports: list[Progress] = []
    request = SolveRequest(backend="simulator", time_limit_s=0.5)
    result = solve_problem(problem_of(SCHEDULE), request, report=reports.append)
    assert (result.backend, result.objective, result.bound, result.gap) == ("simulator", 5, None, None)
    assert result.status in {"feasible", "timed_out"}
    assert "QUBO, 4 variables, decoded by list schedule" in result.info["encoding"]
    assert [report.objective for report in reports] == [None] * len(reports)


def test_the_same_request_gives_the_same_answer_again() -> None:
    first, second = solve(SCHEDULE), solve(SCHEDULE)
    assert first.solution == second.solution


def test_an_impossible_schedule_is_infeasible_with_the_reason() -> None:
    tasks = [{"id": f"t{i}", "duration": 3, "deadline": 4} for i in range(3)]
    result = solve({"kind": "schedule", "agents": [{"id": "ann"}], "tasks": tasks})
    assert (result.status, result.solution, result.verified) == ("infeasible", None, False)
    assert result.explanation


def test_compute_does_the_same_on_json() -> None:
    reports: list[bytes] = []
    document = write_document(problem_of(SCHEDULE)).decode()
    argument = f'{{"problem": {document}, "request": {{"backend": "auto", "time_limit_s": 2.0, "seed": 3}}}}'
    result = json.loads(compute(argument.encode(), reports.append))
    assert (result["status"], result["objective"], result["seed"]) == ("optimal", 5, 3)
    assert all(json.loads(report).keys() == {"elapsed_s", "objective", "bound"} for report in reports)


def test_a_result_survives_json() -> None:
    result = solve(SCHEDULE)
    assert read_result(json.loads(json.dumps(write_result(result)))) == result


def test_a_wrong_claim_is_an_integrity_failure_that_names_both_values(install_backend: Callable[[str], str]) -> None:
    name = install_backend(
        "Answer(solutions=(BinarySolution(values={'x': 1, 'y': 0, 'z': 0}),), complete=True, claimed_objective=-9)"
    )
    with pytest.raises(BackendError, match=r"-9.*-1") as raised:
        solve(MODEL, SolveRequest(backend=name))
    assert raised.value.kind == "integrity"


def test_a_solution_that_does_not_hold_is_an_integrity_failure(install_backend: Callable[[str], str]) -> None:
    name = install_backend("Answer(solutions=(BinarySolution(values={'x': 1, 'y': 0}),), complete=True)")
    with pytest.raises(BackendError, match="'z' has no value") as raised:
        solve(MODEL, SolveRequest(backend=name))
    assert raised.value.kind == "integrity"


def test_a_bound_above_a_feasible_objective_is_an_integrity_failure(install_backend: Callable[[str], str]) -> None:
    name = install_backend(
        "Answer(solutions=(BinarySolution(values={'x': 1, 'y': 0, 'z': 0}),), complete=True, bound=0)"
    )
    with pytest.raises(BackendError, match="bound 0") as raised:
        solve(MODEL, SolveRequest(backend=name))
    assert raised.value.kind == "integrity"


def test_the_best_candidate_that_holds_is_taken_wherever_it_stands(install_backend: Callable[[str], str]) -> None:
    name = install_backend(
        "Answer(solutions=tuple(BinarySolution(values=v) for v in"
        " ({'x': 1}, {'x': 0, 'y': 0, 'z': 0}, {'x': 0, 'y': 1, 'z': 1}, {'x': 1, 'y': 0, 'z': 0})), complete=False)"
    )
    result = solve(MODEL, SolveRequest(backend=name))
    assert (result.objective, result.status, result.reproducible) == (-5, "timed_out", False)


def test_a_problem_too_large_for_the_backend_is_refused_before_it_runs(install_backend: Callable[[str], str]) -> None:
    name = install_backend("1 / 0")
    with pytest.raises(BackendError, match="4 variables") as raised:
        solve({**MODEL, "linear": [["w", 1]]}, SolveRequest(backend=name))
    assert raised.value.kind == "too_large"


def test_a_schedule_too_large_when_encoded_is_refused_before_it_runs(install_backend: Callable[[str], str]) -> None:
    name = install_backend("1 / 0")
    with pytest.raises(BackendError, match="4 variables") as raised:
        solve(SCHEDULE, SolveRequest(backend=name))
    assert raised.value.kind == "too_large"


def test_a_backend_nobody_installed_is_the_customers_mistake() -> None:
    with pytest.raises(BackendUnknown, match=r"'nowhere'.*classical") as raised:
        solve(MODEL, SolveRequest(backend="nowhere"))
    assert raised.value.kind == "invalid"


def test_an_invalid_problem_is_refused_by_compute() -> None:
    argument = json.dumps({"problem": {"kind": "schedule", "tasks": []}, "request": {}})
    with pytest.raises(ProblemInvalid):
        compute(argument.encode(), lambda report: None)
