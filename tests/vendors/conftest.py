"""Stand-ins for D-Wave and Dynex, and a context in which the adapters find them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from quantum_scheduler.backends.credentials import use_credentials
from quantum_scheduler.testing.braket_server import BraketServer
from quantum_scheduler.testing.dwave_server import DwaveServer
from quantum_scheduler.testing.dynex_server import DynexServer
from quantum_scheduler.testing.ibm_server import IbmServer
from quantum_scheduler.testing.port import VendorServer


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, VendorServer]]:
    """Both stand-ins, by the name of their backend."""
    servers: dict[str, VendorServer] = {"dwave": DwaveServer(), "dynex": DynexServer()}
    for server in servers.values():
        server.start()
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture(scope="module")
def clouds() -> Iterator[dict[str, VendorServer]]:
    """Every vendor's stand-in, by the name of its backend."""
    servers: dict[str, VendorServer] = {
        server.name: server for server in (DwaveServer(), IbmServer(), BraketServer(), DynexServer())
    }
    for server in servers.values():
        server.start()
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture
def connect(servers: dict[str, VendorServer]) -> Iterator[Callable[..., Any]]:
    """`connect("dwave", DWAVE_MODE="bqm")` points this test at a healthy stand-in and returns it."""
    with ExitStack() as stack:

        def connect_to(name: str, **options: str) -> VendorServer:
            server = servers[name]
            stack.callback(server.switch.set, "none")
            stack.enter_context(use_credentials({**server.environment(), **options}))
            return server

        yield connect_to
