"""Say what is wrong with what a runbook detects."""

import ast
from collections.abc import Iterator

from quantum_scheduler.expressions.parse import Expression, dotted
from quantum_scheduler.runbooks.model import Runbook

_RISING = (ast.Gt, ast.GtE)
_FALLING = (ast.Lt, ast.LtE)
_NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.NotEq: ast.Eq,
    ast.Eq: ast.NotEq,
}
# A count that is to be none, as `x > 0`, has nothing between none and one to keep apart.
NONE = 0.0


def lint_signals(runbook: Runbook) -> Iterator[tuple[str, int, str]]:
    """Go through the signals: code, line and message of each thing that is wrong."""
    for signal in runbook.signals:
        if signal.hold is None:
            yield (
                "RB040",
                signal.line,
                f"{signal.title!r} has no `For`: write 2m, or 4 of 5, so that noise is none",
            )
        if signal.clears_when is None or signal.clears_hold is None:
            yield "RB041", signal.line, f"{signal.title!r} does not say when it clears, and for how long that is seen"
        elif touching := _find_touching(signal.when, signal.clears_when):
            message = f"{signal.title!r} raises and clears at the same {touching}: leave room between, or it will flap"
            yield "RB042", signal.line, message


def _find_touching(raises: Expression, clears: Expression) -> str | None:
    """Find a metric whose threshold to raise is also that to clear, and name both."""
    above = _read_thresholds(raises.node)
    for path, (op, threshold) in _read_thresholds(clears.node).items():
        if path not in above or threshold == NONE:
            continue
        raising, raised_at = above[path]
        is_rising, is_clearing = isinstance(raising, _RISING), isinstance(op, _FALLING)
        if isinstance(raising, _RISING + _FALLING) and isinstance(op, _RISING + _FALLING) and is_rising == is_clearing:
            crosses = threshold >= raised_at if is_rising else threshold <= raised_at
            if crosses:
                return f"{path} = {threshold:g}"
    return None


def _read_thresholds(node: ast.expr) -> dict[str, tuple[ast.cmpop, float]]:
    """Read `metric > number` off an expression and off the parts that it joins by and."""
    found: dict[str, tuple[ast.cmpop, float]] = {}
    parts = node.values if isinstance(node, ast.BoolOp) else [node]
    for part in parts:
        if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.Not) and isinstance(part.operand, ast.Compare):
            negated = part.operand
            read = _read_threshold(negated)
            if read is not None:
                found[read[0]] = (_NEGATED[type(read[1])](), read[2])
        elif isinstance(part, ast.Compare) and (read := _read_threshold(part)) is not None:
            found[read[0]] = (read[1], read[2])
    return found


def _read_threshold(node: ast.Compare) -> tuple[str, ast.cmpop, float] | None:
    path = dotted(node.left)
    limit = node.comparators[0]
    if path is None or len(node.ops) != 1 or type(node.ops[0]) not in _NEGATED:
        return None
    if not isinstance(limit, ast.Constant) or not isinstance(limit.value, int | float):
        return None
    return path, node.ops[0], float(limit.value)
