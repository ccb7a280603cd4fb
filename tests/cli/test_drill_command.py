"""`drill`: what there is, what is refused, and drills of a service that runs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DRILL_TIMEOUT_S = 1_500.0


def test_the_drills_are_listed_with_their_faults(run_here: Any) -> None:
    listed = {each["name"]: each for each in json.loads(run_here("drill", "list", "--json").stdout)}
    assert listed["dynex-outage"]["faults"] == ["server_error", "offline", "dropped"]
    assert {"ibm-unavailable", "delayed-jobs", "authentication-failures", "connection-pool"} <= set(listed)
    assert "dynex-outage" in run_here("drill", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("coffee-machine",), "there is no drill coffee-machine"),
        (("dynex-outage", "--fault", "flood"), "dynex-outage has no fault flood"),
        (("dynex-outage", "--hold-factor", "7"), "hold-factor"),
    ],
)
def test_what_is_no_drill_is_refused_in_one_line(run_here: Any, arguments: tuple[str, ...], reason: str) -> None:
    refused = run_here("drill", *arguments)
    assert refused.returncode == 2
    assert reason in refused.stderr


def test_a_service_that_does_not_allow_drills_is_left_alone(run_here: Any, service: Any) -> None:
    refused = run_here("drill", "dynex-outage", environ=service.environ)
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert "drills are not allowed here" in line
    assert "DRILLS_ALLOWED=true" in line


@pytest.mark.long
def test_two_drills_in_a_row_come_to_the_same(
    clean_environ: dict[str, str], service_class: Any, short_folder: Path, tmp_path: Path
) -> None:
    environ = {**clean_environ, "DRILLS_ALLOWED": "true"}
    running = service_class(short_folder / "drilled", environ, "--vendors")
    try:
        outcomes = [drill_once({**environ, **running.environ}, tmp_path / str(number)) for number in range(2)]
    finally:
        running.stop()
    assert outcomes[0] == outcomes[1]
    assert all(outcomes[0]["checks"].values())
    assert outcomes[0]["shares"][-1] == 100.0


def drill_once(environ: dict[str, str], reports: Path) -> dict[str, Any]:
    """Drill once; what must be the same of two."""
    command = [sys.executable, "-P", "-m", "quantum_scheduler", "drill", "dynex-outage", "--json"]
    ended = subprocess.run(
        [*command, "--report", str(reports)], env=environ, capture_output=True, timeout=DRILL_TIMEOUT_S, check=False
    )
    assert ended.returncode == 0, ended.stderr.decode()
    assert len(list(reports.iterdir())) == 2
    outcome: dict[str, Any] = json.loads(ended.stdout)["outcome"]
    return outcome
