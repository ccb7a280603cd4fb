"""Operators steer where jobs go, and rotate keys, from the command line."""

import json
from pathlib import Path
from typing import Any


def test_an_operator_steers_where_jobs_go_and_a_job_says_why(run_here: Any, service: Any, examples: Path) -> None:
    def ask(*arguments: str) -> Any:
        ended = run_here("backends", *arguments, "--json", environ=service.environ)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def solve() -> Any:
        options = ("--backend", "quantum", "--time-limit", "0.5", "--wait", "--no-cache", "--json")
        ended = run_here("submit", examples / "bqp100_1.qubo", *options, environ=service.environ)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    ask("priority", "set", "simulator", "--reason", "drill", "--minutes", "5")
    raced = solve()
    assert [attempt["state"] for attempt in raced["quantum_attempts"]] == ["answered"]
    assert raced["result"]["race"]["quantum"]["objective"] is not None
    ask("breaker", "open", "simulator", "--reason", "drill", "--minutes", "5")
    (attempt,) = solve()["quantum_attempts"]
    assert attempt["reasons"] == [{"backend": "simulator", "rule": "breaker", "why": "opened by hand: drill"}]
    (state,) = [each for each in ask("routing")["backends"] if each["name"] == "simulator"]
    assert (state["breaker"], state["answered"]) == ("open", 1)
    ask("breaker", "close", "simulator")
    assert ask("ramp", "simulator", "100")["percent"] == 100
    assert ask("canary", "simulator")["passed"]
    assert ask("priority", "clear")["cleared"]


def test_a_key_is_rotated_from_standard_input_and_never_shown(run: Any, run_here: Any, service: Any) -> None:
    def ask(*arguments: str, **options: str) -> str:
        ended = (run if options else run_here)("secrets", *arguments, environ=service.environ, **options)
        assert ended.returncode == 0, ended.stderr
        said: str = ended.stdout + ended.stderr
        return said

    said = ask("set", "DYNEX_SDK_KEY", stdin="first-of-all-keys\n")
    said += ask("rotate", "DYNEX_SDK_KEY", stdin="second-of-all-keys\n")
    said += ask("promote", "DYNEX_SDK_KEY") + ask("restore", "DYNEX_SDK_KEY")
    said += ask("list")
    assert "version 1 current" in said
    assert "of-all-keys" not in said
    ask("remove", "DYNEX_SDK_KEY")


def test_what_cannot_be_meant_is_one_line_and_exit_code_2(run_here: Any, service: Any) -> None:
    for arguments in (
        ("backends", "ramp", "simulator", "101"),
        ("backends", "breaker", "open", "abacus", "--reason", "drill"),
        ("secrets", "promote", "DYNEX_SDK_KEY"),
    ):
        ended = run_here(*arguments, environ=service.environ)
        assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr
