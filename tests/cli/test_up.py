"""`up`: one owner of a data folder, clean stops, nothing left over by unclean ones."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PATIENCE_S = 60.0


@pytest.fixture
def start(
    clean_environ: dict[str, str], service_class: Any, short_folder: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Any]]:
    """Start services on the test's own data folder; they are stopped after it."""
    data_dir = short_folder / f"d{abs(hash(request.node.name)) % 10_000}"
    started: list[Any] = []

    def start_service(*options: str) -> Any:
        started.append(service_class(data_dir, clean_environ, *options))
        return started[-1]

    yield start_service
    for service in started:
        service.stop()


def children(pid: int) -> set[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return {int(line) for line in listed.stdout.split()}


def worker_of(service: Any) -> int:
    """The process id of the one worker, once there is one."""
    found = eventually(
        lambda: {pid for pid in children(service.process.pid) if b"worker" in read_command(pid).split(b"\0")}
    )
    (pid,) = found
    return int(pid)


def read_command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def eventually(look: Callable[[], Any]) -> Any:
    """Look until there is something to see."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not (seen := look()) and time.monotonic() < give_up_at:
        time.sleep(0.1)
    assert seen
    return seen


def is_gone(pid: int) -> bool:
    return b"worker" not in read_command(pid)


def test_a_data_folder_has_one_up_at_a_time_and_a_port_one_owner(run_here: Any, service: Any, tmp_path: Path) -> None:
    second = run_here("up", "--port", "0", "--data-dir", service.data_dir)
    assert second.returncode == 2
    assert f"is in use by process {service.process.pid}" in second.stderr.splitlines()[-1]
    port = service.about["url"].rpartition(":")[2]
    taken = run_here("up", "--port", port, "--data-dir", tmp_path / "other")
    assert taken.returncode == 2
    assert "--port" in taken.stderr.splitlines()[-1]
    assert not (tmp_path / "other").exists()
    assert run_here("jobs", environ=service.environ).returncode == 0


def test_killed_or_stopped_it_starts_again_with_the_same_key_and_leaves_no_process(start: Any, run_here: Any) -> None:
    first = start()
    key_file = Path(first.about["key_file"])
    key = key_file.read_text()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    worker = worker_of(first)
    first.process.kill()
    first.process.wait()
    eventually(lambda: is_gone(worker))

    second = start()
    assert key_file.read_text() == key
    assert run_here("jobs", environ=second.environ).returncode == 0
    worker = worker_of(second)
    assert second.stop() == 0
    assert is_gone(worker)
    assert not (second.data_dir / "postgres" / "postmaster.pid").exists()


def test_it_outlives_its_workers_and_its_postgres(service: Any, run_here: Any, tmp_path: Path) -> None:
    worker = worker_of(service)
    os.kill(worker, signal.SIGKILL)
    assert eventually(lambda: worker_of(service) != worker)
    postmaster = int((service.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    file = tmp_path / "pair.json"
    file.write_text(json.dumps({"kind": "binary", "linear": [["x", -1]], "quadratic": [["x", "y", 2]]}))

    def solved() -> bool:
        ended = run_here("submit", file, "--wait", "--time-limit", "1", environ=service.environ)
        return bool(ended.returncode == 0)

    assert eventually(solved)
    assert service.process.poll() is None


def test_a_worker_of_its_own_works_off_the_queue_and_a_lost_key_is_replaced(
    start: Any, run_here: Any, clean_environ: dict[str, str], tmp_path: Path
) -> None:
    first = start("--workers", "0")
    key_file = Path(first.about["key_file"])
    key = key_file.read_text()
    file = tmp_path / "one.json"
    file.write_text(json.dumps({"kind": "binary", "linear": [["x", -1]]}))
    submitted = run_here("submit", file, "--time-limit", "1", "--json", environ=first.environ)
    job = json.loads(submitted.stdout)
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "quantum_scheduler", "worker", "--slots", "1"],
        env={**clean_environ, **first.environ},
        stderr=subprocess.DEVNULL,
    ) as worker:
        watched = run_here("job", job["id"], "--watch", environ=first.environ)
        worker.terminate()
        assert worker.wait(PATIENCE_S) == 0
    assert watched.returncode == 0, watched.stdout
    key_file.unlink()
    assert first.stop() == 0

    second = start("--workers", "0")
    assert key_file.read_text() != key
    assert run_here("job", job["id"], environ=second.environ).returncode == 0


def test_an_address_that_is_not_ours_is_refused(run_here: Any, tmp_path: Path) -> None:
    for host in ("192.0.2.1", "no.such.host.invalid"):
        ended = run_here("up", "--host", host, "--port", "0", "--data-dir", tmp_path / "data")
        assert ended.returncode == 2
        assert f"cannot answer on {host}:0" in ended.stderr.splitlines()[-1]
