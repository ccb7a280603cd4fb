"""What tests of the command line share: real processes of it, and a real service for them to talk to."""

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from quantum_scheduler import cli

ROOT = Path(__file__).parents[2]
READY_TIMEOUT_S = 120
STOP_TIMEOUT_S = 90

Ended = subprocess.CompletedProcess[str]
Run = Callable[..., Ended]


@pytest.fixture(scope="session")
def examples() -> Path:
    """The folder of example problems."""
    return ROOT / "examples"


@pytest.fixture(scope="session")
def clean_environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which no service, no database and no terminal can be found."""
    ours = ("QUANTUM_SCHEDULER_", "DATABASE_", "LOG_LEVEL", "NO_COLOR", "FORCE_COLOR", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    empty = tmp_path_factory.mktemp("nothing")
    return {**kept, "QUANTUM_SCHEDULER_DATA_DIR": str(empty / "data"), "QUANTUM_SCHEDULER_URL": "http://127.0.0.1:9"}


@contextmanager
def _restored_process() -> Iterator[None]:
    """Put back what a command changes of its process: the environment, and where logs go."""
    environ, handlers, logs = dict(os.environ), logging.root.handlers[:], structlog.get_config()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environ)
        logging.root.handlers[:] = handlers
        structlog.configure(**logs)


@pytest.fixture
def run_here(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run one command inside this process, which saves starting another: `run_here("jobs", environ={...})`."""

    def run_command(*arguments: str | Path, environ: Mapping[str, str] | None = None) -> Ended:
        with _restored_process():
            os.environ.update(environ or {})
            code = cli.run([str(argument) for argument in arguments])
        return Ended(arguments, code, *capsys.readouterr())

    return run_command


@pytest.fixture(scope="session")
def run(clean_environ: dict[str, str]) -> Run:
    """Run one command to its end: `run("solve", file, stdin="...", environ={...})`."""

    def run_command(
        *arguments: str | Path,
        stdin: str | bytes = b"",
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Ended:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "quantum_scheduler", *map(str, arguments)],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            env={**clean_environ, **(environ or {})},
            cwd=cwd,
            capture_output=True,
            timeout=120,
            check=False,
        )
        return Ended(ended.args, ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    return run_command


class Service:
    """A running `up`: what it said when it was ready, and the environment in which commands find it."""

    def __init__(self, data_dir: Path, environ: Mapping[str, str], *options: str) -> None:
        self.data_dir = data_dir
        self.log_file = data_dir.with_suffix(".log")
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "quantum_scheduler", "up", "--port", "0", "--json", *options],
                env={**environ, "QUANTUM_SCHEDULER_DATA_DIR": str(data_dir)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log_file.read_text()
        self.about: dict[str, Any] = json.loads(line)
        self.environ = {
            "QUANTUM_SCHEDULER_DATA_DIR": str(data_dir),
            "QUANTUM_SCHEDULER_URL": self.about["url"],
        }

    def stop(self) -> int:
        """Ask it to stop and return its exit code. May be called twice."""
        self.process.terminate()
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()


@pytest.fixture(scope="session")
def service_class() -> type[Service]:
    """The class, for tests that start services of their own."""
    return Service


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder whose name leaves room for the names of sockets."""
    folder = Path(tempfile.mkdtemp(prefix="qs-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def service(clean_environ: dict[str, str], short_folder: Path) -> Iterator[Service]:
    """One service for every test that leaves it running."""
    running = Service(short_folder / "shared", clean_environ)
    yield running
    running.stop()
