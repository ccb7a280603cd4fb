"""IBM's and Braket's backends, through their SDKs, against stand-ins that simulate each circuit and have each fault."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from tests.vendors.gate_cases import environment, line, schedule, sixteen_variables, take_over

from quantum_scheduler.backends.braket import BraketBackend
from quantum_scheduler.backends.ibm import IbmBackend
from quantum_scheduler.backends.model import Answer, BackendError, ErrorKind, Handle, Limits
from quantum_scheduler.backends.port import Backend
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.solving.compute import solve_problem
from quantum_scheduler.solving.model import Result, SolveRequest
from quantum_scheduler.testing import braket_server, ibm_server
from quantum_scheduler.testing.conformance import tiny_model
from quantum_scheduler.testing.faults import Fault
from quantum_scheduler.testing.port import VendorServer

LIMITS = Limits(time_limit_s=5.0)
# Long enough for a loaded machine; what would hang, hangs for a minute or for ever.
PATIENCE_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """A vendor's backend and the stand-in for its cloud."""

    name: str
    open_server: Callable[[], VendorServer]
    open_backend: Callable[[], Backend]
    open_hurried: Callable[[], Backend]  # gives up after half a second
    secret: str
    sdk: str


IBM = Vendor(
    name="ibm",
    open_server=ibm_server.IbmServer,
    open_backend=lambda: IbmBackend(timeout_s=PATIENCE_S, submit_timeout_s=4 * PATIENCE_S),
    open_hurried=lambda: IbmBackend(timeout_s=0.5),
    secret=ibm_server.API_KEY,
    sdk="qiskit_ibm_runtime",
)
BRAKET = Vendor(
    name="braket",
    open_server=braket_server.BraketServer,
    open_backend=lambda: BraketBackend(timeout_s=PATIENCE_S),
    open_hurried=lambda: BraketBackend(timeout_s=0.5),
    secret=braket_server.SECRET_KEY,
    sdk="boto3",
)


@pytest.fixture(params=[IBM, BRAKET], ids=lambda vendor: vendor.name)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    chosen: Vendor = request.param
    return chosen


@pytest.fixture
def server(vendor: Vendor) -> Iterator[VendorServer]:
    server = vendor.open_server()
    server.start()
    with environment(server.environment()):
        yield server
    server.stop()


@pytest.fixture
def backend(vendor: Vendor, server: VendorServer) -> Iterator[Backend]:
    with closing(vendor.open_backend()) as backend:
        yield backend


def solve(problem: Problem, name: str) -> Result:
    return solve_problem(problem, SolveRequest(backend=name), report=lambda progress: None)


def wait_for_end(backend: Backend, handle: Handle) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while backend.poll(handle).state in {"queued", "running"}:
        assert time.monotonic() < give_up_s
        time.sleep(0.02)


def submit_and_fetch(backend: Backend, problem: Problem) -> Answer:
    handle = backend.submit(problem, LIMITS, key="k")
    wait_for_end(backend, handle)
    return backend.result(handle, problem)


def fail(act: Callable[[], object]) -> BackendError:
    began_s = time.monotonic()
    with pytest.raises(BackendError) as raised:
        act()
    assert time.monotonic() - began_s < PATIENCE_S
    return raised.value


@pytest.mark.usefixtures("server")
def test_sixteen_variables_are_solved_to_the_optimum_and_what_was_measured_is_told(vendor: Vendor) -> None:
    result = solve(sixteen_variables(), vendor.name)
    assert result.objective == solve(sixteen_variables(), "classical").objective
    assert (result.backend, result.status, result.verified, result.reproducible) == (
        vendor.name,
        "feasible",
        True,
        False,
    )
    told = result.info
    assert told["mean_energy"] < told["random_energy"]
    # Without noise and with hundreds of shots, the mean is where theory has it: a wrong order of bits is far off.
    assert abs(told["mean_energy"] - told["expected_energy"]) < 0.2 * abs(told["random_energy"] - told["mean_energy"])
    assert 0 <= told["probability_of_best"] < 0.5
    assert told["cost_usd"] > 0


@pytest.mark.usefixtures("server")
def test_a_small_schedule_is_solved_as_a_binary_model(vendor: Vendor) -> None:
    result = solve(schedule(), vendor.name)
    assert (result.objective, result.backend, result.verified) == (5, vendor.name, True)
    assert "QUBO, 4 variables" in result.info["encoding"]


def test_another_process_goes_on_from_the_handle_and_nothing_is_submitted_twice(
    vendor: Vendor, server: VendorServer
) -> None:
    problem = sixteen_variables()
    with closing(vendor.open_backend()) as backend:
        handle = backend.submit(problem, LIMITS, key="job 1")
    told = take_over(vendor.name, handle, problem, server.environment())
    assert told["objective"] == solve(problem, "classical").objective
    assert [submission.vendor_id for submission in server.submissions()] == [told["vendor_id"]]


def test_what_was_submitted_before_a_crash_is_found_by_its_key(
    vendor: Vendor, server: VendorServer, backend: Backend
) -> None:
    handle = backend.submit(tiny_model("SPIN"), LIMITS, key="before the crash")
    backend.submit(tiny_model("SPIN"), LIMITS, key="another")
    with closing(vendor.open_backend()) as other:
        assert other.recover("before the crash") == handle
        assert other.recover("never used") is None
    assert len(server.submissions()) == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("rate_limit", "rate_limit"),
        ("server_error", "unavailable"),
        ("auth", "auth"),
        ("offline", "offline"),
        ("quota", "quota"),
        ("job_failed", "job_failed"),
        ("wrong_energy", "integrity"),
        ("dropped", "unavailable"),
    ],
)
def test_every_fault_is_told_by_its_kind_with_the_vendors_words_and_without_the_key(
    vendor: Vendor, server: VendorServer, backend: Backend, fault: Fault, kind: ErrorKind
) -> None:
    server.switch.set(fault)
    error = fail(lambda: submit_and_fetch(backend, tiny_model("BINARY")))
    assert error.kind == kind
    assert str(error).startswith(f"{vendor.name}: ")
    assert vendor.secret not in repr(error)
    assert vendor.secret not in repr(error.__cause__)


