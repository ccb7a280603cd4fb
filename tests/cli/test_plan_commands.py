"""Operators look at plans, limits and quotas from the command line, and change them."""

import json
from typing import Any
from uuid import uuid4

LOCAL = "00000000-0000-7000-8000-000000000001"


def test_plans_are_defined_given_and_raised_on_the_database_itself(run: Any, service: Any) -> None:
    def ask(*arguments: str) -> Any:
        ended = run(*arguments, "--json", environ=service.environ)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    why = ("--reason", "a test", "--incident", "INC-3")
    defined = ask("plan", "define", "own", "--key", "70/7", "--quota", "solve_ms=5000000", "--soft", *why)
    assert (defined["key"], defined["quotas"]) == (
        {"requests": 70, "window_s": 7},
        {"solve_ms": {"amount": 5_000_000, "is_soft": True}},
    )
    assert "own" in [plan["name"] for plan in ask("plan", "list")]
    assert ask("plan", "set", LOCAL, "own", *why) == {"org_id": LOCAL, "plan": "own", "before": "operator"}
    raised = ask("quota", "raise", LOCAL, "solve_ms", "6000000", *why)
    assert (raised["amount"], raised["share"]) == (6_000_000, 0.0)
    assert [each["meter"] for each in ask("quota", "show", "--org", LOCAL)["customers"]] == ["solve_ms"]
    assert ask("limit", "multiplier", "own", "2", "--minutes", "1", *why)["ramp_s"] == 300
    assert [each["class_name"] for each in ask("limit", "show")["multipliers"]] == ["own"]
    assert ask("plan", "set", LOCAL, "operator", *why)["before"] == "own"


def test_what_there_is_not_is_told_in_one_line(run: Any, service: Any) -> None:
    for arguments, message in (
        (("plan", "set", str(uuid4()), "team"), "there is no organisation"),
        (("plan", "set", LOCAL, "none"), "there is no plan 'none'"),
        (("plan", "define", "own", "--key", "fast"), "write requests/seconds"),
        (("quota", "raise", LOCAL, "qpu_ms", "5"), "counts qpu_ms"),
        (("limit", "multiplier", "nothing", "2"), "no rates are of class"),
    ):
        ended = run(*arguments, "--reason", "a test", environ=service.environ)
        assert ended.returncode == 2, ended.stderr
        assert message in ended.stderr
