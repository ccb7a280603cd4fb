"""`runbook`: a runbook is checked and formatted before anybody has to rely on it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quantum_scheduler.runbooks.shelf import LIBRARY

Run = Callable[..., Any]
EXAMPLE = Path(__file__).parents[1] / "data" / "runbook-example.md"
GOOD = LIBRARY / "dynex-outage.md"


def test_what_is_wrong_is_said_with_its_line_and_exit_code_1(tmp_path: Path, run_here: Run) -> None:
    assert run_here("runbook", "lint", GOOD).returncode == 0
    broken = tmp_path / "broken.md"
    broken.write_text(EXAMPLE.read_text().replace("breaker.open", "breaker.opn"))
    ended = run_here("runbook", "lint", broken, GOOD, "--json")
    said = json.loads(ended.stdout)
    assert (ended.returncode, said["errors"]) == (1, len(said["findings"]))
    assert {(each["code"], Path(each["file"]).name) for each in said["findings"]} == {("RB011", "broken.md")}
    assert "breaker.open?" in said["findings"][0]["message"]


def test_branches_that_no_drill_reaches_and_roles_with_nobody_on_call_are_errors(
    tmp_path: Path, dsn: str, run_here: Run
) -> None:
    assert "RB080" in run_here("runbook", "lint", EXAMPLE).stdout
    environ = {"DATABASE_URL": dsn}
    assert run_here("runbook", "lint", GOOD, "--on-call", environ=environ).returncode == 0
    lonely = tmp_path / "lonely.md"
    lonely.write_text(GOOD.read_text().replace("by security", "by nobody-at-all"))
    assert "RB081" in run_here("runbook", "lint", lonely, "--on-call", environ=environ).stdout


@pytest.mark.parametrize("content", [b"x" * 300_000, b"- " * 500 + b"x", b"\xff\xfe", b"nothing"])
def test_what_is_no_runbook_is_refused_with_a_line(tmp_path: Path, run_here: Run, content: bytes) -> None:
    path = tmp_path / "no.md"
    path.write_bytes(content)
    ended = run_here("runbook", "lint", path)
    assert ended.returncode == 1
    assert f"{path}:1: RB000" in ended.stdout


def test_formatting_says_what_it_changes(tmp_path: Path, run_here: Run) -> None:
    path = tmp_path / "a.md"
    path.write_text(EXAMPLE.read_text().replace("- do: `page", "-   do :   `page"))
    assert run_here("runbook", "fmt", path, "--check").returncode == 1
    assert json.loads(run_here("runbook", "fmt", path, "--json").stdout)["changed"] == [str(path)]
    assert run_here("runbook", "fmt", path, "--check").returncode == 0


def test_ones_own_runbooks_stand_beside_the_library(tmp_path: Path, run_here: Run) -> None:
    own = tmp_path / "own.md"
    own.write_text(EXAMPLE.read_text())
    (tmp_path / "broken.md").write_text("nothing")
    environ = {"RUNBOOKS_DIR": str(tmp_path)}
    listed = run_here("runbook", "list", "--json", environ=environ)
    books = {each["name"]: each for each in json.loads(listed.stdout)}
    assert books["dynex-outage"]["path"] == str(own)
    assert "broken.md: line 1" in listed.stderr
    shown = json.loads(run_here("runbook", "show", "dynex-outage", "--json", environ=environ).stdout)
    assert [each["id"] for each in shown["list"]][:2] == ["1.1", "1.2"]
    assert run_here("runbook", "show", "nothing", environ=environ).returncode == 2


def test_drills_are_run_by_name_and_by_file_with_exit_code_1_where_one_fails(tmp_path: Path, run_here: Run) -> None:
    well = json.loads(run_here("runbook", "simulate", "connection-pool", "--json").stdout)
    assert (well["passed"], [each["passed"] for each in well["runbooks"][0]["drills"]]) == (True, [True] * 5)
    ended = run_here("runbook", "simulate", EXAMPLE, "--timeline")
    assert ended.returncode == 1
    assert f"{EXAMPLE}:46: no drill goes through 'Otherwise'" in ended.stdout
    assert "+45 s  raised  Dynex down" in ended.stdout
    assert run_here("runbook", "simulate", "nothing").returncode == 2
    assert run_here("runbook", "simulate", tmp_path / "nothing.md").returncode == 2


def test_a_run_is_followed_and_answered_from_the_terminal(dsn: str, tmp_path: Path, run_here: Run) -> None:
    (tmp_path / "own.md").write_text(
        "---\nrunbook: test\nservice: s\nowner: o\nreview_by: 2099-01-01\non_call: quantum\n---\n# Test\n## Detection\n"
        "## First\n1. Look.\n2. **Open.**\n   - do: `breaker.open('dynex')`\n"
        "   - ask: approve, by security, within 15m, else `escalate('security')`\n"
        "3. **Check.**\n   - check: `dynex.share == 100` within 10s\n"
    )
    environ = {"DATABASE_URL": dsn, "RUNBOOKS_DIR": str(tmp_path)}

    def run(*arguments: str, code: int = 0) -> Any:
        ended = run_here(*arguments, environ=environ)
        assert ended.returncode == code, (ended.stdout, ended.stderr)
        return ended

    would = run("runbook", "start", "test", "--dry-run").stdout
    assert "would ask security: Open. (approve / reject); taken as 'approve'" in would
    assert "would call breaker.open('dynex')" in would
    assert "no runs" in run("run", "list").stdout
    name = json.loads(run("incident", "declare", "Down", "--severity", "P1", "--json").stdout)["name"]
    number = str(json.loads(run("runbook", "start", "test", "--incident", name, "--json").stdout)["id"])
    assert "Open." in run("run", "list").stdout
    shown = run("run", "show", number).stdout
    assert f"run answer {number} 1.2 approve" in shown
    assert "waits for security" in shown
    run("run", "tick", number, "Look")
    run("run", "approve", number, code=1)
    run("run", "approve", number, "--as", "security")
    assert json.loads(run("run", "show", number, "--json").stdout)["gates"] == []
    run("run", "confirm", number, "Look", code=1)
    assert "aborting" in run("run", "abort", number, "--why", "enough").stdout
    run("run", "show", "999", code=2)
