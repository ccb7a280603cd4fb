"""`solve`: a verified answer without the service."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

IMPOSSIBLE = json.dumps(
    {
        "kind": "schedule",
        "agents": [{"id": "Ann"}],
        "tasks": [{"id": "a", "duration": 5, "deadline": 5}, {"id": "b", "duration": 5, "deadline": 5}],
    }
)


def test_a_schedule_is_solved_shown_written_and_drawn(run: Any, examples: Path, tmp_path: Path) -> None:
    out, svg = tmp_path / "result.json", tmp_path / "plan.svg"
    ended = run("solve", examples / "workshop.yaml", "--time-limit", "3", "--out", out, "--svg", svg)
    assert ended.returncode == 0, ended.stderr
    result = json.loads(out.read_text())
    assert f"{result['objective']:,}" in ended.stdout
    assert "verified" in ended.stdout
    assert "┃" in ended.stdout
    assert "\x1b" not in ended.stdout + ended.stderr
    assert len(result["solution"]["assignments"]) == 60
    assert ET.fromstring(svg.read_text()).get("role") == "img"


def test_json_is_one_document_and_the_seed_fixes_the_answer(run: Any, examples: Path) -> None:
    answers = [
        json.loads(run("solve", examples / "bqp100_1.qubo", "--time-limit", "1", "--seed", "7", "--json").stdout)
        for _ in range(2)
    ]
    assert answers[0]["solution"] == answers[1]["solution"]
    assert answers[0]["objective"] == -7970
    assert answers[0]["verified"] is True


def test_an_infeasible_problem_gives_exit_code_1_and_the_reason(run: Any) -> None:
    ended = run("solve", "-", "--json", stdin=IMPOSSIBLE)
    assert ended.returncode == 1
    result = json.loads(ended.stdout)
    assert (result["status"], result["solution"]) == ("infeasible", None)
    assert "infeasible" in run("solve", "-", stdin=IMPOSSIBLE).stdout


def test_an_unknown_backend_and_an_unwritable_file_are_refused(run: Any, examples: Path) -> None:
    unknown = run("solve", examples / "bqp100_1.qubo", "--backend", "abacus")
    assert unknown.returncode == 2
    assert "classical" in unknown.stderr
    unwritable = run("solve", examples / "bqp100_1.qubo", "--time-limit", "0.5", "--out", "/nowhere/result.json")
    assert unwritable.returncode == 2
    assert unwritable.stderr.startswith("error: /nowhere/result.json: ")


def test_ctrl_c_stops_a_solve_early_with_the_best_so_far(examples: Path, clean_environ: dict[str, str]) -> None:
    arguments = ["solve", str(examples / "workshop.yaml"), "--json", "--time-limit", "600"]
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "quantum_scheduler", *arguments],
        env=clean_environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        assert b"Ctrl-C" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=60)
    assert process.returncode in {0, 130}
    assert stdout
