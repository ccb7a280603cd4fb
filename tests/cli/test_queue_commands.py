"""Operators steer the queue from the command line, on the database itself."""

import json
from pathlib import Path
from typing import Any

LANE = "solve.simulator"


def test_a_paused_lane_holds_its_jobs_until_they_are_moved_and_cancelled(
    run: Any, service: Any, examples: Path
) -> None:
    def ask(*arguments: str) -> Any:
        ended = run("queue", *arguments, "--json", environ=service.environ)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    assert ask("pause", LANE, "--reason", "maintenance", "--minutes", "5")["reason"] == "maintenance"
    submitted = run(
        *("submit", examples / "bqp100_1.qubo", "--backend", "simulator", "--no-cache", "--json"),
        environ=service.environ,
    )
    job_id = json.loads(submitted.stdout)["id"]
    stats = ask()
    assert [(each["lane"], each["depth"]) for each in stats["lanes"] if each["lane"] == LANE] == [(LANE, 1)]
    assert [each["lane"] for each in stats["paused"]] == [LANE]
    assert ask("prioritise", "--lane", LANE, "--to", "high")["job_ids"] == [job_id]
    assert ask("cancel", "--job", job_id)["job_ids"] == [job_id]
    assert ask("cancel", "--job", job_id)["job_ids"] == []
    assert ask("resume", LANE)["ready_lanes"] == [LANE]
    assert ask("resume", LANE)["ready_lanes"] == []


def test_a_limit_can_be_set_shown_and_lifted(run: Any, service: Any) -> None:
    set_to = run("queue", "limit", "3", "--lane", LANE, "--json", environ=service.environ)
    assert json.loads(set_to.stdout)["lanes"][LANE] == 3
    lifted = run("queue", "limit", "--lane", LANE, "--json", environ=service.environ)
    assert LANE not in json.loads(lifted.stdout)["lanes"]


def test_a_schedule_can_be_added_listed_and_removed(run: Any, service: Any) -> None:
    add = ("cron", "add", "nightly", "0 3 * * *", "tidy", "--payload", '{"days": 30}', "--json")
    added = json.loads(run(*add, environ=service.environ).stdout)
    assert (added["lane"], added["payload"]) == ("control", {"days": 30})
    listed = json.loads(run("cron", "--json", environ=service.environ).stdout)
    assert [each["name"] for each in listed] == ["nightly"]
    assert run("cron", "remove", "nightly", environ=service.environ).returncode == 0
    again = run("cron", "remove", "nightly", environ=service.environ)
    assert (again.returncode, again.stderr) == (2, "error: there is no entry 'nightly'\n")


def test_a_schedule_or_payload_that_is_none_is_refused(run: Any, service: Any) -> None:
    for arguments in (("whenever", "tidy"), ("0 3 * * *", "tidy", "--payload", "[]")):
        ended = run("cron", "add", "nightly", *arguments, environ=service.environ)
        assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)


def test_an_action_wants_to_know_which_jobs_are_meant(run: Any, service: Any) -> None:
    ended = run("queue", "kill", "--reason", "none", environ=service.environ)
    assert ended.returncode == 2
    assert "give at least one criterion" in ended.stderr
