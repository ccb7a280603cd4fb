"""What went wrong is kept in a bounded file, whoever writes it, and patterns are found in it."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quantum_scheduler.monitoring.errors_kept import ErrorsKept, find_log_patterns

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def say(kept: ErrorsKept, event: str, *, level: str = "error", at: datetime = NOW, **said: object) -> None:
    kept(None, level, {"timestamp": at.isoformat(), "level": level, "event": event, **said})


def test_what_went_wrong_is_kept_and_nothing_else(tmp_path: Path) -> None:
    kept = ErrorsKept(tmp_path / "logs")
    line = {"timestamp": NOW.isoformat(), "level": "info", "event": "job.settled", "secret": "x"}
    assert kept(None, "info", line) is line
    say(kept, "request.answered", level="info", status=503, path="/v1/jobs", secret="hidden")
    say(kept, "watch.step_failed", exception=[{"exc_type": "OSError", "exc_value": "no route"}])
    text = (tmp_path / "logs" / "errors.jsonl").read_text()
    assert [json.loads(each)["event"] for each in text.splitlines()] == ["request.answered", "watch.step_failed"]
    assert "hidden" not in text


def test_the_most_frequent_pattern_comes_first_and_old_lines_are_left_out(tmp_path: Path) -> None:
    kept = ErrorsKept(tmp_path)
    say(kept, "old", at=NOW - timedelta(hours=1))
    for _ in range(3):
        say(kept, "backend.check_failed", exception=[{"exc_type": "TimeoutError", "exc_value": "5 s"}])
    say(kept, "queue.slow", level="warning", reason="it is")
    with (tmp_path / "errors.jsonl").open("a") as file:
        file.write('{"timestamp": "2026-03-01T1')
    found = find_log_patterns(kept, now=NOW + timedelta(seconds=1))
    assert (found.lines, found.errors, found.top_event, found.top_exception) == (
        4,
        3,
        "backend.check_failed",
        "TimeoutError",
    )
    assert [(each.lines, each.message) for each in found.patterns] == [(3, "5 s"), (1, "it is")]
    with pytest.raises(ValueError, match="a window of the log"):
        find_log_patterns(kept, now=NOW, window_s=0)


def test_the_files_stay_bounded_and_no_line_is_torn_whoever_writes(tmp_path: Path) -> None:
    kept = ErrorsKept(tmp_path, file_bytes_max=20_000)

    def write(number: int) -> None:
        for _ in range(200):
            say(ErrorsKept(tmp_path, file_bytes_max=20_000), f"event.{number}", reason="x" * 100)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["errors.1.jsonl", "errors.jsonl"]
    for path in kept.files:
        lines = path.read_text().splitlines()
        assert path.stat().st_size < 22_000
        assert {json.loads(line)["message"] for line in lines} == {"x" * 100}


def test_a_folder_without_a_log_has_no_patterns(tmp_path: Path) -> None:
    found = find_log_patterns(ErrorsKept(tmp_path / "none"), now=NOW)
    assert (found.lines, found.top_event, found.patterns) == (0, "", ())