def test_a_rate_limit_says_when_to_come_again(server: VendorServer, backend: Backend) -> None:
    server.switch.set("rate_limit")
    assert fail(lambda: submit_and_fetch(backend, tiny_model("BINARY"))).retry_after_s == ibm_server.RETRY_AFTER_S


def test_once_a_fault_is_over_the_same_key_succeeds(server: VendorServer, backend: Backend) -> None:
    server.switch.set("server_error")
    fail(lambda: submit_and_fetch(backend, tiny_model("BINARY")))
    server.switch.set("none")
    assert submit_and_fetch(backend, tiny_model("BINARY")).claimed_objective == 2
    assert len(server.submissions()) == 1


def test_a_submission_that_is_stuck_stays_queued_until_it_is_cancelled(server: VendorServer, backend: Backend) -> None:
    server.switch.set("stuck")
    handle = backend.submit(tiny_model("BINARY"), LIMITS, key="k")
    assert backend.poll(handle).state == "queued"
    backend.cancel(handle)
    assert backend.poll(handle).state == "cancelled"
    assert fail(lambda: backend.result(handle, tiny_model("BINARY"))).kind == "job_failed"


def test_a_submission_that_has_ended_can_be_cancelled_without_harm(backend: Backend) -> None:
    handle = backend.submit(tiny_model("BINARY"), LIMITS, key="k")
    wait_for_end(backend, handle)
    backend.cancel(handle)
    assert backend.poll(handle).state == "done"


def test_a_vendor_that_is_slow_is_not_waited_for(vendor: Vendor, server: VendorServer) -> None:
    server.switch.set("slow")
    with closing(vendor.open_hurried()) as backend:
        assert fail(lambda: backend.submit(tiny_model("BINARY"), LIMITS, key="k")).kind == "timeout"
        assert fail(lambda: backend.recover("k")).kind == "timeout"
    assert server.submissions() == ()


@pytest.mark.parametrize(
    ("fault", "error"),
    [("auth", "auth"), ("offline", "offline"), ("server_error", "unavailable"), ("dropped", "unavailable")],
)
def test_health_is_down_for_a_reason_that_is_told(
    server: VendorServer, backend: Backend, fault: Fault, error: ErrorKind
) -> None:
    assert backend.health(PATIENCE_S).status == "up"
    server.switch.set(fault)
    health = backend.health(PATIENCE_S)
    assert (health.status, health.error) == ("down", error)
    assert health.message


def test_health_is_told_in_time_by_a_vendor_that_is_slow(server: VendorServer, backend: Backend) -> None:
    server.switch.set("slow")
    began_s = time.monotonic()
    health = backend.health(0.2)
    assert (health.status, health.error) == ("down", "timeout")
    assert time.monotonic() - began_s < PATIENCE_S


def test_without_an_account_health_and_submission_name_what_is_missing(vendor: Vendor) -> None:
    nobody = dict.fromkeys(
        ("IBM_TOKEN", "QISKIT_IBM_TOKEN", "IBM_INSTANCE", "AWS_ACCESS_KEY_ID", "AMZN_BRAKET_OUT_S3_BUCKET"), ""
    )
    with environment(nobody), closing(vendor.open_backend()) as backend:
        health = backend.health(PATIENCE_S)
        assert (health.status, health.error) == ("down", "auth")
        assert "is not set" in health.message
        error = fail(lambda: backend.submit(tiny_model("BINARY"), LIMITS, key="k"))
        assert error.kind == "auth"


def test_a_missing_sdk_is_down_and_named_with_its_pip_command(vendor: Vendor, server: VendorServer) -> None:
    script = (
        f"import sys; sys.modules[{vendor.sdk!r}] = None\n"
        "from quantum_scheduler.backends.check import check_backend\n"
        f"health = check_backend({vendor.name!r}, timeout_s=5.0)\n"
        "print(health.status, health.error, health.message)"
    )
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert finished.stdout.startswith("down unavailable")
    assert f"pip install 'quantum-scheduler[{vendor.name}]'" in finished.stdout


def test_a_result_of_another_submission_is_refused(backend: Backend) -> None:
    one, other = tiny_model("BINARY"), tiny_model("SPIN")
    first, second = backend.submit(one, LIMITS, key="1"), backend.submit(other, LIMITS, key="2")
    wait_for_end(backend, first)
    wait_for_end(backend, second)
    identity = {"job", "task"}
    mixed = {name: (first if name in identity else second)[name] for name in first}
    assert fail(lambda: backend.result(mixed, one)).kind == "integrity"
    assert fail(lambda: backend.result(first, sixteen_variables())).kind == "integrity"


def test_a_model_larger_than_the_device_is_refused_before_anything_is_submitted(
    server: VendorServer, backend: Backend
) -> None:
    assert fail(lambda: backend.submit(line(21), LIMITS, key="k")).kind == "too_large"
    assert backend.health(PATIENCE_S).status == "up"
    assert backend.capabilities().variables_max == 20
    assert "21 variables" in backend.estimate(line(21), LIMITS).why
    assert backend.estimate(line(20), LIMITS).fits
    assert server.submissions() == ()
