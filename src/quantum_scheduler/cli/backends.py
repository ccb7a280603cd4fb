"""`backends`: where problems can be solved, whether they would take one now, and which jobs go there."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.table import Table

from quantum_scheduler.cli import steer
from quantum_scheduler.cli.client import open_client
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.write import open_consoles, write_answer, write_json
from quantum_scheduler.settings import read_settings

backends_app = App(
    name="backends",
    help="List the places that solve problems, ask how they are, and steer which jobs go there.",
    help_epilogue="",
)
breaker_app = App(name="breaker", help="Keep jobs away from a backend, or let them go there again.", help_epilogue="")
priority_app = App(name="priority", help="Say which quantum backends are preferred, in order.", help_epilogue="")
classical_app = App(name="classical-only", help="Solve everything classically, or not.", help_epilogue="")
for part in (breaker_app, priority_app, classical_app):
    backends_app.command(part)

Name = Annotated[str, Parameter(name="NAME", help="Name of a backend.")]
Reason = Annotated[str, Parameter(help="Why, for whoever wonders.")]
Minutes = Annotated[float | None, Parameter(help="Only for so long.", validator=Number(gt=0))]
Names = Annotated[list[str], Parameter(name="NAMES", help="Backends, the preferred one first.")]


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


@backends_app.command
def routing(*, json: Json = False) -> int:
    """Show where jobs go: the rules, each backend's breaker, share and health, and what came of the last attempts."""
    document = steer.describe_routing()
    if json:
        write_json(document)
        return 0
    answers, _ = open_consoles()
    answers.print(f"priority  {', '.join(document['priority']) or 'none: auto is classical'}", soft_wrap=True)
    answers.print(f"classical only  {'yes' if document['classical_only'] else 'no'}")
    for each in document["overrides"]:
        answers.print(f"decided  {each['name']} = {each['value']}: {each['reason']}", soft_wrap=True)
    answers.print(tabulate(document["backends"]))
    return 0


@backends_app.command
def probe(name: Name, /, *, json: Json = False) -> int:
    """Ask one backend from here how it is; exit code 1 when it is down.

    Workers hear of it where it is well. That it is down they find out by themselves: they may have keys that are not
    known here.
    """
    found = asdict(steer.probe(name))
    write_answer(found, f"{name} is {found['status']}  {found['message']}".rstrip(), json=json)
    return 0 if found["status"] != "down" else 1


@backends_app.command
def canary(name: Name, /, *, json: Json = False) -> int:
    """Have a backend solve a problem of known optimum, at its price; exit code 1 when it does not find it."""
    report = asdict(steer.canary(name))
    verdict = "passed" if report["passed"] else f"failed: {report['message']}"
    write_answer(report, f"{name} {verdict} ({report['seconds']:.1f} s)", json=json)
    return 0 if report["passed"] else 1


@breaker_app.command(name="open")
def open_breaker(name: Name, /, *, reason: Reason, minutes: Minutes = None, json: Json = False) -> int:
    """Let no job go to a backend."""
    return write_answer(asdict(steer.open_breaker(name, reason, minutes)), f"{name} gets no jobs", json=json)


@breaker_app.command(name="close")
def close_breaker(name: Name, /, *, json: Json = False) -> int:
    """Let jobs go to a backend again."""
    return write_answer(asdict(steer.close_breaker(name)), f"{name} gets jobs", json=json)


@backends_app.command
def ramp(
    name: Name,
    percent: Annotated[int, Parameter(name="PERCENT", help="Of the jobs it could take.")],
    /,
    *,
    json: Json = False,
) -> int:
    """Give a backend only so many percent of the jobs, always the same ones."""
    steer.ramp(name, percent)
    return write_answer({"backend": name, "percent": percent}, f"{name} gets {percent} % of the jobs", json=json)


@priority_app.command(name="set")
def set_priority(names: Names, /, *, reason: Reason, minutes: Minutes = None, json: Json = False) -> int:
    """Prefer these backends, in this order, whatever QUANTUM_BACKEND_PRIORITY says."""
    steer.set_priority(names, reason, minutes)
    return write_answer({"priority": names}, f"preferred: {', '.join(names)}", json=json)


@priority_app.command(name="clear")
def clear_priority(*, json: Json = False) -> int:
    """Leave it to QUANTUM_BACKEND_PRIORITY again."""
    return _clear("priority", json=json)


@classical_app.command(name="on")
def classical_on(*, reason: Reason, minutes: Minutes = None, json: Json = False) -> int:
    """Solve everything classically."""
    steer.classical_only(True, reason, minutes)
    return write_answer({"classical_only": True}, "everything is solved classically", json=json)


@classical_app.command(name="off")
def classical_off(*, reason: Reason, minutes: Minutes = None, json: Json = False) -> int:
    """Let jobs go to quantum backends, whatever CLASSICAL_ONLY says."""
    steer.classical_only(False, reason, minutes)
    return write_answer({"classical_only": False}, "jobs may go to quantum backends", json=json)


@classical_app.command(name="clear")
def classical_clear(*, json: Json = False) -> int:
    """Leave it to CLASSICAL_ONLY again."""
    return _clear("classical_only", json=json)


def _clear(name: str, *, json: bool) -> int:
    return write_answer({"cleared": steer.clear(name)}, f"{name} is left to the environment", json=json)


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
    if isinstance(value, float):
        return f"{value:.3g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
