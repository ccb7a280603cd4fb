"""The conformance kit: what every backend must do, whoever wrote it, as classes of tests to inherit from.

A plug-in's test file names its class and inherits; pytest does the rest:

    class TestMine(RemoteConformance):
        name = "mine"

        def open_backend(self) -> Backend:
            return MyBackend()

`docs/how-to/write-a-backend.md` says which class is for which backend.
"""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import product
from typing import ClassVar

import numpy as np
import pytest

from quantum_scheduler.backends.credentials import credential
from quantum_scheduler.backends.load import load_backend
from quantum_scheduler.backends.model import Answer, BackendError, Handle, Limits
from quantum_scheduler.backends.port import Backend
from quantum_scheduler.backends.run import run_backend
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import BinarySolution, Number, VarType
from quantum_scheduler.problems.verify import verify

HANDLE_BYTES_MAX = 64 * 1024
HEALTH_TIMEOUT_S = 30.0
# Of a machine that does much else: what importing an SDK may take on top.
GRACE_S = 60.0


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


def fractional_model() -> BinaryProblem:
    """Four variables, one of them alone, with coefficients that no double holds exactly."""
    return BinaryProblem(
        vartype="BINARY",
        labels=("p", "q", "r", "alone"),
        linear=np.array([0.1, -0.7, 0.2, 0.3]),
        head=np.array([0, 1], dtype=np.int32),
        tail=np.array([1, 2], dtype=np.int32),
        weight=np.array([-0.3, 1.1]),
        offset=0.7,
    )


def least_energy(problem: BinaryProblem) -> Number:
    """Try every state of a small model and return the least energy."""
    values = (0, 1) if problem.vartype == "BINARY" else (-1, 1)
    energies = []
    for state in product(values, repeat=len(problem.labels)):
        verdict = verify(problem, BinarySolution(values=dict(zip(problem.labels, state, strict=True))))
        assert verdict.objective is not None
        energies.append(verdict.objective)
    return min(energies)


def through_json(handle: Handle) -> Handle:
    """Give the handle as another process would read it."""
    text = json.dumps(dict(handle), allow_nan=False)
    assert len(text) <= HANDLE_BYTES_MAX
    restored: Handle = json.loads(text)
    return restored


class BackendConformance:
    """What holds for every backend. Inherit from one of the classes below, which say more."""

    name: ClassVar[str]  # what its entry point is called
    limits: ClassVar[Limits] = Limits(time_limit_s=2.0, seed=7)

    def open_backend(self) -> Backend:
        """Build a fresh instance, as another process would."""
        raise NotImplementedError

    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        """An instance that is closed after the test."""
        with closing(self.open_backend()) as backend:
            yield backend

    @pytest.fixture(params=["BINARY", "SPIN", "fractions"])
    def problem(self, request: pytest.FixtureRequest) -> BinaryProblem:
        """A small binary model of each kind."""
        return fractional_model() if request.param == "fractions" else tiny_model(request.param)

    def run(self, backend: Backend, problem: BinaryProblem, key: str = "k") -> Answer:
        """Submit, wait and fetch."""
        return run_backend(backend, problem, self.limits, key=key, report=lambda progress: None, grace_s=GRACE_S)

    def test_it_goes_by_the_name_it_is_installed_under(self, backend: Backend) -> None:
        assert backend.name == self.name
        with closing(load_backend(self.name)) as installed:
            assert type(installed) is type(backend)

    def test_it_says_what_it_can_take_and_binary_models_are_part_of_it(self, backend: Backend) -> None:
        capabilities = backend.capabilities()
        assert "binary" in capabilities.problem_types
        assert capabilities.variables_max >= 6

    def test_a_small_model_is_solved_to_its_least_energy_under_the_customers_labels(
        self, backend: Backend, problem: BinaryProblem
    ) -> None:
        answer = self.run(backend, problem)
        verdict = verify(problem, answer.solutions[0])
        assert verdict.feasible, verdict.violations
        assert verdict.objective == pytest.approx(least_energy(problem))

    def test_candidates_come_best_first_and_what_is_claimed_of_the_first_is_so(
        self, backend: Backend, problem: BinaryProblem
    ) -> None:
        answer = self.run(backend, problem)
        energies = [verify(problem, solution).measures["energy"] for solution in answer.solutions]
        assert energies == sorted(energies)
        assert answer.claimed_objective in (None, pytest.approx(energies[0]))

    def test_what_it_says_of_an_answer_is_json(self, backend: Backend) -> None:
        answer = self.run(backend, tiny_model("BINARY"))
        assert json.loads(json.dumps(dict(answer.info), allow_nan=False)) == answer.info

    def test_a_submission_can_be_cancelled_by_its_handle_more_than_once(self, backend: Backend) -> None:
        handle = through_json(backend.submit(tiny_model("BINARY"), self.limits, key="k"))
        backend.cancel(handle)
        backend.cancel(handle)

    def test_a_handle_nobody_gave_out_is_an_error_of_the_port(self, backend: Backend) -> None:
        nothing: Handle = {"key": "never submitted"}
        with pytest.raises(BackendError):
            backend.poll(nothing)
        with pytest.raises(BackendError):
            backend.result(nothing, tiny_model("BINARY"))
        with pytest.raises(BackendError):
            backend.cancel(nothing)

    def test_nothing_is_recovered_under_a_key_that_was_never_used(self, backend: Backend) -> None:
        assert backend.recover("never used") is None

    def test_an_estimate_says_that_it_fits_and_what_it_takes(self, backend: Backend, problem: BinaryProblem) -> None:
        estimate = backend.estimate(problem, self.limits)
        assert estimate.fits
        assert not estimate.why
        assert estimate.seconds > 0
        assert (estimate.cost_usd or 0) >= 0
        assert all(amount >= 0 for amount in estimate.billable.values())
        assert estimate.qpu_seconds >= 0

    def test_a_model_over_its_limit_does_not_fit_and_it_says_why(self, backend: Backend) -> None:
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
        estimate = backend.estimate(huge, self.limits)
        assert not estimate.fits
        assert f"{count:,}" in estimate.why

    def test_health_is_told_within_its_time(self, backend: Backend) -> None:
        began_s = time.monotonic()
        health = backend.health(HEALTH_TIMEOUT_S)
        assert health.status == "up", health.message
        assert time.monotonic() - began_s < HEALTH_TIMEOUT_S + GRACE_S

    def test_closing_twice_does_no_harm(self, backend: Backend) -> None:
        backend.close()
        backend.close()


