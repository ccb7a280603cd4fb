"""A running service that may be killed piece by piece, and the option to do that for long."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.chaos.service import Service


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="chaos: 300 kills instead of a dozen, and takeovers measured")
    parser.addoption("--chaos-seed", type=int, default=None, help="chaos: the seed that a failure has printed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless it is asked for."""
    if not config.getoption("--long", default=False):
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    with tempfile.TemporaryDirectory(prefix="qs-", ignore_cleanup_errors=True) as folder:
        running = Service(Path(folder) / "data", workers=4 if request.config.getoption("--long", default=False) else 2)
        try:
            running.start()
            yield running
        finally:
            running.stop()
