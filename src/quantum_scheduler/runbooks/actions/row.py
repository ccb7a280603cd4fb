"""A row of the table of actions."""

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from typing import Any

from quantum_scheduler.expressions.registry import Effect, Function, describe_function

# What of a result is kept under a name.
LISTED_MAX = 200
TEXT_CHARS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action under its dotted name: what it does to the world, how it is taken back, and what does it.

    One that `leaves_home` talks to others than the database, so it is called outside a transaction, and may be called
    again with the same key after a crash. Any other is called in the transaction that also writes down its result.
    What changes something is audited by whoever calls it, unless it `audits_itself`.
    """

    name: str
    call: Callable[..., Awaitable[Any]]
    effect: Effect
    undo: str
    leaves_home: bool
    audits_itself: bool
    function: Function


def read(name: str, call: Callable[..., Awaitable[Any]], *, leaves_home: bool = False) -> Action:
    """List an action that only looks."""
    return _list(name, call, "read", leaves_home=leaves_home)


def write(
    name: str,
    call: Callable[..., Awaitable[Any]],
    *,
    undo: str = "",
    leaves_home: bool = False,
    audits_itself: bool = False,
) -> Action:
    """List an action that changes something; `undo` is the call that takes it back, where what it does lasts."""
    return _list(name, call, "write", undo=undo, leaves_home=leaves_home, audits_itself=audits_itself)


def dangerous(
    name: str,
    call: Callable[..., Awaitable[Any]],
    *,
    undo: str = "",
    leaves_home: bool = False,
    audits_itself: bool = False,
) -> Action:
    """List an action for which a person must be asked."""
    return _list(name, call, "dangerous", undo=undo, leaves_home=leaves_home, audits_itself=audits_itself)


def to_plain(value: Any) -> Any:
    """Write what an action returns as JSON that Postgres takes: texts, numbers, mappings by name, no endless lists."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: to_plain(getattr(value, each.name)) for each in fields(value) if each.repr}
    if isinstance(value, Mapping):
        return {str(key): to_plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(each) for each in [*value][:LISTED_MAX]]
    return _to_scalar(value)


def _to_scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    text = value.isoformat() if isinstance(value, datetime | date) else str(value)
    return text.replace("\x00", "")[:TEXT_CHARS_MAX]


def _list(
    name: str,
    call: Callable[..., Awaitable[Any]],
    effect: Effect,
    *,
    undo: str = "",
    leaves_home: bool,
    audits_itself: bool = False,
) -> Action:
    return Action(
        name=name,
        call=call,
        effect=effect,
        undo=undo,
        leaves_home=leaves_home,
        audits_itself=audits_itself,
        function=describe_function(name, call, kind="action", effect=effect, needs_undo=bool(undo)),
    )
