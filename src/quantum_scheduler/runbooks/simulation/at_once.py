"""Evaluate what never waits for anything, without an event loop."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from quantum_scheduler.expressions.evaluate import Scope, Value, evaluate
from quantum_scheduler.expressions.parse import Expression

T = TypeVar("T")


def run_at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run what waits for nothing to its end."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("nothing may wait here")


def evaluate_at_once(expression: Expression, scope: Scope) -> Value:
    """Evaluate an expression over a scope that knows everything already."""
    return run_at_once(evaluate(expression, scope))
