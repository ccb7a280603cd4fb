"""Show results and jobs to a person."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from quantum_scheduler.console.chart import printable
from quantum_scheduler.console.gantt import draw_gantt_text
from quantum_scheduler.problems.model import ScheduleSolution
from quantum_scheduler.problems.schedule import ScheduleProblem
from quantum_scheduler.problems.solution import read_solution

# With so few variables the values themselves are shown.
VALUES_SHOWN_MAX = 32
GANTT_WIDTH_MAX = 120
MESSAGE_LENGTH_MAX = 500

STATUS_STYLES = {
    "optimal": "bold green",
    "succeeded": "green",
    "feasible": "bold green",
    "running": "cyan",
    "timed_out": "bold yellow",
    "cancelled": "yellow",
    "infeasible": "bold red",
    "failed": "red",
}
STATUS_MEANINGS = {
    "optimal": "proven: there is no better answer",
    "feasible": "the whole search ended, without a proof that there is no better answer",
    "timed_out": "the best answer found in the time given",
    "infeasible": "no answer",
}


def show_result(console: Console, result: Mapping[str, Any], problem: ScheduleProblem | None, *, gantt: bool) -> None:
    """Show a result in a few lines; a schedule also as a Gantt chart, as far as `problem` is known."""
    lines = _open_lines()
    has_answer = result["solution"] is not None
    meaning = STATUS_MEANINGS[result["status"]] if has_answer else result["explanation"] or "nothing was found"
    lines.add_row("status", _style(result["status"]).append(f"  {_flatten(meaning)}", "not bold default"))
    if has_answer:
        lines.add_row("objective", _describe_objective(result))
        for name, value in sorted(result["measures"].items()):
            lines.add_row(name.replace("_", " "), f"{value:,}")
        lines.add_row("verified", "yes, recomputed on the problem as it was given" if result["verified"] else "NO")
    lines.add_row("solved by", _describe_solve(result))
    if result.get("race"):
        lines.add_row("race", describe_race(result["race"]))
    if has_answer and result["explanation"]:
        lines.add_row("note", _flatten(result["explanation"]))
    console.print(lines)
    if has_answer:
        _show_solution(console, result["solution"], problem, gantt=gantt)


def show_job(console: Console, job: Mapping[str, Any], problem: ScheduleProblem | None, *, gantt: bool) -> None:
    """Show one job, then its result when it has one."""
    lines = _open_lines()
    lines.add_row("job", f"{job['id']}  {printable(job['name'])}".rstrip())
    state = _style(job["state"])
    if job["error"]:
        state.append(f"  {_flatten(job['error']['message'])}", "not bold default")
    lines.add_row("state", state)
    lines.add_row("problem", describe_summary(job["problem"]))
    lines.add_row("asked", f"backend {job['backend']}{_by(job)}, at most {job['time_limit_s']:g} s, seed {job['seed']}")
    lines.add_row("priority", job["priority"])
    for name in ("created_at", "started_at", "finished_at", "deadline_at"):
        if job[name]:
            lines.add_row(name.removesuffix("_at"), _show_time(job[name]))
    if job["state"] == "running" and job["progress"]:
        lines.add_row("so far", describe_progress(job["progress"]))
    for attempt in job.get("quantum_attempts", ()):
        lines.add_row("quantum", describe_attempt(attempt))
    console.print(lines)
    if job.get("result"):
        console.print()
        show_result(console, job["result"], problem, gantt=gantt)


def show_jobs(console: Console, jobs: Sequence[Mapping[str, Any]]) -> None:
    """Show jobs as a table, one a line."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("id", "state", "priority", "backend", "created"):
        table.add_column(heading, no_wrap=True)
    table.add_column("problem")
    table.add_column("name")
    for job in jobs:
        table.add_row(
            job["id"],
            _style(job["state"]),
            job["priority"],
            job["backend"],
            _show_time(job["created_at"]),
            describe_summary(job["problem"]),
            printable(job["name"]),
        )
    console.print(table)


def describe_summary(summary: Mapping[str, Any]) -> str:
    """Name the kind and the main sizes of a problem."""
    sizes = [(noun, summary[noun]) for noun in ("tasks", "agents", "variables", "terms") if summary.get(noun)]
    return f"{summary['kind']}: " + ", ".join(f"{size:,} {noun[:-1] if size == 1 else noun}" for noun, size in sizes)


def describe_race(race: Mapping[str, Any]) -> str:
    """Say in one line who won a race against whom, or why there was none."""
    if race["quantum"] is not None:
        sides = ((race["backend"], race["quantum"]), ("classical", race["classical"]))
        found = [f"{name} {_side(side)}" for name, side in sides if side is not None]
        return f"{race['winner']} won: " + ", ".join(found)
    error = race.get("error")
    return f"no quantum answer: {_flatten(error['message'])}" if error else f"{race['backend']} was not waited for"


