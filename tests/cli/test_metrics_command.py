"""`metrics`: what is measured, now and lately, from the service that measures it."""

import json
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from quantum_scheduler.console.sparkline import draw_sparkline, gather

PATIENCE_S = 60.0


@pytest.fixture
def measuring(service: Any, run_here: Any) -> Any:
    """A service that has measured something."""
    give_up_at = time.monotonic() + PATIENCE_S
    while json.loads(run_here("metrics", "qih.queue_depth", "--json", environ=service.environ).stdout)["at"] is None:
        assert time.monotonic() < give_up_at
        time.sleep(0.2)
    return service


def test_metrics_are_chosen_by_how_their_names_begin_and_shown_with_their_unit(measuring: Any, run_here: Any) -> None:
    ended = run_here("metrics", "dynex", "worker.slots", environ=measuring.environ)
    assert ended.returncode == 0, ended.stderr
    head, *lines = ended.stdout.splitlines()
    assert head.split()[:5] == ["metric", "now", "unit", "last", "1h"]
    rows = {line.split()[0]: line.split() for line in lines}
    assert {name.partition(".")[0] for name in rows} == {"dynex", "worker"}
    assert rows["worker.slots"][2] == "slots"
    assert int(rows["worker.slots"][1]) >= 1
    assert rows["dynex.latency_p95"][1] == "-"
    assert rows["dynex.breaker"][1] == "closed"


def test_without_a_name_every_metric_is_listed_with_what_it_was(measuring: Any, run_here: Any) -> None:
    ended = run_here("metrics", "--since", "10m", "--json", environ=measuring.environ)
    document = json.loads(ended.stdout)
    items = {each["name"]: each for each in document["items"]}
    assert {"qih.queue_depth", "dynex.health_status", "host.load"} <= items.keys()
    assert document["since_s"] == 600
    assert items["worker.slots"]["points"]
    assert items["dynex.latency_p95"]["value"] is None


def test_an_unknown_name_and_a_span_that_is_none_are_one_line(measuring: Any, run_here: Any) -> None:
    misspelt = run_here("metrics", "dynx", environ=measuring.environ)
    assert (misspelt.returncode, misspelt.stderr.count("\n")) == (2, 1)
    assert "dynex" in misspelt.stderr
    ended = run_here("metrics", "--since", "yesterday", environ=measuring.environ)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)


def test_every_new_sample_is_shown_until_it_is_interrupted(measuring: Any, clean_environ: dict[str, str]) -> None:
    command = [sys.executable, "-P", "-m", "quantum_scheduler", "metrics", "host.load", "--watch", "--json"]
    with subprocess.Popen(
        command, env={**clean_environ, **measuring.environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        first, second = (json.loads(process.stdout.readline()) for _ in range(2))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
    assert second["at"] > first["at"]
    assert len(second["items"][0]["points"]) > len(first["items"][0]["points"])
    assert process.returncode == 130


def test_bars_go_from_the_least_to_the_most_and_leave_gaps() -> None:
    bars = gather([(0.0, 1.0), (0.5, 3.0), (3.0, 9.0), (4.0, 5.0), (9.0, 7.0)], begins=0.0, ends=4.0, columns=4)
    assert bars == [2.0, None, None, 7.0]
    assert draw_sparkline(bars, least=2.0, most=7.0) == "▁  █"
    assert draw_sparkline([5.0, None], least=5.0, most=5.0) == "▁ "
