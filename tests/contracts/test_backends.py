"""The conformance kit: what every installed backend must do, whoever wrote it."""

import json
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from quantum_scheduler.backends.load import list_backends, load_backend
from quantum_scheduler.backends.model import Answer, BackendError, Limits
from quantum_scheduler.backends.port import Backend
from quantum_scheduler.backends.run import run_backend
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import BinarySolution, Number, VarType
from quantum_scheduler.problems.verify import verify

LIMITS = Limits(time_limit_s=2.0, seed=7)
PATIENCE_S = 60.0


@pytest.fixture(params=list_backends())
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    loaded = load_backend(request.param)
    yield loaded
    loaded.close()


@pytest.fixture(params=["BINARY", "SPIN"])
def problem(request: pytest.FixtureRequest) -> BinaryProblem:
    return tiny_model(request.param)


def tiny_model(vartype: VarType) -> BinaryProblem:
    """Six variables that all depend on each other, labelled in no order with numbers and text."""
    return BinaryProblem(
        vartype=vartype,
        labels=("b", 3, "a", 1, "x y", -2),
        linear=np.array([3, -5, 2, 0, -1, 4]),
        head=np.array([0, 0, 1, 2, 3, 1, 0], dtype=np.int32),
        tail=np.array([1, 5, 2, 3, 4, 4, 2], dtype=np.int32),
        weight=np.array([-4, -7, 6, -5, 3, 2, 1]),
        offset=11,
    )


def least_energy(problem: BinaryProblem) -> Number:
    values = (0, 1) if problem.vartype == "BINARY" else (-1, 1)
    energies = []
    for state in product(values, repeat=len(problem.labels)):
        verdict = verify(problem, BinarySolution(values=dict(zip(problem.labels, state, strict=True))))
        assert verdict.objective is not None
        energies.append(verdict.objective)
    return min(energies)


def run(backend: Backend, problem: BinaryProblem, key: str = "k") -> Answer:
    return run_backend(backend, problem, LIMITS, key=key, report=lambda progress: None, grace_s=PATIENCE_S)


def test_a_backend_goes_by_the_name_it_is_installed_under(backend: Backend, request: pytest.FixtureRequest) -> None:
    assert backend.name == request.node.callspec.params["backend"]


def test_a_tiny_model_is_solved_to_its_least_energy_under_the_customers_labels(
    backend: Backend, problem: BinaryProblem
) -> None:
    answer = run(backend, problem)
    verdict = verify(problem, answer.solutions[0])
    assert verdict.feasible, verdict.violations
    assert verdict.objective == least_energy(problem)


def test_the_claimed_objective_is_that_of_the_first_candidate_and_no_other_is_better(
    backend: Backend, problem: BinaryProblem
) -> None:
    answer = run(backend, problem)
    objectives = [verify(problem, solution).measures["energy"] for solution in answer.solutions]
    assert answer.claimed_objective == objectives[0]
    assert objectives == sorted(objectives)


def test_the_same_seed_and_limits_give_the_same_answer(backend: Backend, problem: BinaryProblem) -> None:
    first, second = run(backend, problem, "one"), run(backend, problem, "two")
    assert first.solutions[0] == second.solutions[0]


def test_a_handle_survives_json_and_is_all_that_is_needed_to_poll_and_fetch(
    backend: Backend, problem: BinaryProblem
) -> None:
    handle = json.loads(json.dumps(dict(backend.submit(problem, LIMITS, key="k"))))
    assert backend.poll(handle).state in {"queued", "running", "done"}
    assert backend.result(handle, problem).solutions
    assert backend.poll(handle).state == "done"


def test_a_submission_can_be_cancelled_by_its_handle_at_any_time(backend: Backend, problem: BinaryProblem) -> None:
    handle = json.loads(json.dumps(dict(backend.submit(problem, LIMITS, key="k"))))
    backend.cancel(handle)
    backend.cancel(handle)


def test_a_handle_nobody_gave_out_is_an_error_of_the_port(backend: Backend) -> None:
    with pytest.raises(BackendError):
        backend.poll({"key": "never submitted"})


def test_nothing_is_recovered_under_a_key_that_was_never_used(backend: Backend) -> None:
    assert backend.recover("never used") is None


def test_an_estimate_says_whether_it_fits_and_what_it_takes(backend: Backend, problem: BinaryProblem) -> None:
    estimate = backend.estimate(problem, LIMITS)
    assert estimate.fits
    assert estimate.seconds > 0
    assert estimate.cost_usd is None or estimate.cost_usd >= 0


def test_a_model_over_its_limit_does_not_fit_and_it_says_why(backend: Backend) -> None:
    count = backend.capabilities().variables_max + 1
    none = np.zeros(0, dtype=np.int32)
    huge = BinaryProblem(
        vartype="BINARY",
        labels=tuple(range(count)),
        linear=np.ones(count, dtype=np.int64),
        head=none,
        tail=none,
        weight=np.zeros(0, dtype=np.int64),
        offset=0,
    )
    estimate = backend.estimate(huge, LIMITS)
    assert not estimate.fits
    assert f"{count:,}" in estimate.why


def test_health_answers_with_a_status_and_a_reason_where_it_is_down(backend: Backend) -> None:
    health = backend.health(timeout_s=1.0)
    assert health.status in {"up", "degraded", "down"}
    assert health.status == "up" or health.message


def test_every_backend_takes_binary_models(backend: Backend) -> None:
    capabilities = backend.capabilities()
    assert "binary" in capabilities.problem_types
    assert capabilities.variables_max >= 1
