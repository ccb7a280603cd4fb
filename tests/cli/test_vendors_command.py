"""`vendors`: stand-ins started, told of and given faults from the command line; `up --vendors` uses them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quantum_scheduler.testing.vendors import VENDORS

STOP_TIMEOUT_S = 30.0
FILE = json.dumps({"kind": "binary", "linear": [["x", -1], ["y", 2]], "quadratic": [["x", "y", -3]]})


class Running:
    """A running `vendors up` of D-Wave alone, whose SDK is the quickest to load."""

    def __init__(self, data_dir: Path, environ: dict[str, str]) -> None:
        self.environ = {"QUANTUM_SCHEDULER_DATA_DIR": str(data_dir)}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "quantum_scheduler", "vendors", "up", "--only", "dwave", "--json"],
            env={**environ, **self.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.told: dict[str, Any] = json.loads(self.process.stdout.readline())

    def stop(self) -> int:
        self.process.terminate()
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()


@pytest.fixture
def running(tmp_path: Path, clean_environ: dict[str, str]) -> Iterator[Running]:
    running = Running(tmp_path / "data", clean_environ)
    yield running
    running.stop()


def test_running_stand_ins_are_told_of_and_given_faults(running: Running, run_here: Any) -> None:
    assert "no quantum hardware" in running.told["notice"]
    file = Path(running.told["environment_file"])
    assert f"export DWAVE_API_TOKEN='{running.told['environment']['DWAVE_API_TOKEN']}'" in file.read_text().splitlines()
    ordered = run_here("vendors", "fault", "dwave", "offline", "--for", "5m", environ=running.environ)
    assert (ordered.returncode, ordered.stdout) == (0, "dwave: offline for 300 s\n")
    told = json.loads(run_here("vendors", "status", "--json", environ=running.environ).stdout)
    assert [(each["name"], each["fault"]) for each in told["vendors"]] == [("dwave", "offline")]
    absent = run_here("vendors", "fault", "dynex", "auth", environ=running.environ)
    assert absent.returncode == 4
    assert "there are dwave" in absent.stderr
    assert running.stop() == 0
    assert not file.exists()


def test_a_length_of_time_that_is_none_is_bad_usage(run_here: Any) -> None:
    ended = run_here("vendors", "fault", "dwave", "offline", "--for", "soon")
    assert ended.returncode == 2
    assert "60s, 5m or 1h" in ended.stderr


def test_without_stand_ins_there_is_nothing_to_ask(run_here: Any, tmp_path: Path) -> None:
    ended = run_here("vendors", "status", environ={"QUANTUM_SCHEDULER_DATA_DIR": str(tmp_path)})
    assert ended.returncode == 4
    assert "vendors up" in ended.stderr


@pytest.mark.long
def test_a_service_with_stand_ins_is_a_whole_quantum_cloud(
    service_class: Any, clean_environ: dict[str, str], short_folder: Path, run_here: Any, tmp_path: Path
) -> None:
    service = service_class(short_folder / "vendors", clean_environ, "--vendors")
    try:
        problem = tmp_path / "pair.json"
        problem.write_text(FILE)
        for name in VENDORS:
            solved = run_here("submit", problem, "--wait", "--backend", name, "--json", environ=service.environ)
            assert json.loads(solved.stdout)["result"]["objective"] == -2
        told = json.loads(run_here("vendors", "status", "--json", environ=service.environ).stdout)
        assert {each["name"]: each["submissions"] for each in told["vendors"]} == dict.fromkeys(VENDORS, 1)
    finally:
        assert service.stop() == 0
