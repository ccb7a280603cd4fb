"""A running service that may be killed piece by piece."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.chaos.service import Service


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chaos-seed", type=int, default=None, help="chaos: the seed that a failure has printed")


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    with tempfile.TemporaryDirectory(prefix="qs-", ignore_cleanup_errors=True) as folder:
        running = Service(Path(folder) / "data", workers=4 if request.config.getoption("--long", default=False) else 2)
        try:
            running.start()
            yield running
        finally:
            running.stop()
