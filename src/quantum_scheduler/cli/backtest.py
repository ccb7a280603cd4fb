"""`runbook backtest`: hold a runbook's detection against what was measured and declared."""

import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from cyclopts import Parameter

from quantum_scheduler.cli.ask import ask_database
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.shelf import find_runbooks
from quantum_scheduler.cli.write import write_answer
from quantum_scheduler.expressions.duration import parse_duration, write_duration
from quantum_scheduler.monitoring.table import build_table
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.runbooks.simulation.backtest import BacktestReport, Raised
from quantum_scheduler.runbooks.simulation.backtest import backtest as run_backtest
from quantum_scheduler.settings import read_settings


def _check_duration(_kind: object, text: str) -> None:
    parse_duration(text)


def backtest(
    which: Annotated[str, Parameter(name="WHICH", help="Name of a runbook, or a file.")],
    /,
    *,
    since: Annotated[str, Parameter(help="How far to look back, up to 31d.", validator=_check_duration)] = "30d",
    json: Json = False,
) -> int:
    """Show what a runbook's signals would have raised over the recorded metrics, beside what was declared."""
    settings = read_settings(os.environ)
    table, now = build_table(data_dir=settings.data_dir), datetime.now(UTC)
    begins = now - timedelta(seconds=parse_duration(since))
    runbooks = [runbook for _, runbook in find_runbooks([which])]

    async def ask(conn: Connection) -> list[BacktestReport]:
        interval_s = settings.monitoring.interval_s
        return [
            await run_backtest(conn, each, table, since=begins, now=now, interval_s=interval_s) for each in runbooks
        ]

    reports = ask_database(ask)
    lines = [line for report in reports for line in _draw(report)]
    return write_answer([_document(each) for each in reports], "\n".join(lines), json=json)


def _draw(report: BacktestReport) -> Iterator[str]:
    began = (
        "no metrics were recorded"
        if report.first_at is None
        else f"{report.samples:,} samples from {_at(report.first_at)} on"
    )
    yield f"{report.runbook}: {began}"
    if report.unrecorded:
        yield f"  not recorded: {', '.join(report.unrecorded)}"
    if report.first_at is not None and report.fine_since != report.first_at:
        fine = "none" if report.fine_since is None else f"from {_at(report.fine_since)} on"
        yield f"  as they were sampled: {fine}; before, by the minute or the hour, where what is short does not show"
    yield from (f"  {_spell(each)}" for each in report.raised)
    for each in report.missed:
        yield f"  missed  {each.severity} {_at(each.declared_at)} {each.incident} {each.title}: no signal says so"
    yield (
        f"  {len(report.raised)} raised, {report.unexplained} of them without an incident; "
        f"{report.matched} of {report.declared} incidents would have been raised"
    )


def _spell(raised: Raised) -> str:
    lasted = "still"
    if raised.cleared_at is not None:
        lasted = _length((raised.cleared_at - raised.raised_at).total_seconds())
    told = "nobody declared an incident"
    if raised.incident is not None and raised.lead_s is not None:
        told = f"{raised.incident}, declared {_length(raised.lead_s)} {'later' if raised.lead_s >= 0 else 'sooner'}"
    return f"raised  {raised.severity} {_at(raised.raised_at)} {raised.title} ({lasted}): {told}"


def _length(seconds: float) -> str:
    return write_duration(abs(round(seconds)) or 1)


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def _document(report: BacktestReport) -> dict[str, Any]:
    return {**asdict(report), "matched": report.matched, "unexplained": report.unexplained}
