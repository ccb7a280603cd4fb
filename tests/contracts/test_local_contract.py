"""The backends that compute in this process pass the conformance kit."""

from quantum_scheduler.backends.classical import ClassicalBackend
from quantum_scheduler.backends.port import Backend
from quantum_scheduler.backends.simulator import SimulatorBackend
from quantum_scheduler.testing.conformance import LocalConformance


class TestClassical(LocalConformance):
    name = "classical"

    def open_backend(self) -> Backend:
        return ClassicalBackend()


class TestSimulator(LocalConformance):
    name = "simulator"

    def open_backend(self) -> Backend:
        return SimulatorBackend()
