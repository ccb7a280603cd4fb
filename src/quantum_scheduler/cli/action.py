"""`action`: what runbooks may do, done by hand. On the database itself, so also without the API."""

import getpass
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

from cyclopts import App, Parameter
from rich.prompt import Confirm
from rich.table import Table

from quantum_scheduler.app import build_callers, build_parts
from quantum_scheduler.cli.ask import ask_freely
from quantum_scheduler.cli.keep_peppers import find_peppers
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.write import format_json, open_consoles, write_answer, write_json
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.postgres.listen import notify_once
from quantum_scheduler.runbooks.actions.call import call_action, read_arguments
from quantum_scheduler.runbooks.actions.desk import Desk
from quantum_scheduler.runbooks.actions.row import Action
from quantum_scheduler.runbooks.actions.table import ACTIONS, find_action
from quantum_scheduler.settings import read_settings

app = App(name="action", help="List what runbooks may do, and do it by hand.", help_epilogue="")

Name = Annotated[str, Parameter(name="NAME", help="Its dotted name, such as breaker.open.")]


class ActionUnconfirmed(Exception):  # noqa: N818  an error is named for what happened
    """A dangerous action was not confirmed."""


@app.command(name="list")
def list_actions(*, json: Json = False) -> int:
    """List every action: what it does to the world, and what it takes."""
    if json:
        write_json([_describe(each) for each in ACTIONS.values()])
        return 0
    table = Table("ACTION", "EFFECT", "WHAT IT DOES", box=None)
    for each in ACTIONS.values():
        table.add_row(each.name, each.effect, each.function.promise)
    open_consoles()[0].print(table)
    return 0


@app.command
def describe(name: Name, /, *, json: Json = False) -> int:
    """Describe an action: its arguments, and how it is taken back."""
    action = find_action(name)
    lines = [f"{action.name}  ({action.effect})", action.function.promise, ""]
    lines += [f"  {_spell(each)}" for each in _describe(action)["arguments"]]
    lines += [f"undo: {action.undo}"] if action.undo else []
    return write_answer(_describe(action), "\n".join(lines), json=json)


@app.command
def run(
    name: Name,
    /,
    *arguments: Annotated[str, Parameter(name="ARGUMENTS", help="Each as name=value; a list with commas.")],
    incident: Annotated[str | None, Parameter(help="For which incident, by id or name.")] = None,
    yes: Annotated[bool, Parameter(name="--yes", negative=(), help="Do a dangerous one without asking.")] = False,
    json: Json = False,
) -> int:
    """Do it now, and print what came of it."""
    action = find_action(name)
    keywords = read_arguments(action, arguments)
    if action.effect == "dangerous" and not yes:
        _confirm(action, arguments)
    result = ask_freely(lambda conn: _run(conn, action, keywords, incident))
    return write_answer(result, _draw(result), json=json)


async def _run(conn: Connection, action: Action, keywords: Mapping[str, Any], which: str | None) -> Any:
    settings = read_settings(os.environ)
    callers = build_callers(1)
    try:
        desk = Desk(
            conn=conn,
            key=f"cli-{uuid4().hex}",
            who=getpass.getuser(),
            now=datetime.now(UTC),
            parts=build_parts(settings, callers, find_peppers(settings), is_at_work=False),
            incident=None if which is None else await find_incident(conn, which),
        )
        if action.leaves_home:
            result = await call_action(action, desk, (), keywords)
        else:
            async with conn.transaction():
                result = await call_action(action, desk, (), keywords)
        await notify_once(conn, desk.notices)
    finally:
        await callers.close()
    return result


def _confirm(action: Action, arguments: Sequence[str]) -> None:
    """Ask whoever is at the terminal. Raises ActionUnconfirmed."""
    _, narration = open_consoles()
    if not sys.stdin.isatty():
        raise ActionUnconfirmed(f"{action.name} is dangerous: say --yes")
    narration.print(f"{action.name} {' '.join(arguments)}: {action.function.promise}", soft_wrap=True)
    if not Confirm.ask("Do it?", default=False, console=narration):
        raise ActionUnconfirmed(f"{action.name} was not done")


def _describe(action: Action) -> dict[str, Any]:
    arguments = [
        {
            **{name: value for name, value in asdict(each).items() if name != "types"},
            "types": [kind.__name__ for kind in each.types if kind is not type(None)] or ["any"],
        }
        for each in action.function.parameters
    ]
    return {
        "name": action.name,
        "effect": action.effect,
        "promise": action.function.promise,
        "undo": action.undo or None,
        "arguments": arguments,
    }


def _spell(argument: Mapping[str, Any]) -> str:
    kind = " | ".join(argument["choices"] or argument["types"])
    return f"{argument['name']}={kind}{'' if argument['is_required'] else '  (optional)'}"


def _draw(result: Any) -> str:
    if isinstance(result, dict):
        return "\n".join(f"{name}  {value}" for name, value in result.items())
    return "done" if result is None else format_json(result).strip()
