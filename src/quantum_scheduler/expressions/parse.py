"""Expressions of runbooks: a small part of Python's, parsed to `ast` and checked before anybody evaluates them."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TEXT_MAX = 1_000
NODES_MAX = 200
DEPTH_MAX = 20
PATH_MAX = 5
NUMBER_MAX = 1e15

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_OPERATORS = (
    ast.And, ast.Or, ast.Not, ast.USub, ast.UAdd,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod,
    ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn,
)  # fmt: skip
# `quota.raise(...)` is no expression for Python, to which `raise` is a keyword; but a name with a letter
# of another width is the same name (PEP 3131). Texts in quotes stay as they are.
_RAISE = re.compile(r"""('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|(?<=\.)raise\b""")
_SINGLE_EQUALS = re.compile(r"(?<![=<>!])=(?!=)")


class ExpressionInvalid(ValueError):  # noqa: N818
    """A text is no expression that may be evaluated; `line` is where it stands in its file."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was checked: nothing in it reaches beyond registered names. Equal where the text is."""

    text: str
    line: int = field(compare=False)
    node: ast.expr = field(compare=False, repr=False)


def parse_expression(text: str, line: int) -> Expression:
    """Parse an expression. Raises ExpressionInvalid."""
    text = text.strip()
    if not text:
        raise ExpressionInvalid(line, "the expression is empty")
    if len(text) > TEXT_MAX:
        raise ExpressionInvalid(line, f"the expression has {len(text):,} characters; {TEXT_MAX:,} are the most")
    try:
        node = ast.parse(_RAISE.sub(lambda found: found[1] or "\uff52aise", text), mode="eval").body
        _check_shape(node, line)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        if isinstance(error, ExpressionInvalid):
            raise
        hint = "; to compare, write ==" if _SINGLE_EQUALS.search(text) else ""
        raise ExpressionInvalid(line, f"`{_shorten(text)}` is not an expression{hint}") from None
    return Expression(text=text, line=line, node=node)


def parse_call(text: str, line: int) -> tuple[str | None, Expression]:
    """Parse `room.action(...)` or `name = room.action(...)` into the name, if any, and the call.

    Raises ExpressionInvalid.
    """
    match = re.match(r"\s*([A-Za-z_]\w*)\s*=(?!=)\s*(.*)\Z", text, re.DOTALL)
    name, text = (match[1], match[2]) if match else (None, text)
    if name is not None:
        _check_word(name, line)
    expression = parse_expression(text, line)
    if not isinstance(expression.node, ast.Call):
        raise ExpressionInvalid(line, f"`{_shorten(text)}` is not a call: write room.action(...)")
    return name, expression


def dotted(node: ast.expr) -> str | None:
    """Spell a name or a chain of attributes of a name, as `dynex.health_status`; None for anything else."""
    words: list[str] = []
    while isinstance(node, ast.Attribute):
        words.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(words)])


def find_calls(expression: Expression) -> Iterator[tuple[str, ast.Call]]:
    """Go through the calls in an expression with the names of what they call, outermost first."""
    for node in ast.walk(expression.node):
        if isinstance(node, ast.Call):
            yield dotted(node.func) or "", node


def find_paths(expression: Expression) -> Iterator[str]:
    """Go through the dotted names in an expression whose values it needs; what is called is not among them."""
    yield from _find_paths(expression.node)


def _find_paths(node: ast.expr) -> Iterator[str]:
    path = dotted(node)
    if path is not None:
        yield path
        return
    children = [*node.args, *(each.value for each in node.keywords)] if isinstance(node, ast.Call) else None
    for child in ast.iter_child_nodes(node) if children is None else children:
        if isinstance(child, ast.expr):
            yield from _find_paths(child)


def _check_shape(root: ast.expr, line: int) -> None:
    """Refuse what is not on the list of what an expression may hold, and what is too large or too deep."""
    count, layer, depth = 0, [root], 0
    while layer:
        depth += 1
        count += len(layer)
        if count > NODES_MAX or depth > DEPTH_MAX:
            raise ExpressionInvalid(line, f"the expression is too large: {NODES_MAX} parts, {DEPTH_MAX} deep at most")
        below: list[ast.expr] = []
        for node in layer:
            below += _check_node(node, line)
        layer = below


def _check_node(node: ast.expr, line: int) -> list[ast.expr]:
    """Check one node and list the expressions right below it."""
    match node:
        case ast.Constant():
            return _check_constant(node, line)
        case ast.Name() | ast.Attribute():
            return _check_path(node, line)
        case ast.Call():
            return _check_call(node, line)
        case ast.BoolOp(op=op, values=below):
            operators: list[ast.AST] = [op]
        case ast.UnaryOp(op=op, operand=operand):
            operators, below = [op], [operand]
        case ast.BinOp(left=left, op=op, right=right):
            operators, below = [op], [left, right]
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            operators, below = [*ops], [left, *comparators]
        case ast.IfExp(test=test, body=body, orelse=orelse):
            operators, below = [], [test, body, orelse]
        case ast.List(elts=below) | ast.Tuple(elts=below):
            operators = []
        case _:
            raise ExpressionInvalid(line, f"{_describe(node)} may not be used in an expression")
    for operator in operators:
        if not isinstance(operator, _OPERATORS):
            raise ExpressionInvalid(line, f"the operator {_describe(operator)} may not be used in an expression")
    return below


def _check_constant(node: ast.Constant, line: int) -> list[ast.expr]:
    value = node.value
    if value is not None and type(value) not in (str, int, float, bool):
        raise ExpressionInvalid(line, f"{_describe(value)} may not be used in an expression")
    if isinstance(value, int | float) and not abs(value) <= NUMBER_MAX:
        raise ExpressionInvalid(line, f"a number may be at most {NUMBER_MAX:g}")
    return []


def _check_path(node: ast.expr, line: int) -> list[ast.expr]:
    path = dotted(node)
    if path is None:
        raise ExpressionInvalid(line, "keep the result of a call under a name to use a part of it")
    words = path.split(".")
    if len(words) > PATH_MAX:
        raise ExpressionInvalid(line, f"`{_shorten(path)}` has more than {PATH_MAX} words")
    for word in words:
        _check_word(word, line)
    return []


def _check_call(node: ast.Call, line: int) -> list[ast.expr]:
    _check_path(node.func, line)
    if any(isinstance(each, ast.Starred) for each in node.args) or any(each.arg is None for each in node.keywords):
        raise ExpressionInvalid(line, "* and ** may not be used in a call")
    return [*node.args, *(each.value for each in node.keywords)]


def _check_word(word: str, line: int) -> None:
    if not _WORD.match(word) or "__" in word:
        raise ExpressionInvalid(line, f"`{_shorten(word)}` is not a name that may be used")


def _describe(what: object) -> str:
    return type(what).__name__


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
