"""`runbook simulate`: run the drills of runbooks in virtual time."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.shelf import find_runbooks
from quantum_scheduler.cli.write import write_answer
from quantum_scheduler.expressions.duration import write_duration
from quantum_scheduler.monitoring.table import describe_metrics
from quantum_scheduler.runbooks.actions.table import build_registry
from quantum_scheduler.runbooks.simulation.model import DrillReport, Occurrence, SimulationReport
from quantum_scheduler.runbooks.simulation.simulate import simulate as run_drills


def simulate(
    which: Annotated[list[str] | None, Parameter(name="WHICH", help="Names or files; else the whole library.")] = None,
    /,
    *,
    timeline: Annotated[bool, Parameter(negative=(), help="Show all that happens in each drill, and when.")] = False,
    json: Json = False,
) -> int:
    """Run the drills of runbooks in virtual time; exit code 1 where one fails or a branch is never taken."""
    registry = build_registry(describe_metrics())
    reports = [(path, run_drills(runbook, registry)) for path, runbook in find_runbooks(which or ())]
    lines = [line for path, report in reports for line in _draw(path, report, with_timeline=timeline)]
    has_passed = all(report.has_passed for _, report in reports)
    drills = [drill for _, report in reports for drill in report.drills]
    failed = sum(not drill.has_passed for drill in drills)
    lines.append(f"{len(drills)} drills of {len(reports)} runbooks, {failed} failed")
    document = {
        "passed": has_passed,
        "runbooks": [_document(path, report, with_timeline=timeline) for path, report in reports],
    }
    write_answer(document, "\n".join(lines), json=json)
    return 0 if has_passed else 1


def _draw(path: Path, report: SimulationReport, *, with_timeline: bool) -> Iterator[str]:
    branches, steps = report.branches - len(report.unreached), report.steps - len(report.undone)
    yield (
        f"{report.runbook}: {len(report.drills)} drills, {branches} of {report.branches} branches, "
        f"{steps} of {report.steps} steps"
    )
    for drill in report.drills:
        took = write_duration(round(drill.seconds))
        yield f"  {'ok  ' if drill.has_passed else 'FAIL'} {drill.name} ({drill.outcome}, {took})"
        yield from (f"       {path}:{each.line}: {each.message}" for each in drill.problems)
        if with_timeline:
            yield from (f"       {_spell(drill, each)}" for each in drill.timeline)
    yield from (f"  FAIL {path}:{each.line}: {each.message}" for each in report.unreached)


def _spell(drill: DrillReport, occurrence: Occurrence) -> str:
    since_s = occurrence.at_s - drill.trouble_s
    by = f"  by {occurrence.by}" if occurrence.by not in ("", "runbook") else ""
    return f"{since_s:+8.0f} s  {occurrence.event}  {occurrence.names[0] if occurrence.names else ''}{by}".rstrip()


def _document(path: Path, report: SimulationReport, *, with_timeline: bool) -> dict[str, Any]:
    document = asdict(report)
    for drill, of in zip(document["drills"], report.drills, strict=True):
        drill["passed"] = of.has_passed
        if not with_timeline:
            del drill["timeline"]
    return {**document, "passed": report.has_passed, "path": path}
