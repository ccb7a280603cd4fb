"""Write conditions of runbooks in PromQL, as 1 where they are true, 0 where not, and nothing where that is unknown.

They speak of the recorded series, which bear no labels, so that `and` is a product. What is unknown on one side of an
`and` or `or` leaves all of it unknown, which never raises anything.
"""

import ast
from collections.abc import Mapping

from quantum_scheduler.expressions.parse import Expression, dotted
from quantum_scheduler.monitoring.metric import Metric
from quantum_scheduler.monitoring.prometheus.names import name_recorded

_COMPARISONS: Mapping[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_ARITHMETIC: Mapping[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Mod: "%",
}


class Unwritable(ValueError):  # noqa: N818  an error is named for what happened
    """A condition has no form in PromQL, such as one that asks with arguments."""


def write_condition(expression: Expression, table: Mapping[str, Metric]) -> str:
    """Write a condition. Raises Unwritable."""
    return _truth(expression.node, table)


def _truth(node: ast.expr, table: Mapping[str, Metric]) -> str:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return "(" + " * ".join(_truth(each, table) for each in values) + ")"
        case ast.BoolOp(values=values):
            return "clamp_max(" + " + ".join(_truth(each, table) for each in values) + ", 1)"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return f"(1 - {_truth(operand, table)})"
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = [left, *comparators]
            parts = [_compare(*pair, table) for pair in zip(sides, ops, comparators, strict=False)]
            return parts[0] if len(parts) == 1 else "(" + " * ".join(parts) + ")"
        case ast.Name() | ast.Attribute():
            return f"({_value(node, table)} != bool 0)"
        case _:
            raise Unwritable(f"{type(node).__name__} has no form in PromQL")


def _compare(left: ast.expr, op: ast.cmpop, right: ast.expr, table: Mapping[str, Metric]) -> str:
    metric = table.get(dotted(left) or "")
    if metric is not None and metric.kind == "state":
        return _compare_state(metric, op, right)
    if type(op) not in _COMPARISONS:
        raise Unwritable("`in` is written for states only")
    return f"({_value(left, table)} {_COMPARISONS[type(op)]} bool {_value(right, table)})"


def _compare_state(metric: Metric, op: ast.cmpop, right: ast.expr) -> str:
    named = right.elts if isinstance(right, ast.List | ast.Tuple) else [right]
    states = [each.value for each in named if isinstance(each, ast.Constant) and each.value in metric.states]
    if len(states) < len(named) or not isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn):
        raise Unwritable(f"{metric.name} is compared with its states only: {', '.join(metric.states)}")
    chosen = f'max({name_recorded(metric.name)}{{state=~"{"|".join(map(str, states))}"}})'
    return chosen if isinstance(op, ast.Eq | ast.In) else f"(1 - {chosen})"


def _value(node: ast.expr, table: Mapping[str, Metric]) -> str:
    match node:
        case ast.Constant(value=bool() | int() | float() as value):
            return f"{float(value):g}" if isinstance(value, bool) else repr(value)
        case ast.Name() | ast.Attribute():
            name = dotted(node) or ""
            if name not in table or table[name].source is None or table[name].kind == "state":
                raise Unwritable(f"{name} is no number that is sampled")
            return name_recorded(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"(-{_value(operand, table)})"
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return f"({_value(left, table)} {_ARITHMETIC[type(op)]} {_value(right, table)})"
        case _:
            raise Unwritable(f"{type(node).__name__} has no form in PromQL")
