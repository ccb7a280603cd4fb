"""Braket's backend, talking through boto3 to a stand-in for Amazon Braket and S3, passes the conformance kit."""

from collections.abc import Iterator
from typing import ClassVar

import pytest
from tests.vendors.gate_cases import environment

from quantum_scheduler.backends.braket import BraketBackend
from quantum_scheduler.backends.port import Backend
from quantum_scheduler.testing.braket_devices import GARNET, SV1
from quantum_scheduler.testing.braket_server import BraketServer
from quantum_scheduler.testing.conformance import RecoverableConformance


@pytest.fixture
def server() -> Iterator[BraketServer]:
    """A server that has seen no key before: the same key again would be the same task."""
    server = BraketServer()
    server.start()
    yield server
    server.stop()


class BraketConformance(RecoverableConformance):
    name = "braket"
    credential_names = ("AWS_SECRET_ACCESS_KEY",)
    device: ClassVar[str]

    @pytest.fixture(autouse=True)
    def account(self, server: BraketServer) -> Iterator[None]:
        with environment({**server.environment(), "BRAKET_DEVICE": self.device}):
            yield

    def open_backend(self) -> Backend:
        return BraketBackend(timeout_s=60.0)  # of a machine that does much else


class TestGateDevice(BraketConformance):
    device = GARNET.arn


class TestSimulator(BraketConformance):
    device = SV1.arn
