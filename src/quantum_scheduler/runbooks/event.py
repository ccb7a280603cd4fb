"""What happens to a run, and what its machine asks for: the two sides of `advance`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from quantum_scheduler.expressions.evaluate import Value
from quantum_scheduler.expressions.parse import Expression
from quantum_scheduler.runbooks.state import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """The action that `pc` called has returned; `value` is JSON."""

    pc: int
    value: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Broke:
    """The action that `pc` called could not do it."""

    pc: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """The values, some of which may be UNKNOWN, of the expressions that `pc` asked for at that look."""

    pc: int
    look: int
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Woken:
    """It is as late as `pc` asked to be told, at that look."""

    pc: int
    look: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Somebody answered the gate of a step (its id), or of a phase's branches (its number), perhaps before it opens."""

    step: str
    answer: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortAsked:
    """Somebody wants the run to stop and to take back what it did."""

    by: str
    why: str = ""


Event: TypeAlias = Returned | Broke | Evaluated | Woken | Answered | AbortAsked


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Have an action called; `Returned` or `Broke` must follow."""

    pc: int
    call: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluate:
    """Have expressions evaluated; `Evaluated` must follow."""

    pc: int
    look: int
    expressions: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """Have it told when it is `at_s`; `Woken` must follow, not before."""

    pc: int
    look: int
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Have written down what happened: a row of the timeline. `step` is an id, or a phase's number, or nothing.

    The kinds: run_started, phase_started, phase_overdue, phase_done, step_started, step_done, step_skipped,
    step_rejected, step_retried, step_failed, called, asked, answered, unanswered, branch, ramped, ramp_bad,
    ramp_tripped, run_aborting, undone, undo_failed, run_aborted, run_succeeded.
    """

    kind: str
    step: str = ""
    by: str = "runbook"
    detail: Mapping[str, Json] = field(default_factory=dict)


Effect: TypeAlias = Call | Evaluate | Wake | Record
