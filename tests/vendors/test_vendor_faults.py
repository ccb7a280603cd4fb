"""Each fault of each vendor becomes the error that says what follows from it, and none of them hangs or hides."""

import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from quantum_scheduler.backends.check import check_backend
from quantum_scheduler.backends.credentials import use_credentials
from quantum_scheduler.backends.load import load_backend
from quantum_scheduler.backends.model import BackendError, Limits
from quantum_scheduler.backends.run import run_backend
from quantum_scheduler.backends.within import call_within
from quantum_scheduler.solving.compute import solve_problem
from quantum_scheduler.solving.model import SolveRequest
from quantum_scheduler.testing.conformance import tiny_model

LIMITS = Limits(time_limit_s=0.2)
NAMES = ["dwave", "dynex"]
# Of a machine that does much else.
PATIENCE_S = 30.0
SECRETS = {"dwave": "DWAVE_API_TOKEN", "dynex": "DYNEX_SDK_KEY"}
# The faults that health shows, with what it and every call after it then say.
SHOWN = {
    "rate_limit": "rate_limit",
    "server_error": "unavailable",
    "auth": "auth",
    "offline": "offline",
    "dropped": "unavailable",
}
# Those that only show later, in a run from submission to answer.
HIDDEN = {"quota": "quota", "stuck": "timeout", "job_failed": "job_failed", "wrong_energy": "integrity"}
MISSING = """
import sys
sys.modules[sys.argv[2]] = None
from quantum_scheduler.backends.check import check_backend
health = check_backend(sys.argv[1], timeout_s=5.0)
print(health.status, health.error, health.message)
"""


def run(name: str) -> Any:
    with closing(load_backend(name)) as backend:
        return run_backend(backend, tiny_model("SPIN"), LIMITS, key="k", report=print, grace_s=0.0, cancel_grace_s=0.0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("fault", "kind"), SHOWN.items())
def test_a_fault_of_the_vendor_shows_in_health_and_on_submission(
    connect: Callable[..., Any], name: str, fault: str, kind: str
) -> None:
    connect(name).switch.set(fault)
    with closing(load_backend(name)) as backend:
        health = backend.health(PATIENCE_S)
        with pytest.raises(BackendError) as raised:
            backend.submit(tiny_model("SPIN"), LIMITS, key="k")
    assert (health.status, health.error) == ("down", kind)
    assert health.message.startswith(name)
    assert raised.value.kind == kind


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("fault", "kind"), HIDDEN.items())
def test_a_fault_of_a_job_ends_its_run(connect: Callable[..., Any], name: str, fault: str, kind: str) -> None:
    server = connect(name)
    server.switch.set(fault)
    with closing(load_backend(name)) as backend:
        assert backend.health(PATIENCE_S).status == "up"
    with pytest.raises(BackendError) as raised:
        run(name)
    assert raised.value.kind == kind


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", ["server_error", "dropped", "auth"])
def test_a_fault_between_submission_and_answer_is_told_and_leaves_the_answer_to_be_fetched_later(
    connect: Callable[..., Any], name: str, fault: str
) -> None:
    server = connect(name)
    with closing(load_backend(name)) as backend:
        handle = backend.submit(tiny_model("SPIN"), LIMITS, key="k")
        server.switch.set(fault)
        for call in (lambda: backend.poll(handle), lambda: backend.result(handle, tiny_model("SPIN"))):
            with pytest.raises(BackendError) as raised:
                call()
            assert raised.value.kind == SHOWN[fault]
        server.switch.set("none")
        assert backend.result(handle, tiny_model("SPIN")).solutions


@pytest.mark.parametrize("name", NAMES)
def test_the_vendor_says_when_to_come_back(connect: Callable[..., Any], name: str) -> None:
    connect(name).switch.set("rate_limit")
    with pytest.raises(BackendError) as raised:
        run(name)
    assert raised.value.retry_after_s == 7


@pytest.mark.parametrize("name", NAMES)
def test_a_slow_vendor_is_told_by_health_in_time(connect: Callable[..., Any], name: str) -> None:
    connect(name).switch.set("slow")
    with closing(load_backend(name)) as backend:
        health = backend.health(0.3)
    assert (health.status, health.error) == ("down", "timeout")


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_energy_never_becomes_an_answer(connect: Callable[..., Any], name: str) -> None:
    connect(name).switch.set("wrong_energy")
    request = SolveRequest(backend=name, time_limit_s=0.2)
    with pytest.raises(BackendError, match="claimed") as raised:
        solve_problem(tiny_model("BINARY"), request, report=lambda progress: None)
    assert raised.value.kind == "integrity"


@pytest.mark.parametrize("name", NAMES)
def test_a_vendor_that_is_not_there_at_all_is_down(connect: Callable[..., Any], name: str) -> None:
    connect(name, DWAVE_API_ENDPOINT="http://127.0.0.1:9/sapi/v2/", DYNEX_GRPC_ENDPOINT="127.0.0.1:9")
    with closing(load_backend(name)) as backend:
        assert backend.health(PATIENCE_S).error == "unavailable"
        with pytest.raises(BackendError) as raised:
            backend.submit(tiny_model("SPIN"), LIMITS, key="k")
    assert raised.value.kind == "unavailable"


@pytest.mark.parametrize("name", NAMES)
def test_without_a_key_a_backend_is_down_and_names_the_variable(connect: Callable[..., Any], name: str) -> None:
    with use_credentials({"DYNEX_GRPC_ENDPOINT": "127.0.0.1:9"}), closing(load_backend(name)) as backend:
        health = backend.health(1.0)
    assert (health.status, health.error) == ("down", "auth")
    assert SECRETS[name] in health.message


@pytest.mark.parametrize(("name", "variable"), [("dwave", "DWAVE_MODE"), ("dynex", "DYNEX_COMPUTE_BACKEND")])
def test_a_choice_that_there_is_not_is_told_by_health(name: str, variable: str) -> None:
    with use_credentials({variable: "fastest"}):
        health = check_backend(name, timeout_s=1.0)
    assert (health.status, health.error) == ("down", "offline")
    assert f"{variable} is 'fastest'" in health.message


@pytest.mark.parametrize(("name", "module"), [("dwave", "dwave.cloud"), ("dynex", "dynex")])
def test_without_its_sdk_a_backend_is_down_and_names_the_command(name: str, module: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", MISSING, name, module], capture_output=True, text=True, timeout=120, check=True
    )
    assert ended.stdout.startswith("down offline")
    assert f"pip install 'quantum-scheduler[{name}]'" in ended.stdout


@pytest.mark.parametrize("name", NAMES)
def test_a_key_is_in_no_log_and_in_no_error(
    connect: Callable[..., Any], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = connect(name)
    secret = server.environment()[SECRETS[name]]
    with caplog.at_level(logging.DEBUG):
        run(name)
        server.switch.set("auth")
        with pytest.raises(BackendError) as raised:
            run(name)
    assert secret not in caplog.text
    assert secret not in str(raised.value)


def test_a_call_that_hangs_is_left_to_itself() -> None:
    never = threading.Event()
    with pytest.raises(BackendError) as raised:
        call_within(0.05, never.wait, what="the vendor")
    assert raised.value.kind == "timeout"
    never.set()
