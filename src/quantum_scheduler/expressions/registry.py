"""What expressions may name: metrics and actions, described from the functions that stand behind them."""

import ast
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from quantum_scheduler.expressions.parse import dotted

Effect = Literal["read", "write", "dangerous"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """An argument that a function takes. `types` are the Python types of its literals; none means that any will do."""

    name: str
    is_required: bool
    is_keyword: bool  # may only be given by name
    types: tuple[type, ...] = ()
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A metric (a value under a name, or of a call) or an action, as runbooks see it.

    `needs_undo` says that what it does lasts and can be taken back, so that a step should say how. `returns` are the
    parts of its result that can be named, None where that is not known.
    """

    name: str
    kind: Literal["metric", "action"]
    effect: Effect
    parameters: tuple[Parameter, ...]
    promise: str
    needs_undo: bool = False
    returns: frozenset[str] | None = None


class Registry(Mapping[str, Function]):
    """All functions by name."""

    def __init__(self, functions: Iterable[Function], *, context: Iterable[str] = ()) -> None:
        """Take the functions, and the names that every run knows besides, such as `incident.id`."""
        self._functions: dict[str, Function] = {}
        for function in functions:
            if function.name in self._functions:
                raise ValueError(f"{function.name} is registered twice")
            self._functions[function.name] = function
        self.context = frozenset(context)

    def __getitem__(self, name: str) -> Function:
        return self._functions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)


def describe_function(
    name: str,
    function: Callable[..., Any],
    *,
    kind: Literal["metric", "action"],
    effect: Effect = "read",
    needs_undo: bool | None = None,
) -> Function:
    """Describe a function from its signature; its first parameter is the engine's and is not shown.

    `needs_undo` is what `effect` suggests unless given. Raises ValueError where a parameter cannot be written.
    """
    hints = get_type_hints(function)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    described: list[Parameter] = []
    for each in parameters:
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            raise ValueError(f"{name}: the arguments of an action must have names")
        types, choices = _read_hint(hints.get(each.name, Any))
        described.append(
            Parameter(
                name=each.name,
                is_required=each.default is each.empty,
                is_keyword=each.kind is each.KEYWORD_ONLY,
                types=types,
                choices=choices,
            )
        )
    promise = (inspect.getdoc(function) or "").split("\n\n", 1)[0].replace("\n", " ")
    return Function(
        name=name,
        kind=kind,
        effect=effect,
        parameters=tuple(described),
        promise=promise,
        needs_undo=effect != "read" if needs_undo is None else needs_undo,
        returns=_read_parts(hints.get("return")),
    )


def check_call(function: Function, node: ast.Call) -> Iterator[str]:
    """Say what is wrong with the arguments of a call, argument by argument."""
    positional = [each for each in function.parameters if not each.is_keyword]
    if len(node.args) > len(positional):
        yield f"{function.name} takes {_count(len(positional), 'argument')} by position, and {len(node.args)} are given"
    given = dict(zip((each.name for each in positional), node.args, strict=False))
    by_name = {each.name: each for each in function.parameters}
    for keyword in node.keywords:
        assert keyword.arg is not None
        if keyword.arg in given:
            yield f"{function.name} is given {keyword.arg} twice"
        elif keyword.arg not in by_name:
            known = ", ".join(by_name) or "none"
            yield f"{function.name} has no argument {keyword.arg} (it has: {known})"
        else:
            given[keyword.arg] = keyword.value
    for parameter in function.parameters:
        if parameter.is_required and parameter.name not in given:
            yield f"{function.name} needs {parameter.name}"
        elif parameter.name in given:
            yield from _check_literal(function, parameter, given[parameter.name])


def _check_literal(function: Function, parameter: Parameter, node: ast.expr) -> Iterator[str]:
    """Check a value that can be read off; names and calls are known only when the step runs."""
    if isinstance(node, ast.IfExp):
        yield from _check_literal(function, parameter, node.body)
        yield from _check_literal(function, parameter, node.orelse)
        return
    value: object = node.value if isinstance(node, ast.Constant) else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
        value = node.operand.value
    elif isinstance(node, ast.List | ast.Tuple):
        value = []
    elif not isinstance(node, ast.Constant):
        return
    what = f"{parameter.name} of {function.name}"
    if parameter.choices and isinstance(value, str):
        if value not in parameter.choices:
            yield f"{what} may be {' or '.join(parameter.choices)}, not {value!r}"
    elif parameter.types and not _fits(value, parameter.types):
        yield f"{what} must be {' or '.join(_NAMES[each] for each in parameter.types)}, not {dotted(node) or value!r}"


def _fits(value: object, types: tuple[type, ...]) -> bool:
    if isinstance(value, bool):
        return bool in types
    return isinstance(value, (*types, int) if float in types else types)


_NAMES: Mapping[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    list: "a list",
    NoneType: "None",
}


def _read_hint(hint: Any) -> tuple[tuple[type, ...], tuple[str, ...]]:
    """Read the types, and the texts it may be, off an annotation; one that cannot be written lets anything through."""
    origin = get_origin(hint)
    if origin is Literal:
        return (str,), tuple(str(each) for each in get_args(hint))
    if origin in (Union, UnionType):
        read = [_read_hint(each) for each in get_args(hint)]
        if any(not types for types, _ in read):
            return (), ()
        return tuple(each for types, _ in read for each in types), tuple(each for _, some in read for each in some)
    plain = list if origin in (list, tuple) else hint
    return ((plain,), ()) if plain in _NAMES else ((), ())


def _read_parts(hint: Any) -> frozenset[str] | None:
    """Read the parts of a result off the annotation of what returns it."""
    return frozenset(each.name for each in fields(hint)) if is_dataclass(hint) else None


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
