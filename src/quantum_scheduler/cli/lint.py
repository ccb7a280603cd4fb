"""`runbook lint`: what is wrong with runbooks, before anybody has to rely on them."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from quantum_scheduler.cli.ask import ask_database
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.write import write_answer
from quantum_scheduler.expressions.registry import Registry
from quantum_scheduler.monitoring.table import describe_metrics
from quantum_scheduler.notifications.oncall.find import find_staffed
from quantum_scheduler.runbooks.actions.table import build_registry
from quantum_scheduler.runbooks.lint import LintContext, lint_document
from quantum_scheduler.runbooks.model import Document, Finding, Runbook, RunbookInvalid
from quantum_scheduler.runbooks.shelf import read_file
from quantum_scheduler.runbooks.simulation.simulate import simulate

Files = Annotated[list[Path], Parameter(name="FILES", help="Markdown files.")]


def lint(
    files: Files,
    /,
    *,
    on_call: Annotated[
        bool, Parameter(negative=(), help="Ask the database as well whether each role has somebody on call now.")
    ] = False,
    json: Json = False,
) -> int:
    """Say what is wrong with runbooks, line by line, and how to mend it; exit code 1 where something is."""
    context = LintContext(registry=build_registry(describe_metrics()), today=datetime.now(UTC).date())
    found = [(path, finding) for path in files for finding in _lint(path, context, asks=on_call)]
    errors = sum(finding.level == "error" for _, finding in found)
    documents = [
        {"file": path, "line": each.line, "code": each.code, "level": each.level, "message": each.message}
        for path, each in found
    ]
    lines = [f"{path}:{each.line}: {each.code} {each.level}: {each.message}" for path, each in found]
    lines.append(f"{errors} errors, {len(found) - errors} remarks in {len(files)} files")
    write_answer({"errors": errors, "findings": documents}, "\n".join(lines), json=json)
    return 1 if errors else 0


def _lint(path: Path, context: LintContext, *, asks: bool) -> Iterable[Finding]:
    try:
        _, document = read_file(path)
    except RunbookInvalid as error:
        return [Finding.error("RB000", error.line, error.reason)]
    if asks:
        context = replace(context, roles=_find_staffed(document))
    findings = lint_document(document, context)
    if any(each.level == "error" for each in findings):
        return findings  # what cannot be executed cannot be drilled either
    return lint_document(document, replace(context, reached=_find_reached(document, context.registry)))


def _find_reached(document: Document, registry: Registry) -> set[tuple[str, str]]:
    """The branches that drills go through; of a playbook for people alone no drills are wanted."""
    return {(runbook.name, title) for runbook in document.runbooks for title in _list_reached(runbook, registry)}


def _list_reached(runbook: Runbook, registry: Registry) -> Iterable[str]:
    if not runbook.has_front_matter:
        return [each.title for each in runbook.branches()]
    return [title for drill in simulate(runbook, registry).drills for title in drill.branches]


def _find_staffed(document: Document) -> Collection[str]:
    """Those of the roles and policies named in a document behind which somebody is on call."""
    runbooks = document.runbooks
    asked = {role for book in runbooks for step in book.steps() if step.ask for role in step.ask.roles}
    asked |= {book.on_call for book in runbooks if book.on_call}
    return ask_database(lambda conn: find_staffed(conn, sorted(asked), datetime.now(UTC)))
