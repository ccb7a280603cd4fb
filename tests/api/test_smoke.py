"""`scripts/smoke_test.py` tells a service that is well from one that is not."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "smoke_test.py"
CHECKS = 9


def _run(*arguments: str, home: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(home), **environ},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_service_that_is_well_passes_every_check(service: Any, tmp_path: Path) -> None:
    run = _run("--endpoint", service.url, "--api-key", service.make_key(), home=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    lines = run.stdout.splitlines()
    assert len(lines) == CHECKS
    assert all(line.startswith("ok   ") and line.endswith(" ms") for line in lines)


def test_a_service_without_workers_fails(idle: Callable[..., AbstractContextManager[Any]], tmp_path: Path) -> None:
    with idle() as service:
        run = _run("--endpoint", service.url, "--api-key", "wrong", home=tmp_path)
    assert run.returncode == 1
    assert "FAIL health: the service is degraded: database up, 0 workers" in run.stdout
    assert "FAIL key: " in run.stdout


def test_without_a_key_it_checks_what_it_can_and_says_what_is_missing(service: Any, tmp_path: Path) -> None:
    run = _run("--endpoint", service.url, home=tmp_path)
    assert run.returncode == 1
    assert [line[:8] for line in run.stdout.splitlines()] == ["ok   hea", "FAIL key"]


@pytest.mark.parametrize("place", ["QUANTUM_SCHEDULER_DATA_DIR", "XDG_DATA_HOME"])
def test_the_key_is_found_in_the_data_folder(service: Any, tmp_path: Path, place: str) -> None:
    for folder in (tmp_path, tmp_path / "quantum-scheduler"):
        folder.mkdir(exist_ok=True)
        (folder / "api-key").write_text(service.make_key() + "\n")
    run = _run("--endpoint", service.url, "--only", "key", home=tmp_path / "nobody", **{place: str(tmp_path)})
    assert (run.returncode, run.stdout[:8]) == (0, "ok   key")


def test_a_service_that_is_not_there_is_told_from_one_that_fails(tmp_path: Path) -> None:
    run = _run("--endpoint", "http://127.0.0.1:9", home=tmp_path)
    assert run.returncode == 4
    assert "does not answer" in run.stderr


@pytest.mark.parametrize("arguments", [(), ("--endpoint",), ("--endpoint", "file:///etc/passwd")])
def test_wrong_usage_is_told(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    run = _run(*arguments, home=tmp_path)
    assert run.returncode == 2
    assert "usage:" in run.stderr
