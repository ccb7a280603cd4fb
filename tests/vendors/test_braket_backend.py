"""What is Braket's alone: idempotent tokens, devices and prices; and Amazon's own SDK on the same stand-in."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from tests.vendors.gate_cases import environment, line

from quantum_scheduler.backends.braket import BraketBackend
from quantum_scheduler.backends.braket.device import KNOWN, SV1, look_up_device
from quantum_scheduler.backends.braket.results import fingerprint_program, read_results
from quantum_scheduler.backends.model import BackendError, Limits
from quantum_scheduler.testing.braket_devices import DEVICES, GARNET
from quantum_scheduler.testing.braket_server import BUCKET, BraketServer
from quantum_scheduler.testing.conformance import tiny_model

LIMITS = Limits(time_limit_s=5.0)


@pytest.fixture
def server() -> Iterator[BraketServer]:
    server = BraketServer()
    server.start()
    with environment(server.environment()):
        yield server
    server.stop()


def test_the_same_key_again_is_the_same_task(server: BraketServer) -> None:
    with closing(BraketBackend()) as one, closing(BraketBackend()) as other:
        first = one.submit(tiny_model("SPIN"), LIMITS, key="k")
        assert other.submit(tiny_model("SPIN"), LIMITS, key="k") == first
        assert one.submit(tiny_model("SPIN"), LIMITS, key="k2") != first
    assert len(server.submissions()) == 2


def test_a_simulator_bills_its_minutes_and_hardware_its_task_and_shots() -> None:
    with environment({"BRAKET_DEVICE": SV1.arn, "BRAKET_SHOTS": "100"}):
        assert BraketBackend().estimate(tiny_model("SPIN"), LIMITS).cost_usd == pytest.approx(0.075 * 5.1 / 60)
        assert not BraketBackend().capabilities().is_quantum
    with environment({"BRAKET_DEVICE": GARNET.arn, "BRAKET_SHOTS": "100"}):
        assert BraketBackend().estimate(tiny_model("SPIN"), LIMITS).cost_usd == pytest.approx(0.30 + 0.145)
        assert BraketBackend().capabilities().is_quantum


@pytest.mark.usefixtures("server")
def test_a_device_that_was_asked_tells_its_own_price_and_size() -> None:
    with closing(BraketBackend()) as backend, environment({"BRAKET_DEVICE": SV1.arn}):
        assert backend.capabilities().variables_max == SV1.qubits
        backend.health(30.0)
        assert backend.capabilities().variables_max == DEVICES[SV1.arn].qubits


def test_a_device_that_says_it_is_smaller_than_the_table_has_it_is_believed(server: BraketServer) -> None:
    with closing(BraketBackend()) as backend, environment({"BRAKET_DEVICE": SV1.arn}):
        assert backend.estimate(line(21), LIMITS).fits
        with pytest.raises(BackendError, match="21 variables") as raised:
            backend.submit(line(21), LIMITS, key="k")
    assert raised.value.kind == "too_large"
    assert server.submissions() == ()


def test_shots_stay_within_what_the_device_takes() -> None:
    forte = next(arn for arn in KNOWN if arn.endswith("Forte-1"))
    with environment({"BRAKET_DEVICE": forte, "BRAKET_SHOTS": "100000"}):
        assert BraketBackend().estimate(tiny_model("SPIN"), LIMITS).billable["shots"] == 5_000


@pytest.mark.parametrize("arn", ["garnet", "arn:aws:s3:::bucket", "arn:aws:braket:eu-north-1::task/x"])
def test_what_is_no_device_is_refused_by_name(arn: str) -> None:
    with pytest.raises(BackendError, match="BRAKET_DEVICE"):
        look_up_device(arn)


def result_document(**changes: Any) -> dict[str, Any]:
    return {
        "taskMetadata": {"id": "task", "shots": 4},
        "additionalMetadata": {"action": {"source": "x q[0];"}},
        "measurements": [[0, 1], [0, 1], [1, 1], [0, 0]],
        "measuredQubits": [1, 0],
        **changes,
    }


def read(document: dict[str, Any]) -> list[list[int]]:
    program = fingerprint_program("x  q[0] ;")
    bits = read_results(json.dumps(document).encode(), task="task", qubits=2, shots=4, program=program)
    return [[int(bit) for bit in row] for row in bits]


def test_bits_are_put_in_the_order_of_the_variables() -> None:
    assert read(result_document()) == [[1, 0], [1, 0], [1, 1], [0, 0]]


def test_frequencies_are_as_good_as_shots() -> None:
    frequencies = {"00": 0.25, "01": 0.5, "11": 0.25}
    bits = read(result_document(measurements=None, measurementProbabilities=frequencies, measuredQubits=[0, 1]))
    assert bits == [[0, 0], [0, 1], [0, 1], [1, 1]]


@pytest.mark.parametrize(
    "changes",
    [
        {"taskMetadata": {"id": "other", "shots": 4}},
        {"taskMetadata": {"id": "task", "shots": 5}},
        {"taskMetadata": {}},
        {"additionalMetadata": {"action": {"source": "y q[0];"}}},
        {"measurements": [[0, 1]]},
        {"measurements": [[0, 1, 1]] * 4},
        {"measurements": [[0, 2]] * 4},
        {"measurements": [[0, 1], [0]]},
        {"measurements": None},
        {"measurements": None, "measurementProbabilities": {"00": 0.4}},
    ],
)
def test_a_result_that_does_not_belong_to_its_task_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BackendError) as raised:
        read(result_document(**changes))
    assert raised.value.kind == "integrity"


@pytest.mark.parametrize("arn", list(DEVICES))
@pytest.mark.usefixtures("server")
@pytest.mark.filterwarnings("default")  # of Amazon's SDK
def test_amazons_own_sdk_runs_circuits_on_the_same_stand_in(arn: str) -> None:
    from braket.aws import AwsDevice  # noqa: PLC0415  5 seconds, here only
    from braket.circuits import Circuit  # noqa: PLC0415

    device = AwsDevice(arn)
    assert device.is_available
    task = device.run(Circuit().h(0).cnot(0, 1), s3_destination_folder=(BUCKET, "sdk"), shots=100)
    counts = task.result().measurement_counts
    assert set(counts) == {"00", "11"}
    assert counts.total() == 100
