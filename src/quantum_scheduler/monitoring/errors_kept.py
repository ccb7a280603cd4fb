"""Keep what went wrong as JSON lines in a bounded file, and look for patterns in it.

Any number of processes append to one file; whoever finds it full puts it aside in place of the one before.
"""

import fcntl
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FILE_BYTES_MAX = 4 * 2**20
LINE_BYTES_MAX = 8_192
LINES_READ_MAX = 50_000
LISTED_MAX = 20
TEXT_LENGTH_MAX = 200
WINDOW_S = 900.0
WINDOW_S_MAX = 7 * 86_400.0
LEVELS = frozenset({"warning", "error", "critical"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPattern:
    """Log lines of the same event that name the same exception; the message is the latest one's."""

    event: str
    level: str
    exception: str
    lines: int
    processes: int
    first_at: datetime
    last_at: datetime
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPatterns:
    """What the processes of this data folder logged as wrong lately: `top_share` of the lines are `top_event`."""

    lines: int
    errors: int
    top_event: str
    top_exception: str
    top_share: float
    patterns: tuple[LogPattern, ...]


class ErrorsKept:
    """A file of what went wrong. To structlog it is a processor: it keeps a line and hands it on as it is."""

    def __init__(self, folder: Path, *, file_bytes_max: int = FILE_BYTES_MAX) -> None:
        self._folder = folder
        self._file_bytes_max = file_bytes_max

    @property
    def files(self) -> tuple[Path, Path]:
        """The file that was put aside, and the one that is written."""
        return self._folder / "errors.1.jsonl", self._folder / "errors.jsonl"

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Keep a line if it is of something wrong."""
        if event.get("level") in LEVELS or event.get("status", 0) in range(500, 600):
            try:
                self._append(_write_line(event))
            except OSError:
                return event  # logging goes on where this disk is full
        return event

    def read(self, *, since: datetime) -> Iterator[Mapping[str, Any]]:
        """Go through what was kept since then, the newest `LINES_READ_MAX` lines at most."""
        lines: list[str] = []
        for path in self.files:
            try:
                lines += path.read_text(encoding="utf-8", errors="replace").splitlines()
            except OSError:
                continue
        for line in lines[-LINES_READ_MAX:]:
            try:
                kept = json.loads(line)
                if datetime.fromisoformat(kept["timestamp"]) > since:
                    yield kept
            except (ValueError, LookupError, TypeError):  # a line that a crash has cut short
                continue

    def _append(self, line: bytes) -> None:
        aside, path = self.files
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line)
            if os.fstat(descriptor).st_size > self._file_bytes_max:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                # Whoever had the lock before may have put this very file aside.
                if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
                    path.replace(aside)
        finally:
            os.close(descriptor)


def find_log_patterns(kept: ErrorsKept, *, now: datetime, window_s: float = WINDOW_S) -> LogPatterns:
    """`logs.patterns`: look for what the log lines of what went wrong have in common. Raises ValueError."""
    if not 0 < window_s <= WINDOW_S_MAX:
        raise ValueError(f"a window of the log has 0 to {WINDOW_S_MAX:g} seconds")
    return group_lines(kept.read(since=now - timedelta(seconds=window_s)))


def group_lines(lines: Iterable[Mapping[str, Any]]) -> LogPatterns:
    """Group log lines by event and exception, the most frequent first."""
    groups: defaultdict[tuple[str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for line in lines:
        groups[str(line.get("event", "")), str(line.get("level", "")), str(line.get("exception", ""))].append(line)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    patterns = tuple(_describe(key, group) for key, group in ordered[:LISTED_MAX])
    count = sum(len(group) for group in groups.values())
    top = patterns[0] if patterns else None
    return LogPatterns(
        lines=count,
        errors=sum(len(group) for (_, level, _), group in groups.items() if level != "warning"),
        top_event=top.event if top else "",
        top_exception=top.exception if top else "",
        top_share=top.lines / count if top else 0.0,
        patterns=patterns,
    )


def _describe(key: tuple[str, str, str], group: list[Mapping[str, Any]]) -> LogPattern:
    event, level, exception = key
    times = [datetime.fromisoformat(each["timestamp"]).astimezone(UTC) for each in group]
    return LogPattern(
        event=event,
        level=level,
        exception=exception,
        lines=len(group),
        processes=len({each.get("pid") for each in group}),
        first_at=min(times),
        last_at=max(times),
        message=str(group[-1].get("message", "")),
    )


def _write_line(event: Mapping[str, Any]) -> bytes:
    """Write what patterns are made of; whatever else the line held stays in the log alone."""
    raised = event.get("exception")
    first = raised[0] if isinstance(raised, list) and raised and isinstance(raised[0], Mapping) else {}
    kept = {
        "timestamp": event.get("timestamp"),
        "level": event.get("level"),
        "event": str(event.get("event", ""))[:TEXT_LENGTH_MAX],
        "pid": os.getpid(),
        "exception": str(first.get("exc_type", ""))[:TEXT_LENGTH_MAX],
        "message": str(first.get("exc_value") or event.get("reason") or event.get("path") or "")[:TEXT_LENGTH_MAX],
    }
    line = json.dumps(kept, default=str, separators=(",", ":")).encode()
    return line[: LINE_BYTES_MAX - 1] + b"\n"
