"""Dynex's backend, speaking its SDK's protocol to a stand-in for its network, passes the conformance kit."""

from collections.abc import Iterator

import pytest

from quantum_scheduler.backends.credentials import use_credentials
from quantum_scheduler.backends.dynex import DynexBackend
from quantum_scheduler.backends.port import Backend
from quantum_scheduler.testing.conformance import UnrecoverableConformance
from quantum_scheduler.testing.dynex_server import DynexServer


@pytest.fixture(scope="module")
def server() -> Iterator[DynexServer]:
    server = DynexServer()
    server.start()
    yield server
    server.stop()


class DynexConformance(UnrecoverableConformance):
    name = "dynex"
    credential_names = ("DYNEX_SDK_KEY",)
    compute = "gpu"

    @pytest.fixture(autouse=True)
    def account(self, server: DynexServer) -> Iterator[None]:
        with use_credentials({**server.environment(), "DYNEX_COMPUTE_BACKEND": self.compute}):
            yield

    def open_backend(self) -> Backend:
        return DynexBackend()


class TestCpu(DynexConformance):
    compute = "cpu"


class TestGpu(DynexConformance):
    compute = "gpu"


class TestQpu(DynexConformance):
    compute = "qpu"