def _side(side: Mapping[str, Any]) -> str:
    return "found nothing" if side["objective"] is None else f"found {_number(side['objective'])}"


def describe_attempt(attempt: Mapping[str, Any]) -> str:
    """Say in one line what was tried on which quantum backend, what came of it, and why not on another."""
    parts = [f"{attempt['backend'] or 'none'}: {attempt['state']}"]
    if attempt["queue_position"] is not None:
        parts.append(f"place {attempt['queue_position']} in its queue")
    if attempt["objective"] is not None:
        parts.append(f"objective {_number(attempt['objective'])}")
    if attempt["classical_objective"] is not None:
        parts.append(f"classical {_number(attempt['classical_objective'])}, {attempt['winner']} won")
    if attempt["cost_usd"] is not None:
        parts.append(f"{attempt['cost_usd']:g} USD")
    if attempt["error"]:
        parts.append(f"{attempt['error']['kind']}: {_flatten(attempt['error']['message'])}")
    refused = [reason for reason in attempt["reasons"] if reason["rule"] != "chosen"]
    parts += [f"not {reason['backend']} ({_flatten(reason['why'])})" for reason in refused]
    return ", ".join(parts)


def describe_progress(progress: Mapping[str, Any]) -> str:
    """Say how far a solve has come: the best objective and bound so far, and the gap between them."""
    best, bound = progress.get("objective"), progress.get("bound")
    parts = [f"best {_number(best)}" if best is not None else "no answer yet"]
    if bound is not None:
        parts.append(f"bound {_number(bound)}")
    if best is not None and bound is not None:
        parts.append(f"gap {abs(best - bound) / max(1, abs(best)):.1%}")
    return ", ".join(parts)


def sketch_problem(solution: ScheduleSolution) -> ScheduleProblem:
    """Make the simplest problem that a schedule solves, to draw it where its own problem is not at hand."""
    crews = sorted({agent for placed in solution.assignments for agent in placed.agents})
    return ScheduleProblem.model_validate(
        {
            "agents": [{"id": agent} for agent in crews],
            "tasks": [{"id": item.task, "duration": item.end - item.start} for item in solution.assignments],
        }
    )


def _show_solution(
    console: Console, document: Mapping[str, Any], problem: ScheduleProblem | None, *, gantt: bool
) -> None:
    solution = read_solution(document)
    if not isinstance(solution, ScheduleSolution):
        console.print(_describe_values(document["values"]))
    elif gantt:
        known = problem or sketch_problem(solution)
        width = min(console.width, GANTT_WIDTH_MAX)
        color = console.color_system is not None and not console.no_color
        console.print()
        console.print(draw_gantt_text(known, solution, width=width, color=color))


def _describe_values(values: Sequence[Sequence[Any]]) -> Table:
    lines = _open_lines()
    ones = sum(value == 1 for _, value in values)
    lines.add_row("variables", f"{len(values):,}, of which {ones:,} are 1")
    if len(values) <= VALUES_SHOWN_MAX:
        lines.add_row("values", printable(", ".join(f"{label}={value}" for label, value in values)))
    return lines


def _describe_objective(result: Mapping[str, Any]) -> str:
    text = f"{_number(result['objective'])}"
    if result["bound"] is not None:
        text += f"  (bound {_number(result['bound'])}"
        text += f", gap {result['gap']:.1%})" if result["gap"] is not None else ")"
    return text


def _by(asked: Mapping[str, Any]) -> str:
    """Name the method where one was asked for; a stored result may be older than methods."""
    method = asked.get("method", "auto")
    return "" if method == "auto" else f" by {method}"


def _describe_solve(result: Mapping[str, Any]) -> str:
    used = result.get("info", {}).get("method")
    by = f" by {_flatten(used)}" if used else _by(result)
    text = f"{result['backend']}{by} in {result['seconds']:.1f} s of at most {result['time_limit_s']:g} s"
    text += f", seed {result['seed']}" + (" (reproducible)" if result["reproducible"] else "")
    if result["cached"]:
        text += ", recalled from the solution cache"
    return text


def _open_lines() -> Table:
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column(overflow="fold")
    return lines


def _style(status: str) -> Text:
    return Text(status.replace("_", " "), STATUS_STYLES.get(status, ""))


def _flatten(message: str) -> str:
    return printable(" ".join(message.split()))[:MESSAGE_LENGTH_MAX]


def _number(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:,.6g}"


def _show_time(stamp: str) -> str:
    return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")
