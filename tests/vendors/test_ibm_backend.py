"""What is IBM's alone: its devices, its prices, and its SDK, which would wait for a minute where it is refused."""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.vendors.gate_cases import environment, line

from quantum_scheduler.backends.credentials import use_credentials
from quantum_scheduler.backends.ibm import PAIRS, SHOTS, IbmBackend
from quantum_scheduler.backends.ibm.device import Device, choose_device
from quantum_scheduler.backends.ibm.rest import find_account
from quantum_scheduler.backends.ibm.sampler import Order, submit_order
from quantum_scheduler.backends.model import BackendError, Limits
from quantum_scheduler.backends.qaoa.angles import choose_angles
from quantum_scheduler.backends.qaoa.ising import read_ising
from quantum_scheduler.backends.spins import SpinModel
from quantum_scheduler.testing.conformance import tiny_model
from quantum_scheduler.testing.ibm_devices import BUSY, LOOPBACK
from quantum_scheduler.testing.ibm_server import IbmServer

LIMITS = Limits(time_limit_s=5.0)


@pytest.fixture
def server() -> Iterator[IbmServer]:
    server = IbmServer()
    server.start()
    with environment(server.environment()):
        yield server
    server.stop()


def device(name: str, *, qubits: int = 20, online: bool = True, queue_depth: int = 0) -> Device:
    return Device(name=name, qubits=qubits, online=online, queue_depth=queue_depth)


def test_the_shortest_queue_among_devices_that_are_large_enough_and_online_is_taken() -> None:
    devices = [
        device("long", queue_depth=9),
        device("short", queue_depth=3),
        device("small", qubits=4),
        device("away", online=False),
    ]
    assert choose_device(devices, name=None, qubits=10).name == "short"
    assert choose_device(devices, name="long", qubits=10).name == "long"


@pytest.mark.parametrize(
    ("name", "qubits", "kind"),
    [("nowhere", 1, "unavailable"), (None, 21, "too_large"), ("small", 5, "too_large"), ("away", 5, "offline")],
)
def test_a_device_that_will_not_do_is_refused_with_what_follows(name: str | None, qubits: int, kind: str) -> None:
    devices = [device("large"), device("small", qubits=4), device("away", online=False)]
    with pytest.raises(BackendError) as raised:
        choose_device(devices, name=name, qubits=qubits)
    assert raised.value.kind == kind


@pytest.mark.usefixtures("server")
def test_a_device_can_be_named_and_its_size_is_known_once_it_was_asked() -> None:
    with environment({"IBM_BACKEND": BUSY.name}), closing(IbmBackend()) as backend:
        assert backend.health(30.0).queue_depth == BUSY.queue_length
        assert backend.capabilities().variables_max == BUSY.qubits
        with pytest.raises(BackendError, match="8") as raised:
            backend.submit(line(9), LIMITS, key="k")
    assert raised.value.kind == "too_large"


def test_the_cost_is_told_before_anything_is_submitted() -> None:
    estimate = IbmBackend().estimate(tiny_model("SPIN"), LIMITS)
    assert estimate.billable["executions"] == PAIRS * SHOTS
    assert estimate.cost_usd == pytest.approx(1.6 * estimate.seconds)
    assert estimate.qpu_seconds == estimate.seconds


def test_spent_time_of_the_instance_is_noticed_before_anything_is_submitted(server: IbmServer) -> None:
    server.switch.set("quota")
    with closing(IbmBackend()) as backend:
        assert backend.health(30.0).error == "quota"
        with pytest.raises(BackendError) as raised:
            backend.submit(tiny_model("SPIN"), LIMITS, key="k")
    assert raised.value.kind == "quota"
    assert server.submissions() == ()


@pytest.mark.parametrize("wrong", [{"IBM_TOKEN": "wrong-key"}, {"IBM_INSTANCE": "crn:v1:a:b:c:us-east:a/b:no::"}])
def test_a_wrong_key_and_a_wrong_instance_are_refused_as_such(server: IbmServer, wrong: dict[str, str]) -> None:
    with use_credentials(wrong), closing(IbmBackend()) as backend:
        health = backend.health(30.0)
    assert (health.status, health.error) == ("down", "auth")
    assert "wrong-key" not in health.message


def test_the_sdk_is_not_waited_for_where_it_is_refused_after_the_checks(server: IbmServer) -> None:
    ising = read_ising(SpinModel(tiny_model("SPIN")))
    order = Order(
        ising=ising,
        angles=choose_angles(ising, pairs=1),
        shots=1,
        seed=0,
        device=LOOPBACK.name,
        tags=("t",),
        mark="m",
        seconds=1.0,
    )
    server.switch.set("auth")
    began_s = time.monotonic()
    with pytest.raises(BackendError) as raised:
        submit_order(find_account(), order, timeout_s=0.5)
    assert raised.value.kind == "timeout"
    assert time.monotonic() - began_s < 30.0
    assert server.submissions() == ()
