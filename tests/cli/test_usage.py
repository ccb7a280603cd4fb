"""Every way to call the command line wrongly gives one clear line and an exit code, never a traceback."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from quantum_scheduler.cli import EXIT_CODES, EXIT_DEFECT, app, find_exit_code
from quantum_scheduler.problems.model import ProblemTooLarge

COMMANDS = sorted(name for name in app if not name.startswith("-"))


def test_every_name_in_the_table_of_exit_codes_is_an_exception() -> None:
    for name in EXIT_CODES:
        module, _, attribute = name.rpartition(".")
        assert issubclass(getattr(import_module(module), attribute), Exception), name
    assert set(EXIT_CODES.values()) == {1, 2, 4}


def test_an_exception_has_the_code_of_what_it_inherits_from() -> None:
    assert find_exit_code(ProblemTooLarge) == 2
    assert find_exit_code(ZeroDivisionError) == EXIT_DEFECT


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["--no-such-option"],
        ["solve"],
        ["solve", "file", "--time-limit", "nan"],
        ["solve", "file", "--time-limit", "0"],
        ["solve", "file", "--seed", "-1"],
        ["solve", "file", "--threads", "many"],
        ["solve", "--gibberish"],
        ["submit", "file", "another"],
        ["submit", "file", "--priority", "urgent"],
        ["jobs", "--limit", "101"],
        ["prioritise", "some-id", "soon"],
        ["up", "--port", "65536"],
        ["worker", "--slots", "0"],
        ["db", "drop"],
    ],
)
def test_a_usage_error_is_one_line_and_where_to_find_help(run_here: Any, arguments: list[str]) -> None:
    ended = run_here(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    error, help_line = ended.stderr.splitlines()
    assert error.startswith("error: ")
    assert help_line.startswith("help: quantum-scheduler")
    assert help_line.endswith(" --help")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run_here: Any, command: str) -> None:
    ended = run_here(command, "--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"Usage: quantum-scheduler {command}" in ended.stdout
    assert "\x1b" not in ended.stdout


def test_hints_begin_with_what_was_typed(run: Any, tmp_path: Path) -> None:
    environ = {"QUANTUM_SCHEDULER_STARTED_AS": "./quantum-scheduler", "QUANTUM_SCHEDULER_DATA_DIR": str(tmp_path)}
    assert "run `./quantum-scheduler up`" in run("queue", environ=environ).stderr
    assert "help: ./quantum-scheduler --help" in run("nonsense", environ=environ).stderr


def test_help_names_every_command_and_version_is_the_packages(run: Any) -> None:
    text = run("--help").stdout
    assert all(f"│ {command} " in text for command in COMMANDS)
    assert run("--version").stdout.strip() == import_module("quantum_scheduler").__version__


@pytest.mark.parametrize("command", ["solve", "submit"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"", "is empty"),
        (bytes(range(256)) * 4, ""),
        (b"once upon a time", "known format"),
        (b'{"kind": "schedule", "tasks": [{"id": "a", "duration": NaN}]}', ""),
        (b'{"kind": "schedule", "tasks": [{"id": "a", "duration": 1, "agents": 0, "colour": "red"}]}', "colour"),
        (b'{"kind": "schedule", "tasks": [{"id": "a", "duration": 1, "agents": 0, "dependencies": ["a"]}]}', "a"),
        (b"p qubo 0 10000000 1 0\n0 0 1\n", ""),
    ],
    ids=["missing", "empty", "binary", "prose", "nan", "unknown field", "cycle", "huge"],
)
def test_a_file_that_holds_no_problem_is_refused_with_the_reason(
    run_here: Any, tmp_path: Path, command: str, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "problem"
    [file.write_bytes(data) for data in [content] if data is not None]
    ended = run_here(command, file)
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ")
    assert reason in line


def test_a_folder_and_too_many_bytes_are_refused(run: Any, run_here: Any, tmp_path: Path) -> None:
    assert "Is a directory" in run_here("solve", tmp_path).stderr
    ended = run("solve", "-", stdin="x" * 2000, environ={"REQUEST_BYTES_MAX": "1024"})
    assert ended.returncode == 2
    assert "more than 1024 bytes" in ended.stderr


def test_a_setting_that_makes_no_sense_is_named(run: Any) -> None:
    ended = run("jobs", environ={"WORKER_SLOTS": "several"})
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: WORKER_SLOTS is 'several'")


@pytest.mark.parametrize("command", [["jobs"], ["cancel", "x"], ["backends", "health"]])
def test_without_a_service_the_exit_code_is_4_and_up_is_suggested(run: Any, command: list[str]) -> None:
    ended = run(*command, "--json")
    assert (ended.returncode, ended.stdout) == (4, "")
    (line,) = ended.stderr.splitlines()
    assert "quantum-scheduler up" in line


def test_a_worker_without_a_database_says_so(run: Any) -> None:
    ended = run("worker")
    assert ended.returncode == 4
    assert "DATABASE_URL" in ended.stderr


@pytest.mark.parametrize(("option", "variable"), [(["--debug"], "0"), ([], "1")])
def test_debug_shows_where_an_error_came_from(run: Any, option: list[str], variable: str) -> None:
    ended = run("prioritise", "x", "high", *option, environ={"QUANTUM_SCHEDULER_DEBUG": variable})
    assert "Traceback" in ended.stderr


def test_the_schema_is_one_json_document_with_or_without_json(run_here: Any) -> None:
    assert json.loads(run_here("schema").stdout) == json.loads(run_here("schema", "--json").stdout)
