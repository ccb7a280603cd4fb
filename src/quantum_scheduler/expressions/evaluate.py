"""Evaluate expressions over what is known now; what is not known makes an expression unknown, never false."""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, Protocol, TypeAlias

from quantum_scheduler.expressions.parse import Expression, dotted

TEXT_MAX = 10_000


class Unknown(Enum):
    """The one value of what is not known."""

    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        """Refuse: an unknown must be asked for by name, or it would pass for true."""
        raise TypeError("unknown is neither true nor false")

    def __repr__(self) -> str:
        """Show it as what it is."""
        return "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
Value: TypeAlias = Any  # str, int, float, bool, None, a list or a mapping of these, or UNKNOWN


class Scope(Protocol):
    """What the names of an expression stand for."""

    async def look_up(self, path: str) -> Value:
        """Find the value of a dotted name; UNKNOWN where it has none now."""
        ...

    async def call(self, name: str, arguments: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
        """Call a registered function."""
        ...


async def evaluate(expression: Expression, scope: Scope) -> Value:
    """Evaluate an expression in Kleene's three-valued logic: a value of the scope's, or UNKNOWN.

    What cannot be computed (a division by zero, an order between text and number) is unknown as well. `and`, `or` and
    if-else evaluate no more than they need.
    """
    return await _evaluate(expression.node, scope)


async def evaluate_arguments(call: Expression, scope: Scope) -> tuple[str, list[Value], dict[str, Value]]:
    """Evaluate the arguments of a call, without calling: the function's name, its arguments, its keywords.

    Something is to be done, whatever is known: an argument of the form `A if CONDITION else B` is B where the condition
    is unknown.
    """
    node = call.node
    assert isinstance(node, ast.Call)
    arguments = [await _evaluate_argument(each, scope) for each in node.args]
    keywords = {each.arg: await _evaluate_argument(each.value, scope) for each in node.keywords if each.arg is not None}
    return dotted(node.func) or "", arguments, keywords


async def _evaluate_argument(node: ast.expr, scope: Scope) -> Value:
    if isinstance(node, ast.IfExp):
        chosen = _truth(await _evaluate(node.test, scope))
        return await _evaluate_argument(node.body if chosen is True else node.orelse, scope)
    return await _evaluate(node, scope)


async def _evaluate(node: ast.expr, scope: Scope) -> Value:  # noqa: PLR0911  one return a kind of node
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name() | ast.Attribute():
            return await scope.look_up(dotted(node) or "")
        case ast.BoolOp(op=op, values=values):
            return await _join(values, scope, decisive=isinstance(op, ast.Or))
        case ast.UnaryOp(op=op, operand=operand):
            return _apply(_UNARY[type(op)], await _evaluate(operand, scope))
        case ast.BinOp(left=left, op=op, right=right):
            return _apply(_BINARY[type(op)], await _evaluate(left, scope), await _evaluate(right, scope))
        case ast.Compare():
            return await _compare(node, scope)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            chosen = _truth(await _evaluate(test, scope))
            return UNKNOWN if chosen is UNKNOWN else await _evaluate(body if chosen else orelse, scope)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [await _evaluate(each, scope) for each in elements]
        case ast.Call(func=func, args=args, keywords=keywords):
            values = [await _evaluate(each, scope) for each in args]
            named = {each.arg: await _evaluate(each.value, scope) for each in keywords if each.arg is not None}
            return await scope.call(dotted(func) or "", values, named)
    raise AssertionError(f"{type(node).__name__} was let through by the parser")


async def _join(values: Sequence[ast.expr], scope: Scope, *, decisive: bool) -> Value:
    """Join by `or` (decided by the first true) or by `and` (decided by the first false)."""
    is_unknown = False
    for each in values:
        truth = _truth(await _evaluate(each, scope))
        if truth is UNKNOWN:
            is_unknown = True
        elif truth is decisive:
            return decisive
    return UNKNOWN if is_unknown else not decisive


async def _compare(node: ast.Compare, scope: Scope) -> Value:
    """Compare in a chain, `a < b < c`, as the `and` of its links."""
    left, is_unknown = await _evaluate(node.left, scope), False
    for op, comparator in zip(node.ops, node.comparators, strict=True):
        right = await _evaluate(comparator, scope)
        truth = _apply(_COMPARISONS[type(op)], left, right)
        if truth is UNKNOWN:
            is_unknown = True
        elif not truth:
            return False
        left = right
    return UNKNOWN if is_unknown else True


def _truth(value: Value) -> Value:
    return UNKNOWN if value is UNKNOWN else bool(value)


def _apply(function: Callable[..., Value], *values: Value) -> Value:
    if any(value is UNKNOWN for value in values):
        return UNKNOWN
    try:
        return function(*values)
    except (TypeError, ArithmeticError, ValueError):
        return UNKNOWN


def _contains(member: Value, container: Value) -> Value:
    """Say whether a list holds a member; one that it might hold, because a part is unknown, is unknown."""
    if isinstance(container, list) and any(each is UNKNOWN for each in container):
        return True if any(each is not UNKNOWN and each == member for each in container) else UNKNOWN
    return member in container


def _lacks(member: Value, container: Value) -> Value:
    held = _contains(member, container)
    return UNKNOWN if held is UNKNOWN else not held


def _add(left: Value, right: Value) -> Value:
    if isinstance(left, str) and isinstance(right, str) and len(left) + len(right) <= TEXT_MAX:
        return left + right
    return operator.add(*_numbers(left, right))


def _numbers(*values: Value) -> tuple[Value, ...]:
    """Let only numbers through, so that nobody multiplies text. Raises TypeError."""
    if not all(isinstance(value, int | float) for value in values):
        raise TypeError("not a number")
    return values


_UNARY: Mapping[type[ast.unaryop], Callable[..., Value]] = {
    ast.Not: operator.not_,
    ast.USub: lambda value: operator.neg(*_numbers(value)),
    ast.UAdd: lambda value: operator.pos(*_numbers(value)),
}
_BINARY: Mapping[type[ast.operator], Callable[..., Value]] = {
    ast.Add: _add,
    ast.Sub: lambda left, right: operator.sub(*_numbers(left, right)),
    ast.Mult: lambda left, right: operator.mul(*_numbers(left, right)),
    ast.Div: lambda left, right: operator.truediv(*_numbers(left, right)),
    ast.FloorDiv: lambda left, right: operator.floordiv(*_numbers(left, right)),
    ast.Mod: lambda left, right: operator.mod(*_numbers(left, right)),
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Value, Value], Value]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: _contains,
    ast.NotIn: _lacks,
}
