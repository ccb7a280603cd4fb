"""Commands that talk to the service, against a real one."""

import json
from pathlib import Path
from typing import Any

SMALL = json.dumps(
    {
        "kind": "schedule",
        "agents": [{"id": "Ann"}, {"id": "Bo"}],
        "tasks": [{"id": "cut", "duration": 3}, {"id": "sew", "duration": 4, "dependencies": ["cut"]}],
    }
)
IMPOSSIBLE = json.dumps(
    {
        "kind": "schedule",
        "agents": [{"id": "Ann"}],
        "tasks": [{"id": "a", "duration": 5, "deadline": 5}, {"id": "b", "duration": 5, "deadline": 5}],
    }
)


def submit(run: Any, service: Any, document: str, *options: str) -> Any:
    ended = run("submit", "-", "--json", *options, stdin=document, environ=service.environ)
    assert ended.stderr.startswith("submitted job "), ended.stderr
    return json.loads(ended.stdout)


def test_submit_waits_for_the_verified_result_and_shows_it(run: Any, service: Any, examples: Path) -> None:
    ended = run("submit", examples / "bqp100_1.qubo", "--wait", "--time-limit", "2", environ=service.environ)
    assert ended.returncode == 0, ended.stderr
    assert "-7,970" in ended.stdout
    assert "verified    yes" in ended.stdout
    assert "\x1b" not in ended.stdout + ended.stderr


def test_submit_with_json_prints_the_job_and_nothing_else(run: Any, service: Any) -> None:
    job = submit(run, service, SMALL, "--wait", "--name", "two tasks", "--time-limit", "2")
    assert (job["name"], job["state"]) == ("two tasks", "succeeded")
    assert (job["result"]["objective"], job["result"]["verified"]) == (7, True)


def test_an_infeasible_problem_gives_exit_code_1_and_the_reason(run: Any, service: Any) -> None:
    ended = run("submit", "-", "--wait", "--time-limit", "2", stdin=IMPOSSIBLE, environ=service.environ)
    assert ended.returncode == 1
    assert "infeasible" in ended.stdout


def test_the_same_idempotency_key_gives_the_same_job_or_a_conflict(run: Any, service: Any) -> None:
    first = submit(run, service, SMALL, "--idempotency-key", "cli-test")
    again = submit(run, service, SMALL, "--idempotency-key", "cli-test")
    assert again["id"] == first["id"]
    other = run("submit", "-", "--idempotency-key", "cli-test", stdin=IMPOSSIBLE, environ=service.environ)
    assert other.returncode == 1
    assert "cli-test" in other.stderr


def test_jobs_pages_through_every_job(run: Any, service: Any) -> None:
    ids = {submit(run, service, SMALL, "--name", f"page {number}")["id"] for number in range(2)}
    page = json.loads(run("jobs", "--limit", "1", "--json", environ=service.environ).stdout)
    assert len(page["items"]) == 1
    following = run("jobs", "--limit", "1", "--cursor", page["next_cursor"], "--json", environ=service.environ)
    assert json.loads(following.stdout)["items"][0]["id"] != page["items"][0]["id"]
    every = json.loads(run("jobs", "--all", "--json", environ=service.environ).stdout)
    assert ids <= {job["id"] for job in every["items"]}
    assert every["next_cursor"] is None
    table = run("jobs", environ=service.environ).stdout
    assert all(job_id in table for job_id in ids)


def test_job_watch_prints_json_lines_up_to_the_last_state(run: Any, service: Any) -> None:
    job = submit(run, service, SMALL, "--no-cache", "--time-limit", "2")
    ended = run("job", job["id"], "--watch", "--json", environ=service.environ)
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.returncode == 0
    assert events[-1]["event"] == "state"
    assert events[-1]["data"]["state"] == "succeeded"
    assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)


def test_job_draws_a_schedule_it_only_knows_the_answer_of(run: Any, service: Any) -> None:
    job = submit(run, service, SMALL, "--wait", "--time-limit", "2")
    assert "┃cut━" in run("job", job["id"], "--gantt", environ=service.environ).stdout


def test_a_job_can_be_prioritised_and_cancelled_until_it_has_ended(run: Any, service: Any, examples: Path) -> None:
    slow = (examples / "workshop.yaml").read_text()
    job = submit(run, service, slow, "--time-limit", "60", "--no-cache", "--seed", "5")
    raised = run("prioritise", job["id"], "critical", "--json", environ=service.environ)
    assert json.loads(raised.stdout)["priority"] == "critical"
    assert run("cancel", job["id"], "--json", environ=service.environ).returncode == 0
    watched = run("job", job["id"], "--watch", environ=service.environ)
    assert watched.returncode == 1
    assert "cancelled" in watched.stdout
    again = run("cancel", job["id"], environ=service.environ)
    assert again.returncode == 1
    assert again.stderr.startswith("error: ")


def test_what_the_service_refuses_is_one_line_and_exit_code_2(run: Any, service: Any) -> None:
    for arguments in (
        ["job", "no-id"],
        ["job", "../backends"],
        ["job", "01234567-0123-7123-8123-012345678901"],
        ["jobs", "--cursor", "nonsense"],
        ["submit", "-", "--backend", "abacus"],
        ["submit", "-", "--name", "a\nb"],
    ):
        ended = run(*arguments, stdin=SMALL, environ=service.environ)
        assert (ended.returncode, ended.stdout) == (2, ""), arguments
        assert len(ended.stderr.splitlines()) == 1, ended.stderr


def test_a_wrong_key_is_refused_with_where_keys_come_from(run: Any, service: Any) -> None:
    ended = run("jobs", environ={**service.environ, "QUANTUM_SCHEDULER_API_KEY": "wrong"})
    assert ended.returncode == 2
    assert "QUANTUM_SCHEDULER_API_KEY" in ended.stderr


def test_backends_and_their_health_are_listed(run: Any, service: Any) -> None:
    listed = json.loads(run("backends", "--json", environ=service.environ).stdout)
    assert {"classical", "simulator"} <= {backend["name"] for backend in listed["items"]}
    assert "classical" in run("backends", environ=service.environ).stdout
    health = run("backends", "health", environ=service.environ)
    assert health.returncode == 0
    assert "up" in health.stdout
