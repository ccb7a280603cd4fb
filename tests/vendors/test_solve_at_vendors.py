"""From a problem to a verified result through each vendor's SDK and wire protocol."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from quantum_scheduler.backends.dwave import DWaveBackend
from quantum_scheduler.backends.dynex import DynexBackend
from quantum_scheduler.backends.load import load_backend
from quantum_scheduler.backends.model import BackendError, Limits
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.read import read_document
from quantum_scheduler.problems.schedule import ScheduleProblem
from quantum_scheduler.solving.compute import solve_problem
from quantum_scheduler.solving.model import SolveRequest
from quantum_scheduler.testing.conformance import tiny_model

PLACES = [
    ("dwave", {}),
    ("dwave", {"DWAVE_MODE": "bqm"}),
    ("dwave", {"DWAVE_MODE": "cqm"}),
    ("dynex", {}),
    ("dynex", {"DYNEX_COMPUTE_BACKEND": "qpu"}),
]
SCHEDULE = {
    "kind": "schedule",
    "agents": [{"id": "Ann"}, {"id": "Bo"}, {"id": "Cy", "skills": ["weld"]}],
    "tasks": [
        {"id": "cut", "duration": 4},
        {"id": "sew", "duration": 3, "dependencies": ["cut"]},
        {"id": "weld", "duration": 5, "skills": ["weld"]},
        {"id": "pack", "duration": 2, "agents": 2},
        {"id": "ship", "duration": 1, "dependencies": ["pack", "weld"]},
    ],
}
RESUME = """
import json, sys
from quantum_scheduler.backends.load import load_backend
from quantum_scheduler.testing.conformance import tiny_model
name, handle = json.load(sys.stdin)
backend = load_backend(name)
while backend.poll(handle).state != "done":
    pass
