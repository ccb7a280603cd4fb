"""`drill`: what there is, what is refused, and drills of a service that runs."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DRILL_TIMEOUT_S = 1_500.0
WELL_WITHIN_S = 300.0
DRILL = (sys.executable, "-P", "-m", "quantum_scheduler", "drill")


def test_the_drills_are_listed_with_their_faults(run_here: Any) -> None:
    listed = {each["name"]: each for each in json.loads(run_here("drill", "list", "--json").stdout)}
    assert listed["dynex-outage"]["faults"] == ["server_error", "offline", "dropped", "auth", "quota", "rate_limit"]
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


@pytest.fixture(scope="module")
def drilled(clean_environ: dict[str, str], service_class: Any, short_folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a service that may be drilled."""
    environ = {**clean_environ, "DRILLS_ALLOWED": "true"}
    running = service_class(short_folder / "drilled", environ, "--vendors")
    yield {**environ, **running.environ}
    running.stop()


@pytest.mark.long
def test_two_drills_in_a_row_come_to_the_same(drilled: dict[str, str], tmp_path: Path) -> None:
    outcomes = [drill_once(drilled, tmp_path / str(number)) for number in range(2)]
    assert outcomes[0] == outcomes[1]
    assert all(outcomes[0]["checks"].values())
    assert outcomes[0]["shares"][-1] == 100.0


@pytest.mark.long
def test_what_a_driller_that_is_killed_has_broken_is_well_by_itself_and_may_be_drilled_again(
    drilled: dict[str, str], tmp_path: Path, run_here: Any
) -> None:
    with subprocess.Popen([*DRILL, "dynex-outage"], env=drilled, stderr=subprocess.PIPE, text=True) as driller:
        assert driller.stderr is not None
        assert any("is mitigated" in line for line in driller.stderr)
        driller.kill()
    ends_s = time.monotonic() + WELL_WITHIN_S
    while json.loads(run_here("incidents", "--json", environ=drilled).stdout):
        assert time.monotonic() < ends_s, "the incident of a drill whose driller was killed is still open"
        time.sleep(1.0)
    vendors = json.loads(run_here("vendors", "status", "--json", environ=drilled).stdout)["vendors"]
    assert {each["fault"] for each in vendors} == {"none"}
    routing = json.loads(run_here("backends", "routing", "--json", environ=drilled).stdout)
    assert routing["overrides"] == []
    assert {(each["breaker"], each["share"]) for each in routing["backends"]} == {("closed", 100)}
    assert all(drill_once(drilled, tmp_path / "again")["checks"].values())


def drill_once(environ: dict[str, str], reports: Path) -> dict[str, Any]:
    """Drill once; what must be the same of two."""
    command = [*DRILL, "dynex-outage", "--json", "--report", str(reports)]
    ended = subprocess.run(command, env=environ, capture_output=True, timeout=DRILL_TIMEOUT_S, check=False)
    assert ended.returncode == 0, ended.stderr.decode()
    assert len(list(reports.iterdir())) == 2
    outcome: dict[str, Any] = json.loads(ended.stdout)["outcome"]
    return outcome
