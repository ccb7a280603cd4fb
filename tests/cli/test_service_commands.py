"""Commands that talk to the service, against a real one."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SMALL = {
    "kind": "schedule",
    "agents": [{"id": "Ann"}, {"id": "Bo"}],
    "tasks": [{"id": "cut", "duration": 3}, {"id": "sew", "duration": 4, "dependencies": ["cut"]}],
}
IMPOSSIBLE = {
    "kind": "schedule",
    "agents": [{"id": "Ann"}],
    "tasks": [{"id": "a", "duration": 5, "deadline": 5}, {"id": "b", "duration": 5, "deadline": 5}],
}

Ask = Callable[..., Any]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A file with two tasks; their best makespan is 7."""
    file = tmp_path / "small.json"
    file.write_text(json.dumps(SMALL))
    return file


@pytest.fixture
def impossible(tmp_path: Path) -> Path:
    """A file with two tasks that one person cannot finish in time."""
    file = tmp_path / "impossible.json"
    file.write_text(json.dumps(IMPOSSIBLE))
    return file


@pytest.fixture
def ask(run_here: Any, service: Any) -> Ask:
    """Run a command for the service."""
    return lambda *arguments: run_here(*arguments, environ=service.environ)


def read(ended: Any) -> Any:
    """The one JSON document on standard output."""
    return json.loads(ended.stdout)


def test_submit_waits_for_the_verified_result_and_shows_it(run: Any, service: Any, examples: Path) -> None:
    ended = run("submit", examples / "bqp100_1.qubo", "--wait", "--time-limit", "1", environ=service.environ)
    assert ended.returncode == 0, ended.stderr
    assert "-7,970" in ended.stdout
    assert re.search(r"verified +yes", ended.stdout)
    assert "\x1b" not in ended.stdout + ended.stderr


def test_submit_reads_standard_input_and_prints_one_json_document(run: Any, service: Any) -> None:
    ended = run("submit", "-", "--wait", "--json", "--name", "two", stdin=json.dumps(SMALL), environ=service.environ)
    job = read(ended)
    assert (job["name"], job["state"]) == ("two", "succeeded")
    assert (job["result"]["objective"], job["result"]["verified"]) == (7, True)


def test_an_infeasible_problem_gives_exit_code_1_and_the_reason(ask: Ask, impossible: Path) -> None:
    ended = ask("submit", impossible, "--wait", "--time-limit", "2")
    assert ended.returncode == 1
    assert "infeasible" in ended.stdout


def test_the_same_idempotency_key_gives_the_same_job_or_a_conflict(ask: Ask, small: Path, impossible: Path) -> None:
    first, again = (read(ask("submit", small, "--json", "--idempotency-key", "one")) for _ in range(2))
    assert again["id"] == first["id"]
    other = ask("submit", impossible, "--idempotency-key", "one")
    assert other.returncode == 1
    assert "'one'" in other.stderr


def test_jobs_pages_through_every_job(ask: Ask, small: Path) -> None:
    ids = {read(ask("submit", small, "--json"))["id"] for _ in range(2)}
    page = read(ask("jobs", "--limit", "1", "--json"))
    following = read(ask("jobs", "--limit", "1", "--cursor", page["next_cursor"], "--json"))
    assert len({job["id"] for job in page["items"] + following["items"]}) == 2
    every = read(ask("jobs", "--all", "--json"))
    assert ids <= {job["id"] for job in every["items"]}
    assert every["next_cursor"] is None
    table = ask("jobs").stdout
    assert all(job_id in table for job_id in ids)


def test_job_watch_prints_json_lines_up_to_the_last_state(ask: Ask, small: Path) -> None:
    job = read(ask("submit", small, "--json", "--no-cache"))
    ended = ask("job", job["id"], "--watch", "--json")
    assert ended.returncode == 0
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert (events[-1]["event"], events[-1]["data"]["state"]) == ("state", "succeeded")
    assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)


def test_job_draws_a_schedule_of_which_it_knows_only_the_answer(ask: Ask, small: Path) -> None:
    job = read(ask("submit", small, "--wait", "--json"))
    assert "┃cut━" in ask("job", job["id"], "--gantt").stdout


def test_a_job_can_be_prioritised_and_cancelled_until_it_has_ended(ask: Ask, small: Path) -> None:
    ask("queue", "pause", "solve.classical", "--reason", "so that it does not end by itself", "--minutes", "5")
    job = read(ask("submit", small, "--no-cache", "--json"))
    assert read(ask("prioritise", job["id"], "critical", "--json"))["priority"] == "critical"
    assert ask("cancel", job["id"]).returncode == 0
    ask("queue", "resume", "solve.classical")
    watched = ask("job", job["id"], "--watch")
    assert watched.returncode == 1
    assert "cancelled" in watched.stdout
    ended = read(ask("submit", small, "--wait", "--json"))
    for command in (["cancel", ended["id"]], ["prioritise", ended["id"], "high"]):
        refused = ask(*command)
        assert refused.returncode == 1
        assert refused.stderr == f"error: job {ended['id']} has succeeded\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["job", "no-id"],
        ["job", "../backends"],
        ["job", "01234567-0123-7123-8123-012345678901"],
        ["jobs", "--cursor", "nonsense"],
        ["submit", "FILE", "--backend", "abacus"],
        ["submit", "FILE", "--method", "prayer"],
        ["submit", "FILE", "--name", "a\nb"],
    ],
)
def test_what_the_service_refuses_is_one_line_and_exit_code_2(ask: Ask, small: Path, arguments: list[str]) -> None:
    ended = ask(*(str(small) if argument == "FILE" else argument for argument in arguments))
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ")


def test_a_wrong_key_is_refused_with_where_keys_come_from(run_here: Any, service: Any) -> None:
    ended = run_here("jobs", environ={**service.environ, "QUANTUM_SCHEDULER_API_KEY": "wrong"})
    assert ended.returncode == 2
    assert "QUANTUM_SCHEDULER_API_KEY" in ended.stderr


def test_backends_and_their_health_are_listed(ask: Ask) -> None:
    assert {"classical", "simulator"} <= {backend["name"] for backend in read(ask("backends", "--json"))["items"]}
    assert "classical" in ask("backends").stdout
    health = ask("backends", "health")
    assert health.returncode == 0
    assert " up " in health.stdout