print(backend.result(handle, tiny_model("SPIN")).claimed_objective)
"""


def dense_qubo() -> BinaryProblem:
    """Sixteen variables, each paired with every other."""
    chance = np.random.default_rng(3)
    head, tail = np.triu_indices(16, 1)
    return BinaryProblem(
        vartype="BINARY",
        labels=tuple(f"x{v}" for v in range(16)),
        linear=chance.integers(-20, 20, 16),
        head=head.astype(np.int32),
        tail=tail.astype(np.int32),
        weight=chance.integers(1, 20, len(head)),
        offset=5,
    )


def least_energy_of(problem: BinaryProblem) -> int:
    states = np.array(list(product((0, 1), repeat=len(problem.labels))))
    pairs = states[:, problem.head] * states[:, problem.tail]
    return int((states @ problem.linear + pairs @ problem.weight).min() + problem.offset)


@pytest.mark.parametrize(("name", "options"), PLACES)
def test_a_qubo_of_16_variables_is_solved_to_its_optimum_and_verified(
    connect: Callable[..., Any], name: str, options: dict[str, str]
) -> None:
    server = connect(name, **options)
    before = len(server.submissions())
    result = solve_problem(dense_qubo(), SolveRequest(backend=name, time_limit_s=1), report=lambda progress: None)
    assert result.backend == name
    assert result.verified
    assert result.objective == least_energy_of(dense_qubo())
    assert not result.reproducible
    assert len(server.submissions()) == before + 1


@pytest.mark.parametrize(("name", "options"), [*PLACES, ("dwave", {"DWAVE_MODE": "qpu"})])
def test_a_small_schedule_is_solved_and_verified(
    connect: Callable[..., Any], name: str, options: dict[str, str]
) -> None:
    connect(name, **options)
    problem = read_document(json.dumps(SCHEDULE).encode())
    result = solve_problem(problem, SolveRequest(backend=name, time_limit_s=1), report=lambda progress: None)
    assert result.verified
    assert result.status == "feasible"
    assert result.objective == 8  # which is the optimum
    assert "assignment" in result.info["encoding"]


def test_schedules_go_to_the_solver_of_constraints_as_constraints(connect: Callable[..., Any]) -> None:
    server = connect("dwave")
    problem = read_document(json.dumps(SCHEDULE).encode())
    assert isinstance(problem, ScheduleProblem)
    backend = DWaveBackend()
    handle = backend.submit(problem, Limits(time_limit_s=1), key="constraints")
    assert handle["route"] == "cqm"
    assert server.submissions()[-1].key == "constraints"
    assert "CQM" in backend.result(handle, problem).info["encoding"]


def test_a_model_that_does_not_fit_on_the_annealer_goes_to_the_hybrid_solver(connect: Callable[..., Any]) -> None:
    connect("dwave")
    chance = np.random.default_rng(1)
    head, tail = np.triu_indices(100, 1)
    complete = BinaryProblem(
        vartype="SPIN",
        labels=tuple(range(100)),
        linear=np.zeros(100, dtype=np.int64),
        head=head.astype(np.int32),
        tail=tail.astype(np.int32),
        weight=chance.choice([-1, 1], len(head)),
        offset=0,
    )
    assert DWaveBackend().submit(complete, Limits(time_limit_s=1), key="k")["route"] == "bqm"
    connect("dwave", DWAVE_MODE="qpu")
    with pytest.raises(BackendError) as raised:
        DWaveBackend().submit(complete, Limits(time_limit_s=1), key="k")
    assert raised.value.kind == "too_large"


def test_what_is_too_strong_for_the_qpu_is_scaled_and_its_energies_scaled_back(connect: Callable[..., Any]) -> None:
    connect("dynex", DYNEX_COMPUTE_BACKEND="qpu")
    problem = dense_qubo()
    strong = BinaryProblem(
        vartype="SPIN",
        labels=problem.labels,
        linear=problem.linear * 1000,
        head=problem.head,
        tail=problem.tail,
        weight=problem.weight * 1000,
        offset=-123,
    )
    backend = DynexBackend()
    answer = backend.result(backend.submit(strong, Limits(), key="k"), strong)
    assert isinstance(answer.claimed_objective, int)
    assert answer.info["price_per_block"] == 0.025


@pytest.mark.parametrize("mode", ["qpu", "bqm"])
def test_time_on_the_quantum_computer_is_expected_before_and_told_after(connect: Callable[..., Any], mode: str) -> None:
    connect("dwave", DWAVE_MODE=mode)
    backend, limits = DWaveBackend(), Limits(time_limit_s=1)
    answer = backend.result(backend.submit(dense_qubo(), limits, key=mode), dense_qubo())
    assert backend.estimate(dense_qubo(), limits).qpu_seconds > 0
    assert answer.info["qpu_seconds"] > 0


def test_a_price_by_contract_makes_an_estimate_a_sum_of_money(connect: Callable[..., Any]) -> None:
    connect("dwave", DWAVE_MODE="bqm", DWAVE_USD_PER_HYBRID_HOUR="360")
    estimate = DWaveBackend().estimate(dense_qubo(), Limits(time_limit_s=20))
    assert estimate.billable == {"hybrid_s": 20.0}
    assert estimate.cost_usd == pytest.approx(2.0)
    assert estimate.qpu_seconds == 20.0
    connect("dwave", DWAVE_MODE="qpu", DWAVE_USD_PER_QPU_HOUR="cheap")
    with pytest.raises(BackendError, match="DWAVE_USD_PER_QPU_HOUR"):
        DWaveBackend().estimate(dense_qubo(), Limits())


@pytest.mark.parametrize("name", ["dwave", "dynex"])
def test_another_process_goes_on_from_the_handle(connect: Callable[..., Any], name: str) -> None:
    server = connect(name)
    backend = load_backend(name)
    handle = backend.submit(tiny_model("SPIN"), Limits(time_limit_s=1), key="k")
    ended = subprocess.run(
        [sys.executable, "-c", RESUME],
        input=json.dumps([name, dict(handle)]),
        env={**os.environ, **server.environment()},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert ended.stdout.strip() == str(backend.result(handle, tiny_model("SPIN")).claimed_objective)
