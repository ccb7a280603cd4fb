"""`action`: whatever runbooks do can be done by hand."""

import json
from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]


def test_actions_are_listed_described_and_done(dsn: str, run_here: Run) -> None:
    environ = {"DATABASE_URL": dsn}
    listed = json.loads(run_here("action", "list", "--json").stdout)
    assert {"breaker.open", "jobs.kill", "page"} <= {each["name"] for each in listed}
    assert "breaker.close" in run_here("action", "describe", "breaker.open").stdout
    done = run_here("action", "run", "breaker.open", "backend=dynex", "minutes=5", "--json", environ=environ)
    assert json.loads(done.stdout)["state"] == "open"


def test_a_dangerous_action_must_be_confirmed(dsn: str, run_here: Run) -> None:
    environ = {"DATABASE_URL": dsn}
    refused = run_here("action", "run", "jobs.kill", "state=queued", environ=environ)
    assert refused.returncode == 1
    assert "--yes" in refused.stderr
    done = run_here("action", "run", "jobs.kill", "state=queued", "--yes", "--json", environ=environ)
    assert json.loads(done.stdout) == {"tasks": 0, "jobs": 0}


def test_what_is_no_action_or_no_argument_is_bad_usage(run_here: Run) -> None:
    for arguments in (("breaker.explode",), ("breaker.open", "vendor=dynex"), ("breaker.open",)):
        assert run_here("action", "run", *arguments).returncode == 2
