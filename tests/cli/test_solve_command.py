"""`solve`: a verified answer without the service."""

import json
import os
import pty
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from quantum_scheduler.cli.solve import hear_interrupts

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
    assert f"classical by {result['info']['method']} in" in ended.stdout
    assert "┃" in ended.stdout
    assert "\x1b" not in ended.stdout + ended.stderr
    assert len(result["solution"]["assignments"]) == 60
    assert ET.fromstring(svg.read_text()).get("role") == "img"


def test_json_is_one_document_and_the_seed_fixes_the_answer(run: Any, run_here: Any, examples: Path) -> None:
    arguments = ("solve", examples / "bqp100_1.qubo", "--time-limit", "1", "--seed", "7", "--json")
    first, second = json.loads(run(*arguments).stdout), json.loads(run_here(*arguments).stdout)
    assert (first["objective"], first["verified"]) == (-7970, True)
    assert first["solution"] == second["solution"]


def test_an_infeasible_problem_gives_exit_code_1_and_the_reason(run_here: Any, tmp_path: Path) -> None:
    file = tmp_path / "impossible.json"
    file.write_text(IMPOSSIBLE)
    ended = run_here("solve", file, "--json")
    assert ended.returncode == 1
    result = json.loads(ended.stdout)
    assert (result["status"], result["solution"]) == ("infeasible", None)
    assert "infeasible" in run_here("solve", file).stdout


@pytest.mark.parametrize(
    ("file", "method"), [("bqp100_1.qubo", "anneal"), ("workshop.yaml", "list"), ("workshop.yaml", "cp-sat")]
)
def test_a_method_is_used_alone(run_here: Any, examples: Path, file: str, method: str) -> None:
    ended = run_here("solve", examples / file, "--method", method, "--time-limit", "1", "--json")
    result = json.loads(ended.stdout)
    assert (result["method"], result["verified"]) == (method, True)


def test_a_search_ends_at_a_target_or_after_so_many_flips(run_here: Any, examples: Path) -> None:
    arguments = ("solve", examples / "bqp100_1.qubo", "--time-limit", "60", "--json")
    reached = json.loads(run_here(*arguments, "--target", "-7900").stdout)
    counted = json.loads(run_here(*arguments, "--flips-max", "1000").stdout)
    assert reached["objective"] <= -7900
    assert (reached["reproducible"], counted["reproducible"]) == (True, True)


@pytest.mark.parametrize(("file", "stand_in"), [("bqp100_1.qubo", "sampler"), ("workshop.yaml", "orders")])
def test_where_there_is_no_compiler_slower_searches_stand_in(
    run: Any, examples: Path, tmp_path: Path, file: str, stand_in: str
) -> None:
    bare = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    ended = run("solve", examples / file, "--time-limit", "1", "--json", environ=bare)
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert result["verified"]
    assert stand_in in result["info"]["method"]
    assert "there is no C compiler" in ended.stderr


def test_an_unknown_method_is_refused_with_the_choices(run_here: Any, examples: Path) -> None:
    ended = run_here("solve", examples / "bqp100_1.qubo", "--method", "prayer")
    assert ended.returncode == 2
    last = ended.stderr.splitlines()[-1]
    assert last == (
        "error: classical solves no binary problem by 'prayer'; "
        "choose from auto, tabu, multispin, anneal, exchange, sampler"
    )


def test_an_unknown_backend_and_an_unwritable_file_are_refused(run_here: Any, examples: Path) -> None:
    unknown = run_here("solve", examples / "bqp100_1.qubo", "--backend", "abacus")
    assert unknown.returncode == 2
    assert "installed: braket, classical, dwave" in unknown.stderr
    for option in ("--out", "--svg"):
        unwritable = run_here("solve", examples / "workshop.yaml", option, "/nowhere/file")
        assert unwritable.returncode == 2
        assert unwritable.stderr == "error: /nowhere/file: there is no folder /nowhere\n"


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_gets_colour_unless_no_color_is_set(
    clean_environ: dict[str, str], tmp_path: Path, variables: dict[str, str], coloured: bool
) -> None:
    file = tmp_path / "one.json"
    file.write_text('{"kind": "schedule", "agents": [{"id": "Ann"}], "tasks": [{"id": "cut", "duration": 3}]}')
    terminal, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "quantum_scheduler", "solve", str(file)],
        env={**clean_environ, "TERM": "xterm-256color", **variables},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.wait(60) == 0
    os.close(theirs)
    said = os.read(terminal, 65_536).decode()
    os.close(terminal)
    colours = re.findall(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7])[;m]", said)
    assert bool(colours) == coloured
    assert ("┃cut━" in said) != coloured


def test_ctrl_c_takes_the_best_so_far(tmp_path: Path, clean_environ: dict[str, str]) -> None:
    chance, large = random.Random(1), tmp_path / "large.json"  # so large that its search does not soon end by itself
    pairs = [[chance.randrange(2_500), chance.randrange(2_500, 5_000), chance.randint(-9, 9)] for _ in range(20_000)]
    large.write_text(json.dumps({"kind": "binary", "quadratic": pairs}))
    arguments = ["solve", str(large), "--time-limit", "600", "--json"]
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "quantum_scheduler", *arguments],
        env=clean_environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        assert b"Ctrl-C" in process.stderr.readline()
        time.sleep(5.0)  # by then it has found something
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=60)
    result = json.loads(stdout)
    assert (result["status"], result["verified"], result["reproducible"]) == ("timed_out", True, False)
    assert process.returncode == 0


def test_the_second_ctrl_c_ends_the_program() -> None:
    with pytest.raises(KeyboardInterrupt), hear_interrupts() as stop:  # noqa: PT012  the first one raises nothing
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
