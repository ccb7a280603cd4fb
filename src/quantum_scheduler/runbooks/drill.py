"""Read a runbook's own tests: the fenced blocks marked `drill`."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from quantum_scheduler.expressions.duration import parse_duration
from quantum_scheduler.runbooks.model import Answer, Drill, Expectation, Scalar
from quantum_scheduler.runbooks.outline import Fence

DRILL_CHARS_MAX = 20_000
SAMPLES_MAX = 100_000
LIST_MAX = 200
INTERVAL_S = 15.0
FIELDS = ("name", "every", "metrics", "returns", "answers", "expect", "never")
_RUN = re.compile(r"(.+?)(?:\s+x\s*(\d{1,6}))?\Z")
_EXPECTATION = re.compile(r"([a-z_]+)(?:\s+(.*?))??(?:\s+within\s+(\d[\w. ]*))?\Z")


class DrillInvalid(ValueError):  # noqa: N818
    """A drill cannot be read; `line` is where it stands in its file."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


def read_drill(fence: Fence) -> Drill:
    """Read a drill. Raises DrillInvalid."""
    document = _load(fence)
    unknown = sorted(set(document) - set(FIELDS))
    if unknown:
        raise DrillInvalid(fence.line, f"a drill has no field {unknown[0]}; it has {', '.join(FIELDS)}")
    try:
        return Drill(
            line=fence.line,
            name=_text(document.get("name"), "name"),
            interval_s=parse_duration(_text(document["every"], "every")) if "every" in document else INTERVAL_S,
            series={name: _read_series(name, text) for name, text in _mapping(document, "metrics").items()},
            returns={name: _read_returns(name, given) for name, given in _mapping(document, "returns").items()},
            answers=tuple(_read_answer(each) for each in _list(document, "answers")),
            expect=tuple(_read_expectation(each) for each in _list(document, "expect")),
            never=tuple(_read_expectation(each) for each in _list(document, "never")),
        )
    except ValueError as error:
        raise DrillInvalid(fence.line, str(error)) from None


def _load(fence: Fence) -> dict[str, Any]:
    """Load the YAML once it is known to be small and to refer to nothing."""
    if len(fence.content) > DRILL_CHARS_MAX:
        raise DrillInvalid(fence.line, f"a drill may have {DRILL_CHARS_MAX:,} characters")
    try:
        for event in yaml.parse(fence.content, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                line = fence.line + 1 + (event.start_mark.line if event.start_mark else 0)
                raise DrillInvalid(line, "anchors and aliases may not be used in a drill")
        document = yaml.safe_load(fence.content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, DrillInvalid):
            raise
        mark = getattr(error, "problem_mark", None)
        raise DrillInvalid(fence.line + (0 if mark is None else mark.line + 1), "the drill is not YAML") from None
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise DrillInvalid(fence.line, "a drill must hold fields such as name, metrics and expect")
    return document


def _read_series(name: str, given: object) -> tuple[tuple[Scalar, int], ...]:
    """Read `up x4, down x60` into values and counts."""
    runs: list[tuple[Scalar, int]] = []
    for part in _text(given, name).split(","):
        match = _RUN.match(part.strip())
        if match is None:
            raise ValueError(f"{name} is {given!r}; write values such as `up x4, down x60`")
        runs.append((_read_scalar(match[1]), int(match[2] or 1)))
    if sum(count for _, count in runs) > SAMPLES_MAX:
        raise ValueError(f"{name} has more than {SAMPLES_MAX:,} samples")
    return tuple(runs)


def _read_scalar(text: str) -> Scalar:
    """Read a value as YAML would: a number, true or false, `null`, or text."""
    value = yaml.safe_load(text) if re.fullmatch(r"[\w.+-]+", text) else text
    return value if isinstance(value, str | int | float | bool) or value is None else text


def _read_returns(name: str, given: object) -> tuple[Mapping[str, Scalar], ...]:
    """Read what a call returns: one mapping for always, or a list with one a call."""
    each_call = given if isinstance(given, list) else [given]
    for result in each_call:
        if not isinstance(result, dict):
            raise ValueError(f"what {name} returns must be a mapping such as {{status: 401}}, or a list of such")  # noqa: TRY004
    return tuple(each_call)


def _read_answer(given: object) -> Answer:
    if not isinstance(given, dict) or set(given) - {"step", "answer", "by", "after"}:
        raise ValueError("an answer must look like {step: TITLE, answer: approve, by: quantum-lead, after: 2m}")
    return Answer(
        step=_text(given.get("step"), "step"),
        answer=_text(given.get("answer"), "answer"),
        by=_text(given.get("by"), "by"),
        after_s=parse_duration(_text(given["after"], "after")) if "after" in given else 0.0,
    )


def _read_expectation(given: object) -> Expectation:
    text = " ".join(_text(given, "expect").split())
    match = _EXPECTATION.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not an event; write `declared within 90s` or `branch TITLE`")
    return Expectation(
        event=match[1], detail=match[2] or "", within_s=None if match[3] is None else parse_duration(match[3])
    )


def _mapping(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name) or {}
    if not isinstance(value, dict) or len(value) > LIST_MAX or not all(isinstance(key, str) for key in value):
        raise ValueError(f"{name} must hold names with values, {LIST_MAX} at most")
    return value


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name) or []
    if not isinstance(value, list) or len(value) > LIST_MAX:
        raise ValueError(f"{name} must be a list, of {LIST_MAX} at most")
    return value


def _text(value: object, name: str) -> str:
    if isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} must be text")
    return value.strip()