class LocalConformance(BackendConformance):
    """For backends that compute in this process: a handle is good in the instance that gave it, and a seed decides."""

    def test_the_same_seed_and_limits_give_the_same_answer(self, backend: Backend, problem: BinaryProblem) -> None:
        first, second = self.run(backend, problem, "one"), self.run(backend, problem, "two")
        assert first.reproducible
        assert first.solutions[0] == second.solutions[0]

    def test_a_handle_survives_json_and_is_all_that_is_needed(self, backend: Backend, problem: BinaryProblem) -> None:
        handle = through_json(backend.submit(problem, self.limits, key="k"))
        assert backend.poll(handle).state in {"queued", "running", "done"}
        assert backend.result(handle, problem).solutions
        assert backend.poll(handle).state == "done"


class RemoteConformance(BackendConformance):
    """For backends that hand work over to somebody else: any process can go on from the handle alone."""

    credential_names: ClassVar[tuple[str, ...]] = ()  # of the credentials that no handle may hold

    def wait(self, handle: Handle) -> None:
        """Poll until the submission is done, each time from a fresh instance."""
        give_up_s = time.monotonic() + GRACE_S
        while True:
            with closing(self.open_backend()) as other:
                state = other.poll(handle).state
            assert state in {"queued", "running", "done"}
            assert time.monotonic() < give_up_s
            if state == "done":
                return
            time.sleep(0.02)

    def test_a_fresh_instance_finishes_what_a_closed_one_submitted(self, problem: BinaryProblem) -> None:
        with closing(self.open_backend()) as first:
            handle = through_json(first.submit(problem, self.limits, key="k"))
        self.wait(handle)
        with closing(self.open_backend()) as last:
            answer = last.result(handle, problem)
        assert verify(problem, answer.solutions[0]).objective == pytest.approx(least_energy(problem))

    def test_a_result_can_be_fetched_again(self, backend: Backend) -> None:
        problem = tiny_model("SPIN")
        handle = backend.submit(problem, self.limits, key="k")
        self.wait(handle)
        assert backend.result(handle, problem).solutions == backend.result(handle, problem).solutions

    def test_a_handle_holds_no_secret(self, backend: Backend) -> None:
        handle = json.dumps(dict(backend.submit(tiny_model("BINARY"), self.limits, key="k")))
        secrets = [credential(name) for name in self.credential_names]
        assert all(secrets)
        assert not [secret for secret in secrets if secret and secret in handle]

    def test_a_fresh_instance_can_cancel(self) -> None:
        with closing(self.open_backend()) as first:
            handle = through_json(first.submit(tiny_model("BINARY"), self.limits, key="k"))
        with closing(self.open_backend()) as other:
            other.cancel(handle)
            assert other.poll(handle).state in {"queued", "running", "done", "cancelled"}


class RecoverableConformance(RemoteConformance):
    """For remote backends whose vendor keeps the key: after a crash the submission is found, not made again."""

    def test_it_says_how_it_recovers(self, backend: Backend) -> None:
        assert backend.capabilities().idempotent_submit in {"token", "search"}

    def test_what_a_dead_process_submitted_is_found_by_its_key_and_finished(self, problem: BinaryProblem) -> None:
        with closing(self.open_backend()) as first:
            first.submit(problem, self.limits, key="before-the-crash")
        with closing(self.open_backend()) as other:
            handle = other.recover("before-the-crash")
            assert handle is not None
            self.wait(through_json(handle))
            answer = other.result(through_json(handle), problem)
        assert verify(problem, answer.solutions[0]).objective == pytest.approx(least_energy(problem))


class UnrecoverableConformance(RemoteConformance):
    """For remote backends whose vendor keeps no key: what a dead process submitted is for a person to look up."""

    def test_it_says_that_it_cannot_tell(self, backend: Backend) -> None:
        backend.submit(tiny_model("BINARY"), self.limits, key="before-the-crash")
        assert backend.capabilities().idempotent_submit == "none"
        assert backend.recover("before-the-crash") is None
