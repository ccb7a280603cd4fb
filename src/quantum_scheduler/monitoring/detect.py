"""Decide from samples when a signal is raised and when it clears again: pure, and in whatever time it is given."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from quantum_scheduler.expressions.evaluate import UNKNOWN, Value
from quantum_scheduler.expressions.parse import Expression
from quantum_scheduler.monitoring.hold import NOTHING, Hold, Seen, look, read_seen, write_seen

Severity = Literal["P0", "P1", "P2", "P3"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
Change = Literal["raised", "cleared"]

# A signal that changes so often within the window is flapping; it stays raised until the window has passed.
FLAPPING_CHANGES = 6
FLAPPING_WINDOW_S = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A signal of a runbook: raised once `when` has been seen as `hold` asks, clear once `clears_when` has."""

    runbook: str
    title: str
    when: Expression
    hold: Hold
    severity: Severity
    clears_when: Expression
    clears_hold: Hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """The state of one rule: whether it is raised, what was seen of both its conditions, and when it changed lately."""

    is_raised: bool = False
    raising: Seen = NOTHING
    clearing: Seen = NOTHING
    first_true_s: float | None = None  # when the condition was first seen of what has raised it
    changes_s: tuple[float, ...] = ()

    def is_flapping(self, now_s: float) -> bool:
        """Say whether it has changed too often lately to be taken at its word."""
        return sum(at_s > now_s - FLAPPING_WINDOW_S for at_s in self.changes_s) >= FLAPPING_CHANGES


def watch_signal(
    rule: Rule, signal: Signal, *, when: Value, clears_when: Value, now_s: float
) -> tuple[Signal, Change | None]:
    """Take one sample of both conditions of a rule: the new state, and what has changed by it.

    An unknown sample changes nothing. A signal whose raising condition is still true does not clear, and neither does
    one that is flapping.
    """
    if not signal.is_raised:
        return _watch_quiet(rule, signal, when, now_s)
    clearing, has_cleared = look(rule.clears_hold, signal.clearing, clears_when, now_s)
    is_still_true = when is not UNKNOWN and bool(when)
    if is_still_true and rule.clears_hold.duration_s is not None:
        clearing, has_cleared = NOTHING, False
    watched = replace(signal, clearing=clearing)
    if not has_cleared or is_still_true or signal.is_flapping(now_s):
        return watched, None
    return Signal(changes_s=_remember(signal.changes_s, now_s)), "cleared"


def _watch_quiet(rule: Rule, signal: Signal, when: Value, now_s: float) -> tuple[Signal, Change | None]:
    raising, is_raised = look(rule.hold, signal.raising, when, now_s)
    first_true_s = signal.first_true_s
    if when is not UNKNOWN:
        hits = [at_s for at_s, truth in raising.samples if truth]
        first_true_s = raising.since_s if raising.since_s is not None else min(hits, default=None)
    watched = replace(signal, raising=raising, first_true_s=first_true_s)
    if not is_raised:
        return watched, None
    return replace(
        watched, is_raised=True, raising=NOTHING, clearing=NOTHING, changes_s=_remember(signal.changes_s, now_s)
    ), "raised"


def _remember(changes_s: tuple[float, ...], now_s: float) -> tuple[float, ...]:
    return (*(at_s for at_s in changes_s if at_s > now_s - FLAPPING_WINDOW_S), now_s)[-2 * FLAPPING_CHANGES :]


def write_signal(signal: Signal) -> dict[str, Any]:
    """Write a state as JSON, for whoever watches after this process."""
    return {
        "is_raised": signal.is_raised,
        "raising": write_seen(signal.raising),
        "clearing": write_seen(signal.clearing),
        "first_true_s": signal.first_true_s,
        "changes_s": list(signal.changes_s),
    }


def read_signal(document: Mapping[str, Any]) -> Signal:
    """Read what `write_signal` wrote."""
    return Signal(
        is_raised=document["is_raised"],
        raising=read_seen(document["raising"]),
        clearing=read_seen(document["clearing"]),
        first_true_s=document["first_true_s"],
        changes_s=tuple(document["changes_s"]),
    )
