"""The nouns of a runbook as it is written, before anything of it is executed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias

from quantum_scheduler.expressions.parse import Expression
from quantum_scheduler.monitoring.detect import Severity
from quantum_scheduler.monitoring.hold import Hold

AskKind = Literal["acknowledge", "approve", "confirm", "choose"]
Scalar: TypeAlias = str | int | float | bool | None


class RunbookInvalid(ValueError):  # noqa: N818
    """A file is no runbook at all, or more than one may be; `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is to be said of a line of a runbook; an `info` does not keep it from being executed."""

    code: str
    level: Literal["error", "info"]
    line: int
    message: str

    @staticmethod
    def error(code: str, line: int, message: str) -> "Finding":
        """Say what keeps a runbook from being executed."""
        return Finding(code=code, level="error", line=line, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Do:
    """Call an action; its result is kept under `name` where that is given."""

    line: int
    call: Expression
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something must become true `within_s`; None means now."""

    line: int
    expression: Expression
    within_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A gate: people with one of `roles` answer `within_s`, or else `otherwise` is called."""

    line: int
    kind: AskKind
    roles: tuple[str, ...]
    within_s: float | None = None
    otherwise: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Wait until something has been true for `hold_s`, looked at every `every_s`, and no longer than `at_most_s`."""

    line: int
    expression: Expression
    hold_s: float = 0.0
    at_most_s: float
    every_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Try a failed step again, `times` in all, `apart_s` from each other."""

    times: int
    apart_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RampRow:
    """Give a backend `share` percent of its traffic for `hold_s`, and go on if `go_on` holds then."""

    line: int
    share: float
    hold_s: float
    go_on: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A numbered item: a title and words for a person, and machine lines where the engine can do it."""

    id: str  # phase.step, or phase.branch.step, each counted from 1
    title: str
    text: str
    line: int
    when: Expression | None = None
    do: tuple[Do, ...] = ()
    check: tuple[Check, ...] = ()
    undo: tuple[Do, ...] = ()
    ask: Ask | None = None
    wait: Wait | None = None
    retry: Retry | None = None
    every_s: float | None = None
    ramp: tuple[RampRow, ...] = ()

    @property
    def is_automated(self) -> bool:
        """Whether the engine does something in it besides asking."""
        return bool(self.do or self.check or self.wait or self.ramp)

    @property
    def is_manual(self) -> bool:
        """Whether a person ticks it off."""
        return not self.is_automated and self.ask is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One way to go on; the first whose `when` is true is taken, and `Otherwise` where none is."""

    title: str
    line: int
    when: Expression | None
    steps: tuple[Step, ...]
    is_otherwise: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A part of a runbook: it starts at the latest `starts_s` after the incident, and promises to end by `ends_s`."""

    title: str
    line: int
    starts_s: float | None
    ends_s: float | None
    steps: tuple[Step, ...]
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A row of the detection table."""

    line: int
    title: str
    when: Expression
    hold: Hold | None
    severity: Severity
    clears_when: Expression | None
    clears_hold: Hold | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person does in a drill: answers the gate of the step with this title, `after_s` it was asked."""

    step: str
    answer: str
    by: str
    after_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """An event that a drill must see, such as `branch` with the branch's title, at the latest after `within_s`."""

    event: str
    detail: str = ""
    within_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """A test of a runbook: what the metrics do, what people answer, what calls return, and what must come of it."""

    line: int
    name: str
    interval_s: float
    series: Mapping[str, tuple[tuple[Scalar, int], ...]]  # each value with the number of samples it is seen in
    returns: Mapping[str, tuple[Mapping[str, Scalar], ...]] = field(default_factory=dict)
    answers: tuple[Answer, ...] = ()
    expect: tuple[Expectation, ...] = ()
    never: tuple[Expectation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Runbook:
    """A runbook. `name` is its slug; what its front matter does not say is None."""

    name: str
    title: str
    line: int
    sha256: str
    service: str | None = None
    owner: str | None = None
    review_by: date | None = None
    on_call: str | None = None
    lock: str | None = None
    dashboard: str | None = None
    signals: tuple[Signal, ...] = ()
    phases: tuple[Phase, ...] = ()
    drills: tuple[Drill, ...] = ()
    has_front_matter: bool = False

    def steps(self) -> Iterator[Step]:
        """Go through every step, those of all branches among them."""
        for phase in self.phases:
            yield from phase.steps
            for branch in phase.branches:
                yield from branch.steps

    def branches(self) -> Iterator[Branch]:
        """Go through every branch."""
        for phase in self.phases:
            yield from phase.branches


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a file holds: its runbooks, and what reading it found to say."""

    name: str
    runbooks: tuple[Runbook, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of some runbooks the engine does: steps in all, automated or gated, and manual."""

    steps: int
    automated: int
    gated: int
    manual: int

    @property
    def share(self) -> float:
        """The share of steps that are automated or gated, 0 to 1."""
        return (self.automated + self.gated) / self.steps if self.steps else 0.0


def list_expressions(runbook: Runbook) -> Iterator[Expression]:
    """Go through every expression and every call of a runbook."""
    for signal in runbook.signals:
        yield from (each for each in (signal.when, signal.clears_when) if each is not None)
    yield from (branch.when for branch in runbook.branches() if branch.when is not None)
    for step in runbook.steps():
        asked = (step.when, step.ask.otherwise if step.ask else None, step.wait.expression if step.wait else None)
        yield from (each for each in asked if each is not None)
        yield from (each.call for each in (*step.do, *step.undo))
        yield from (each.expression for each in step.check)
        yield from (each.go_on for each in step.ramp)
