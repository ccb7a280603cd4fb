"""IBM's backend, talking through IBM's own SDK to a stand-in for its cloud, passes the conformance kit."""

from collections.abc import Iterator

import pytest
from tests.vendors.gate_cases import environment

from quantum_scheduler.backends.ibm import IbmBackend
from quantum_scheduler.backends.port import Backend
from quantum_scheduler.testing.conformance import RecoverableConformance
from quantum_scheduler.testing.ibm_server import IbmServer


@pytest.fixture(scope="module")
def server() -> Iterator[IbmServer]:
    server = IbmServer()
    server.start()
    yield server
    server.stop()


class TestIbm(RecoverableConformance):
    name = "ibm"
    credential_names = ("IBM_TOKEN",)

    @pytest.fixture(autouse=True)
    def account(self, server: IbmServer) -> Iterator[None]:
        with environment(server.environment()):
            yield

    def open_backend(self) -> Backend:
        return IbmBackend(timeout_s=60.0, submit_timeout_s=240.0)  # of a machine that does much else
