"""`backends`: where problems can be solved, and whether they would take one now."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from cyclopts import App
from rich.table import Table

from quantum_scheduler.cli.client import open_client
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.write import open_consoles, write_json
from quantum_scheduler.settings import read_settings

backends_app = App(
    name="backends", help="List the places that solve problems, or ask for their health.", help_epilogue=""
)


@backends_app.default
def list_backends(*, json: Json = False) -> int:
    """List backends and what they can take."""
    with open_client(read_settings(os.environ)) as client:
        document = client.list_backends()
    return _report(document, json=json)


@backends_app.command
def health(*, json: Json = False) -> int:
    """Ask every backend whether it would take a job now; exit code 1 when none would."""
    with open_client(read_settings(os.environ)) as client:
        document = client.check_backends()
    _report(document, json=json)
    return 0 if any(item.get("status") != "down" for item in document["items"]) else 1


def _report(document: Mapping[str, Any], *, json: bool) -> int:
    if json:
        write_json(document)
        return 0
    answers, _ = open_consoles()
    answers.print(tabulate(document["items"]))
    return 0


def tabulate(items: Sequence[Mapping[str, Any]]) -> Table:
    """Make a table with a column for every field that some item has."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    names = list(dict.fromkeys(name for item in items for name in item))
    for name in names:
        table.add_column(name.replace("_", " "))
    for item in items:
        table.add_row(*(_show(item.get(name)) for name in names))
    return table


def _show(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_show(item)}" for name, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
