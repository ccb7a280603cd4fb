"""Read the machine lines of a step: keyword bullets with inline code."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from quantum_scheduler.expressions.duration import parse_duration
from quantum_scheduler.expressions.parse import Expression, ExpressionInvalid, parse_call, parse_expression
from quantum_scheduler.runbooks.model import Ask, AskKind, Check, Do, Finding, Retry, Wait
from quantum_scheduler.runbooks.outline import Item, Listing

KEYWORDS = ("when", "do", "check", "undo", "ask", "wait", "retry", "every")
ASK_KINDS: tuple[AskKind, ...] = ("acknowledge", "approve", "confirm", "choose")
RETRIES_MAX = 100
WAIT_EVERY_S = 5.0
# Nothing is looked at, or done again, more often than this.
WAIT_EVERY_MIN_S = 1.0
REPEAT_EVERY_MIN_S = 10.0
# The code between backticks may itself hold backticks in no way that CommonMark and a reader agree on.
_CODE = r"`([^`]+)`"
_DURATION = r"(\d[\w. ]*?)"
_LINE = re.compile(rf"({'|'.join(KEYWORDS)})\s*:\s*(.*)\Z", re.DOTALL)
_CHECK = re.compile(rf"{_CODE}(?:\s+within\s+{_DURATION})?\s*\Z")
_WAIT = re.compile(rf"{_CODE}(?:\s+for\s+{_DURATION})?\s*,\s*at most\s+{_DURATION}(?:\s*,\s*every\s+{_DURATION})?\s*\Z")
_ASK = re.compile(
    rf"(\w+)\s*,\s*by\s+([\w-]+(?:\s+or\s+[\w-]+)*)(?:\s*,\s*within\s+{_DURATION})?(?:\s*,\s*else\s+{_CODE})?\s*\Z"
)
_RETRY = re.compile(rf"(\d+)\s+times(?:\s*,\s*{_DURATION}\s+apart)?\s*\Z")
_ONLY_CODE = re.compile(rf"{_CODE}\s*\Z")

_FORMS = {
    "do": "- do: `room.action(...)` or - do: `name = room.action(...)`",
    "undo": "- undo: `room.action(...)`",
    "when": "- when: `EXPRESSION`",
    "check": "- check: `EXPRESSION` within 60s",
    "wait": "- wait: `EXPRESSION` for 5m, at most 24h, every 5m",
    "ask": "- ask: approve, by ROLE or ROLE, within 15m, else `room.action(...)`",
    "retry": "- retry: 3 times, 5s apart",
    "every": "- every: 30m",
}


@dataclass(slots=True)
class Machine:
    """The machine lines of one step."""

    when: Expression | None = None
    do: list[Do] = field(default_factory=list)
    check: list[Check] = field(default_factory=list)
    undo: list[Do] = field(default_factory=list)
    ask: Ask | None = None
    wait: Wait | None = None
    retry: Retry | None = None
    every_s: float | None = None


def split_keyword(content: str) -> tuple[str, str] | None:
    """Split `do: ...` into its keyword and the rest; None for a bullet that is words for a person."""
    match = _LINE.match(content)
    return (match[1], " ".join(match[2].split())) if match else None


def is_machine(listing: Listing) -> bool:
    """Say whether a list under a step holds machine lines."""
    return not listing.is_ordered and any(split_keyword(item.content) for item in listing.items)


def read_machine(listing: Listing, machine: Machine, findings: list[Finding]) -> None:
    """Read the keyword bullets of a list into `machine`; what cannot be read is a finding."""
    for item in listing.items:
        line = split_keyword(item.content)
        if line is not None:
            _read_line(item, *line, machine, findings)


def read_when(item: Item, findings: list[Finding]) -> Expression | None:
    """Read the `when` of a branch."""
    machine = Machine()
    line = split_keyword(item.content)
    if line is not None:
        _read_line(item, *line, machine, findings)
    return machine.when


def _read_line(item: Item, keyword: str, rest: str, machine: Machine, findings: list[Finding]) -> None:
    taken = getattr(machine, keyword if keyword != "every" else "every_s")
    if taken is not None and not isinstance(taken, list):
        findings.append(Finding.error("RB001", item.line, f"a step can have one `{keyword}`; make another step"))
        return
    try:
        is_read = _READERS[keyword](machine, rest, item.line)
    except ExpressionInvalid as error:
        findings.append(Finding.error("RB014", error.line, error.reason))
        return
    except ValueError as error:
        findings.append(Finding.error("RB001", item.line, str(error)))
        return
    if not is_read:
        findings.append(Finding.error("RB001", item.line, f"this cannot be read; write {_FORMS[keyword]}"))


def _read_do(machine: Machine, rest: str, line: int) -> bool:
    if match := _ONLY_CODE.match(rest):
        name, call = parse_call(match[1], line)
        machine.do.append(Do(line=line, call=call, name=name))
    return match is not None


def _read_undo(machine: Machine, rest: str, line: int) -> bool:
    if match := _ONLY_CODE.match(rest):
        name, call = parse_call(match[1], line)
        if name is not None:
            raise ValueError("nothing follows an undo that could use a result: leave its name away")
        machine.undo.append(Do(line=line, call=call))
    return match is not None


def _read_when(machine: Machine, rest: str, line: int) -> bool:
    if match := _ONLY_CODE.match(rest):
        machine.when = parse_expression(match[1], line)
    return match is not None


def _read_check(machine: Machine, rest: str, line: int) -> bool:
    if match := _CHECK.match(rest):
        within_s = None if match[2] is None else parse_duration(match[2])
        machine.check.append(Check(line=line, expression=parse_expression(match[1], line), within_s=within_s))
    return match is not None


def _read_wait(machine: Machine, rest: str, line: int) -> bool:
    if match := _WAIT.match(rest):
        machine.wait = Wait(
            line=line,
            expression=parse_expression(match[1], line),
            hold_s=0.0 if match[2] is None else parse_duration(match[2]),
            at_most_s=parse_duration(match[3]),
            every_s=WAIT_EVERY_S if match[4] is None else _parse_pause(match[4], WAIT_EVERY_MIN_S),
        )
    return match is not None


def _read_ask(machine: Machine, rest: str, line: int) -> bool:
    if match := _ASK.match(rest):
        kind = next((each for each in ASK_KINDS if each == match[1]), None)
        if kind is None:
            raise ValueError(f"{match[1]!r} cannot be asked; one of {', '.join(ASK_KINDS)} can")
        machine.ask = Ask(
            line=line,
            kind=kind,
            roles=tuple(re.split(r"\s+or\s+", match[2])),
            within_s=None if match[3] is None else parse_duration(match[3]),
            otherwise=None if match[4] is None else parse_call(match[4], line)[1],
        )
    return match is not None


def _read_retry(machine: Machine, rest: str, line: int) -> bool:
    if match := _RETRY.match(rest):
        if not 1 <= int(match[1][:9]) <= RETRIES_MAX:
            raise ValueError(f"a step may be tried 1 to {RETRIES_MAX} times")
        machine.retry = Retry(times=int(match[1]), apart_s=0.0 if match[2] is None else parse_duration(match[2]))
    return match is not None


def _read_every(machine: Machine, rest: str, line: int) -> bool:
    machine.every_s = _parse_pause(rest.strip("` "), REPEAT_EVERY_MIN_S)
    return True


def _parse_pause(text: str, least_s: float) -> float:
    """Read how often something comes again. Raises ValueError where that is too often."""
    pause_s = parse_duration(text)
    if pause_s < least_s:
        raise ValueError(f"every {text} is too often: {least_s:g}s is the least")
    return pause_s


_READERS: dict[str, Callable[[Machine, str, int], bool]] = {
    "do": _read_do,
    "undo": _read_undo,
    "when": _read_when,
    "check": _read_check,
    "wait": _read_wait,
    "ask": _read_ask,
    "retry": _read_retry,
    "every": _read_every,
}
