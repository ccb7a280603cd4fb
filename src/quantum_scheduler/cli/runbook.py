"""`runbook`: what is done when something is wrong, as people read it and the engine executes it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from quantum_scheduler.cli import steer_runs
from quantum_scheduler.cli.backtest import backtest
from quantum_scheduler.cli.draw_run import follow_run
from quantum_scheduler.cli.lint import Files, lint
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.program import name_program
from quantum_scheduler.cli.shelf import open_shelf
from quantum_scheduler.cli.simulate import simulate
from quantum_scheduler.cli.write import open_consoles, write_answer, write_file, write_json
from quantum_scheduler.monitoring.table import describe_metrics
from quantum_scheduler.runbooks.actions.table import build_registry
from quantum_scheduler.runbooks.document import RunDocument
from quantum_scheduler.runbooks.format import format_document
from quantum_scheduler.runbooks.model import Runbook, Step
from quantum_scheduler.runbooks.read import measure_coverage
from quantum_scheduler.runbooks.shelf import read_file
from quantum_scheduler.runbooks.start import check_runnable

app = App(name="runbook", help="Read, check, format and start runbooks.", help_epilogue="")

Name = Annotated[str, Parameter(name="NAME", help="Name of a runbook.")]


app.command(simulate)
app.command(backtest)
app.command(lint)


@app.command(name="list")
def list_runbooks(*, json: Json = False) -> int:
    """List the runbooks, and how much of each the engine does."""
    books = [book for _, book in sorted(open_shelf().books.items())]
    if json:
        write_json([{**_describe(each.runbook), "path": each.path} for each in books])
        return 0
    table = Table("RUNBOOK", "SERVICE", "SIGNALS", "STEPS", "AUTOMATED", "GATED", "MANUAL", box=None)
    for book in books:
        about = _describe(book.runbook)
        counts = (len(book.runbook.signals), about["steps"], about["automated"], about["gated"], about["manual"])
        table.add_row(book.runbook.name, book.runbook.service or "", *map(str, counts))
    open_consoles()[0].print(table)
    return 0


@app.command
def show(name: Name, /, *, json: Json = False) -> int:
    """Show a runbook: its signals, phases, branches and steps, and what the engine does in each."""
    book = open_shelf().find(name)
    steps = [
        {"id": step.id, "title": step.title, "line": step.line, "kind": _name_kind(step)}
        for step in book.runbook.steps()
    ]
    document = {**_describe(book.runbook), "path": book.path, "list": steps, "text": book.text}
    return write_answer(document, book.text.rstrip(), json=json)


@app.command
def start(
    name: Name,
    /,
    *,
    incident: Annotated[str | None, Parameter(help="For which incident, by id or name.")] = None,
    dry_run: Annotated[bool, Parameter(negative=(), help="Only say what it would do now; nothing is changed.")] = False,
    watch: Annotated[bool, Parameter(negative=(), help="Follow the run until it is over.")] = False,
    json: Json = False,
) -> int:
    """Start a run; without an incident the runbook declares its own."""
    book = open_shelf().find(name)
    check_runnable(book, build_registry(describe_metrics()))
    if dry_run:
        would = steer_runs.rehearse_run(book, incident)
        return write_answer([asdict(each) for each in would], "\n".join(each.says for each in would), json=json)
    run = steer_runs.start(book, incident)
    if watch:
        return follow_run(run.id)
    text = f"run {run.id} of {run.runbook}: {name_program()} run show {run.id} --watch"
    return write_answer(RunDocument.of(run).model_dump(mode="json"), text, json=json)


@app.command
def fmt(
    files: Files,
    /,
    *,
    check: Annotated[bool, Parameter(negative=(), help="Only say what would change; exit code 1 if any.")] = False,
    json: Json = False,
) -> int:
    """Write runbooks in the one form; what they say stays as it is."""
    changed: list[Path] = []
    for path in files:
        text, _ = read_file(path)
        formatted = format_document(text)
        if formatted != text:
            changed.append(path)
            if not check:
                write_file(path, formatted)
    done = "would change" if check else "formatted"
    text = "\n".join(f"{done}: {path}" for path in changed) or "nothing to change"
    write_answer({"changed": changed}, text, json=json)
    return 1 if check and changed else 0


def _name_kind(step: Step) -> str:
    if step.is_manual:
        return "manual"
    return "automated" if step.is_automated else "gated"


def _describe(runbook: Runbook) -> dict[str, Any]:
    coverage = measure_coverage([runbook])
    return {
        "name": runbook.name,
        "title": runbook.title,
        "service": runbook.service,
        "owner": runbook.owner,
        "review_by": runbook.review_by,
        "on_call": runbook.on_call,
        "lock": runbook.lock,
        "sha256": runbook.sha256,
        "signals": [each.title for each in runbook.signals],
        "branches": [each.title for each in runbook.branches()],
        "steps": coverage.steps,
        "automated": coverage.automated,
        "gated": coverage.gated,
        "manual": coverage.manual,
        "share": coverage.share,
    }
