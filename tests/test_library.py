"""`quantum_scheduler.solve`: every form of a problem, one verified result, one clear error."""

import json
import re
import subprocess
import sys
from pathlib import Path

import dimod
import numpy as np
import pytest

import quantum_scheduler
from quantum_scheduler import BackendError, BackendUnknown, ProblemInvalid, Result, solve
from quantum_scheduler.backends.model import Progress
from quantum_scheduler.library.take import Given
from quantum_scheduler.problems.read import read_problem
from quantum_scheduler.solving.result import write_result

DATA = Path(__file__).parent / "data"
GUIDE = Path(__file__).parents[1] / "docs" / "how-to" / "solve-from-python.md"
PLAN = {
    "kind": "schedule",
    "agents": [{"id": "Ann"}, {"id": "Bo"}],
    "tasks": [{"id": "cut", "duration": 3}, {"id": "sew", "duration": 4, "dependencies": ["cut"]}],
}
TRIANGLE = dimod.BinaryQuadraticModel({}, {("a", "b"): 1, ("b", "c"): 1, ("a", "c"): 1}, "SPIN")


def judge(result: Result) -> tuple[str, object, bool]:
    return result.status, result.objective, result.verified


def test_a_schedule_is_solved_in_each_of_its_forms(tmp_path: Path) -> None:
    document = json.dumps(PLAN)
    (tmp_path / "plan.json").write_text(document)
    forms: list[Given] = [PLAN, read_problem(document.encode()), tmp_path / "plan.json", str(tmp_path / "plan.json")]
    assert [judge(solve(form, time_limit_s=1)) for form in forms] == [("optimal", 7, True)] * len(forms)


def test_a_binary_model_is_solved_in_each_of_its_forms() -> None:
    terms = {"kind": "binary", "vartype": "SPIN", "quadratic": [["a", "b", 1], ["b", "c", 1], ["a", "c", 1]]}
    forms: list[Given] = [
        terms,
        TRIANGLE,
        TRIANGLE.to_serializable(),
        TRIANGLE.spin,
        TRIANGLE.binary,
    ]
    assert [judge(solve(form, time_limit_s=1)) for form in forms] == [("optimal", -1, True)] * len(forms)


def test_the_labels_of_a_bqm_name_the_values() -> None:
    result = solve(dimod.BinaryQuadraticModel({"x": -1.5, 4: 2.5}, {}, 0.25, "BINARY"), time_limit_s=1)
    assert result.solution == {"kind": "binary", "values": [["x", 1], [4, 0]]}
    assert result.objective == -1.25


def test_numbers_of_numpy_are_as_good_as_those_of_python() -> None:
    bqm = dimod.BinaryQuadraticModel({np.int64(3): -1.0}, {}, "BINARY")
    result = solve(bqm, time_limit_s=float(np.float32(0.5)), seed=np.int64(5), threads=np.int32(1))  # type: ignore[arg-type]  # as numpy's users do
    assert json.loads(json.dumps(write_result(result)))["solution"]["values"] == [[3, 1]]
    assert result.seed == 5


def test_a_gzipped_file_is_read_by_its_name() -> None:
    result = solve(DATA / "bqpqka_9.qubo.gz", time_limit_s=0.5, seed=3)
    assert result.verified
    assert result.seed == 3


def test_a_search_that_is_stopped_gives_its_best_so_far() -> None:
    result = solve(DATA / "bqpqka_9.qubo.gz", time_limit_s=60, stopped=lambda: True)
    assert result.verified
    assert result.seconds < 30


def test_improvements_are_reported_and_none_is_better_than_the_result() -> None:
    seen: list[Progress] = []
    result = solve(DATA / "bqpqka_9.qubo.gz", time_limit_s=1, report=seen.append)
    assert result.objective is not None
    assert all(result.objective <= progress.objective for progress in seen if progress.objective is not None)


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        ({**PLAN, "colour": "red"}, "colour"),
        ({"kind": "binary", "linear": [["a", float("nan")]]}, "linear"),
        ({"kind": "binary", "linear": [["a", np.float32(1)]]}, "cannot be written as JSON"),
        ({"kind": "poem"}, "kind"),
        ({}, "kind"),
        (dimod.BinaryQuadraticModel("SPIN"), "has no variables"),
        (dimod.BinaryQuadraticModel({("a", 1): 1.0}, {}, "SPIN"), "QuantumSchedulerSampler takes any label"),
        (dimod.BinaryQuadraticModel({"a" * 201: 1.0}, {}, "SPIN"), "more than 200 characters"),
    ],
)
def test_what_is_wrong_with_a_problem_is_said(problem: dict[str, object], reason: str) -> None:
    with pytest.raises(ProblemInvalid, match=reason):
        solve(problem, time_limit_s=1)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.json"):
        solve(tmp_path / "absent.json")


def test_what_is_no_problem_at_all_is_refused() -> None:
    with pytest.raises(TypeError, match="not list"):
        solve([PLAN])  # type: ignore[arg-type]  # the mistake is what is tested


def test_limits_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match=r"time_limit_s must be a number from 0\.01"):
        solve(PLAN, time_limit_s=0)
    with pytest.raises(ValueError, match="threads must be a whole number from 1 to 256, not 0"):
        solve(PLAN, threads=0)
    with pytest.raises(ValueError, match=r"target must be a number of at most 1e\+300 in size"):
        solve(PLAN, target=10**400)
    with pytest.raises(BackendError, match="only the search of a binary model counts flips"):
        solve(PLAN, flips_max=100)


def test_a_search_ends_at_its_target_or_after_so_many_flips() -> None:
    good = solve(DATA / "bqpqka_9.qubo.gz", time_limit_s=60, target=-100)
    few, again = (solve(DATA / "bqpqka_9.qubo.gz", time_limit_s=60, flips_max=500) for _ in range(2))
    assert good.objective is not None
    assert good.objective <= -100
    assert few.reproducible
    assert few.solution == again.solution


def test_a_backend_that_cannot_is_named() -> None:
    with pytest.raises(BackendUnknown, match="'nowhere'"):
        solve(PLAN, backend="nowhere")
    wide = dimod.BinaryQuadraticModel(dict.fromkeys(range(6000), 1.0), {}, "SPIN")
    with pytest.raises(BackendError, match="simulator"):
        solve(wide, backend="simulator")


def test_the_guide_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL):
        exec(block, {})
    schedule, *shop, measured, energies, method, model = capsys.readouterr().out.splitlines()
    assert schedule.startswith("optimal 7 [{'task': 'cut'")
    assert shop == ["10 13 door Ann Bo", "6 10 frame Bo", "13 15 polish Ann"]
    assert measured == "optimal 0 345"
    assert energies == "True True True"
    assert method.endswith(" True")
    assert model == "-1.0 optimal -1"


def test_importing_the_package_imports_nothing_behind_it() -> None:
    line = (
        "import quantum_scheduler, sys;"
        "late = {'numpy', 'pydantic', 'dimod', 'ortools', 'numba', 'quantum_scheduler.library'} & set(sys.modules);"
        "sys.exit(bool(late) or set(quantum_scheduler.__all__) - set(dir(quantum_scheduler)) != set())"
    )
    assert subprocess.run([sys.executable, "-c", line], check=False).returncode == 0


def test_every_name_of_the_package_can_be_had_and_no_other() -> None:
    assert all(getattr(quantum_scheduler, name) for name in quantum_scheduler.__all__)
    with pytest.raises(AttributeError, match="solv"):
        quantum_scheduler.solv  # type: ignore[attr-defined]  # noqa: B018  the mistake is what is tested
