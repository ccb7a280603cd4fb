"""D-Wave's backend, talking through D-Wave's own SDK to a stand-in for its cloud, passes the conformance kit."""

from collections.abc import Iterator

import pytest

from quantum_scheduler.backends.credentials import use_credentials
from quantum_scheduler.backends.dwave import DWaveBackend
from quantum_scheduler.backends.port import Backend
from quantum_scheduler.testing.conformance import RecoverableConformance
from quantum_scheduler.testing.dwave_server import DwaveServer


@pytest.fixture(scope="module")
def server() -> Iterator[DwaveServer]:
    server = DwaveServer()
    server.start()
    yield server
    server.stop()


class DwaveConformance(RecoverableConformance):
    name = "dwave"
    credential_names = ("DWAVE_API_TOKEN",)
    mode = "auto"

    @pytest.fixture(autouse=True)
    def account(self, server: DwaveServer) -> Iterator[None]:
        with use_credentials({**server.environment(), "DWAVE_MODE": self.mode}):
            yield

    def open_backend(self) -> Backend:
        return DWaveBackend()


class TestQpu(DwaveConformance):
    mode = "qpu"


class TestHybridBqm(DwaveConformance):
    mode = "bqm"


class TestHybridCqm(DwaveConformance):
    mode = "cqm"
