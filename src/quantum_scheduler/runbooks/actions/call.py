"""Call an action, with arguments that were held against its signature, and audit what it changes."""

import ast
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any

from quantum_scheduler.accounts.audit.record import record_action
from quantum_scheduler.expressions.evaluate import UNKNOWN, Value
from quantum_scheduler.expressions.registry import Parameter, check_call
from quantum_scheduler.runbooks.actions.desk import Desk
from quantum_scheduler.runbooks.actions.row import Action, to_plain

TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class ArgumentInvalid(ValueError):  # noqa: N818  an error is named for what happened
    """An action was given what it does not take."""


async def call_action(action: Action, desk: Desk, arguments: Sequence[Value], keywords: Mapping[str, Value]) -> Any:
    """Do what an action promises and return its result as JSON would hold it.

    Joins the caller's transaction, unless the action leaves home. Raises ArgumentInvalid, and whatever the action does.
    """
    check_arguments(action, arguments, keywords)
    result = to_plain(await action.call(desk, *arguments, **keywords))
    if action.effect != "read" and not action.audits_itself:
        await _audit(action, desk, arguments, keywords)
    return result


def drop_unknown(action: Action, keywords: Mapping[str, Value]) -> dict[str, Value]:
    """Leave arguments away that are not known and need not be given."""
    needed = {each.name for each in action.function.parameters if each.is_required}
    return {name: each for name, each in keywords.items() if each is not UNKNOWN or name in needed}


def check_arguments(action: Action, arguments: Sequence[Value], keywords: Mapping[str, Value]) -> None:
    """Raise ArgumentInvalid with all that is wrong with the arguments of a call."""
    node = ast.Call(
        func=ast.Name(action.name),
        args=[_to_node(each) for each in arguments],
        keywords=[ast.keyword(arg=name, value=_to_node(each)) for name, each in keywords.items()],
    )
    wrong = list(check_call(action.function, node))
    wrong += [f"an argument of {action.name} is unknown" for each in _flatten(arguments, keywords) if each is UNKNOWN]
    if wrong:
        raise ArgumentInvalid("; ".join(wrong))


def read_arguments(action: Action, texts: Sequence[str]) -> dict[str, Value]:
    """Read `name=value` texts by the types of the parameters; a list is separated by commas. Raises ArgumentInvalid."""
    by_name = {each.name: each for each in action.function.parameters}
    read: dict[str, Value] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in by_name:
            known = ", ".join(by_name) or "none"
            raise ArgumentInvalid(f"{text!r} is no argument of {action.name}: write name=value; it has {known}")
        read[name] = _read_value(by_name[name], value)
    check_arguments(action, (), read)
    return read


def _read_value(parameter: Parameter, text: str) -> Value:
    types = parameter.types or (str,)
    if list in types:
        return [each.strip() for each in text.split(",") if each.strip()]
    if NoneType in types and text.lower() in {"", "none"}:
        return None
    if bool in types and text.lower() in TRUTHS:
        return TRUTHS[text.lower()]
    for kind in (int, float):
        if kind in types:
            try:
                return kind(text)
            except ValueError:
                continue
    return text


def _to_node(value: Value) -> ast.expr:
    """Write a value as the literal it would be; a mapping as a name, which may stand for anything."""
    if isinstance(value, list):
        return ast.List(elts=[])
    if value is None or isinstance(value, str | int | float | bool):
        return ast.Constant(value=value)
    return ast.Name("value")


def _flatten(arguments: Sequence[Value], keywords: Mapping[str, Value]) -> list[Value]:
    values = [*arguments, *keywords.values()]
    return [*values, *(each for value in values if isinstance(value, list) for each in value)]


async def _audit(action: Action, desk: Desk, arguments: Sequence[Value], keywords: Mapping[str, Value]) -> None:
    names = [each.name for each in action.function.parameters]
    given = {**dict(zip(names, arguments, strict=False)), **keywords}
    detail = {"who": desk.who, "key": desk.key, "runbook": desk.runbook, "arguments": to_plain(given)}
    async with desk.conn.transaction():
        await record_action(desk.conn, action.name, "", detail, by=None, incident_id=desk.incident_name)
