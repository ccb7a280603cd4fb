"""Real programs of Debian that tests run against: Prometheus and Alertmanager."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

READY_TIMEOUT_S = 60.0
LOOK_EVERY_S = 0.05


def needs(program: str, package: str) -> pytest.MarkDecorator:
    """Skip a test where a program is missing, unless everything must be there."""
    is_missing = shutil.which(program) is None and not os.environ.get("REQUIRE_ALL")
    return pytest.mark.skipif(is_missing, reason=f"apt-get install --no-install-recommends {package}")


@contextmanager
def run_alertmanager(config: str, folder: Path) -> Iterator[httpx2.Client]:
    """Run an Alertmanager of its own on a free port, and lend a client of it."""
    file = folder / "alertmanager.yml"
    file.write_text(config)
    port = _find_port()
    command = [
        *("prometheus-alertmanager", f"--config.file={file}", f"--storage.path={folder / 'alertmanager'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=warn"),
    ]
    with _run(command, port, folder / "alertmanager.log") as client:
        yield client


@contextmanager
def run_prometheus(config: str, folder: Path) -> Iterator[httpx2.Client]:
    """Run a Prometheus of its own on a free port, and lend a client of it."""
    file = folder / "prometheus.yml"
    file.write_text(config)
    port = _find_port()
    command = [
        *("prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder / 'prometheus'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"),
    ]
    with _run(command, port, folder / "prometheus.log") as client:
        yield client


def wait_for(look: Callable[[], Any], timeout_s: float = READY_TIMEOUT_S) -> Any:
    """Look again and again until there is something to see, and return that."""
    deadline = time.monotonic() + timeout_s
    while not (seen := look()):
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(LOOK_EVERY_S)
    return seen


@contextmanager
def _run(command: list[str], port: int, log: Path) -> Iterator[httpx2.Client]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            wait_for(lambda: process.poll() is not None or _is_ready(client))
            assert process.poll() is None, log.read_text()
            yield client
    finally:
        process.kill()
        process.wait()


def _is_ready(client: httpx2.Client) -> bool:
    try:
        return client.get("/-/ready").is_success
    except httpx2.TransportError:
        return False


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
