"""Draw a run in the terminal, and follow it while it moves."""

import asyncio
import os
from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from quantum_scheduler.app import open_database
from quantum_scheduler.cli.program import name_program
from quantum_scheduler.cli.write import open_consoles
from quantum_scheduler.expressions.duration import write_duration
from quantum_scheduler.postgres.connect import connect
from quantum_scheduler.postgres.listen import Listener, Subscription
from quantum_scheduler.postgres.migrate import require_migrated
from quantum_scheduler.runbooks.look_up import Awaited, Listed, WholeRun, began_at, read_run
from quantum_scheduler.runbooks.run_model import RUN_CHANGED
from quantum_scheduler.settings import read_settings

# A run may move without a word, and its timers do.
LOOK_EVERY_S = 1.0
STORY_LINES = 6
MARKS = {"done": "x", "skipped": "-", "rejected": "-", "failed": "!", "waits": " "}
STYLES = {"x": "green", "-": "dim", "!": "bold red", " ": "dim", ">": "bold yellow"}
ENDED_WELL = frozenset({"succeeded"})


def follow_run(run_id: int) -> int:
    """Show a run live until it is over; exit code 1 where it did not succeed. Ctrl-C leaves it running."""
    with open_database(read_settings(os.environ), may_start=False) as database:
        return asyncio.run(_follow(database.dsn, run_id))


def draw_run(whole: WholeRun, *, now: datetime | None = None) -> RenderableType:
    """Draw the phases with their steps, the gates, and the last rows of the story."""
    now = now or datetime.now(UTC)
    run = whole.run
    seconds = ((run.finished_at or now) - began_at(run)).total_seconds()
    since = write_duration(max(1.0, round(seconds)))
    head = Text.assemble(
        (f"run {run.id}  {run.runbook}", "bold"), f"  {run.status}  {since}  started by {run.started_by}"
    )
    parts: list[RenderableType] = [head, _draw_steps(whole.steps, now)]
    parts += [_draw_gate(run.id, each, now) for each in whole.awaited if each.gate != "tick"]
    parts += [
        Text(f"{each.at:%H:%M:%S}  {each.kind}  {each.detail.get('title', '')}  {each.by}", "dim")
        for each in whole.story[-STORY_LINES:]
    ]
    return Group(*parts)


def _draw_steps(steps: Iterable[Listed], now: datetime) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    phase, branch = "", None
    for each in steps:
        if each.phase != phase:
            phase, branch = each.phase, None
            table.add_row("", Text(phase, "bold"), "")
        if each.branch != branch:
            branch = each.branch
            table.add_row("", Text(f"  {branch}", "italic"), "")
        mark = MARKS.get(each.state, ">")
        state = "" if mark in "x " else each.state
        timer = "" if each.until_s is None or mark == "x" else f"  {_left(each.until_s, now)}"
        table.add_row(
            Text(f"[{mark}]", STYLES[mark]), f"{each.step:<6} {each.title}", Text(f"{state}{timer}", "yellow")
        )
    return table


def _draw_gate(run_id: int, gate: Awaited, now: datetime) -> Text:
    left = "" if gate.until_s is None else f", {_left(gate.until_s, now)}"
    lines = [f"waits for {' or '.join(gate.roles)}{left}: {gate.title}"]
    lines += [gate.why] if gate.why else []
    lines += [f"  {name_program()} run answer {run_id} {gate.step} {_quote(each)}" for each in gate.options]
    return Text("\n".join(lines), "yellow")


def _left(until_s: float, now: datetime) -> str:
    left_s = until_s - now.timestamp()
    return f"{write_duration(round(left_s))} left" if left_s >= 1 else "late"


def _quote(text: str) -> str:
    return f'"{text}"' if " " in text else text


async def _follow(dsn: str, run_id: int) -> int:
    conn = await connect(dsn, statement_cache=False)
    try:
        await require_migrated(conn)
        answers, _ = open_consoles()
        async with Listener(dsn) as listener:
            with listener.subscribe(RUN_CHANGED) as notices, Live(console=answers, auto_refresh=False) as live:
                while True:
                    whole = await read_run(conn, run_id)
                    live.update(draw_run(whole), refresh=True)
                    if whole.run.finished_at is not None:
                        return 0 if whole.run.status in ENDED_WELL else 1
                    await _hear(notices, str(run_id))
    finally:
        await conn.close()


async def _hear(notices: Subscription, run: str) -> None:
    """Wait until the run has moved, or for a moment."""
    try:
        async with asyncio.timeout(LOOK_EVERY_S):
            async for notice in notices:
                if notice in {None, run}:
                    return
    except TimeoutError:
        return
