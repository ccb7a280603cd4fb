"""The service under attack: `up` with its workers and its Postgres, as processes that may be killed one by one."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from quantum_scheduler.postgres.embed import start_postgres

UP = (sys.executable, "-P", "-m", "quantum_scheduler", "up", "--port", "0", "--json")
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 120.0


class Service:
    """A running `up` on a data folder; started again after its death, it goes on on another port."""

    def __init__(self, data_dir: Path, *, workers: int = 2, environ: Mapping[str, str] | None = None) -> None:
        self._workers = workers
        self._environ = {"QUANTUM_SCHEDULER_DATA_DIR": str(data_dir), "LOG_LEVEL": "error", **(environ or {})}
        self.data_dir = data_dir
        self.url = ""
        self.key = ""
        self.log = data_dir.with_name("up.log")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the service was not started"
        return self._process.pid

    def start(self) -> None:
        """Start `up` and wait until it answers; one that fails because its forerunner still dies is started again."""
        give_up_at = time.monotonic() + START_TIMEOUT_S
        while not self._try_start():
            assert time.monotonic() < give_up_at, f"`up` does not start:\n{self.log.read_text()[-2000:]}"
            time.sleep(0.5)

    def _try_start(self) -> bool:
        environ = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "RAY_ADDRESS"}}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*UP, "--workers", str(self._workers)],
                env={**environ, **self._environ},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        with self._process.stdout as output:
            line = output.readline()
        if not line:
            self._process.wait(STOP_TIMEOUT_S)
            return False
        self.url = json.loads(line)["url"]
        self.key = (self.data_dir / "api-key").read_text().strip()
        return True

    def stop(self) -> None:
        """Stop it all."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        server = start_postgres(self.data_dir)
        server.stop()

    def kill_and_start(self) -> None:
        """Kill `up` itself, and start it on the same data."""
        assert self._process is not None, "the service was not started"
        self._process.kill()
        self._process.wait()
        self.start()

    def workers(self) -> list[int]:
        """The process ids of the workers there are now."""
        listed = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self.pid)], capture_output=True, text=True, check=False
        )
        return [int(line.split()[0]) for line in listed.stdout.splitlines() if " worker " in line]


def kill_worker(pid: int) -> bool:
    """Kill a worker; False where it was already gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


def freeze_worker(pid: int, awake: threading.Event, *, for_s: float) -> bool:
    """Stop a worker for a while and let it go on, a zombie if its lease has run out; False where it was gone.

    It goes on at once when `awake` is set.
    """
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        awake.wait(for_s)
        os.kill(pid, signal.SIGCONT)
        return True
    return False


def restart_postgres(data_dir: Path) -> None:
    """Crash the database, which recovers from its log."""
    server = start_postgres(data_dir)
    try:
        server.restart("immediate")
    finally:
        server.let_go()
