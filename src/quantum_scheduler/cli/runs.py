"""`run`: what a runbook is doing, what it asks, and an end to it. On the database itself, so also without the API."""

from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table

from quantum_scheduler.cli import steer_runs
from quantum_scheduler.cli.draw_run import draw_run, follow_run
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.write import open_consoles, write_answer, write_json
from quantum_scheduler.runbooks.document import RunDocument, WholeRunDocument
from quantum_scheduler.runbooks.run_model import Run

app = App(name="run", help="Look at runs of runbooks, answer what they ask, abort them.", help_epilogue="")

Id = Annotated[int, Parameter(name="ID", help="Number of the run.")]
Step = Annotated[
    str | None, Parameter(name="STEP", help="Id or title of the step; not needed where one step asks for this.")
]
Role = Annotated[
    str | None, Parameter(name="--as", help="In whose role you answer, where you are not among those asked.")
]
Watch = Annotated[bool, Parameter(negative=(), help="Follow it until it is over.")]


@app.command(name="list")
def list_runs(
    *,
    every: Annotated[bool, Parameter(name="--all", negative=(), help="Those that are over as well.")] = False,
    json: Json = False,
) -> int:
    """List the runs that go on, newest first."""
    documents = [RunDocument.of(each) for each in steer_runs.list_all(unfinished=not every)]
    if json:
        write_json([each.model_dump(mode="json") for each in documents])
        return 0
    table = Table("RUN", "RUNBOOK", "STATUS", "SINCE", "WAITS FOR", box=None)
    for each in documents:
        since = f"{each.started_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(str(each.id), each.runbook, each.status, since, "; ".join(each.waiting_for))
    open_consoles()[0].print(table if documents else "no runs")
    return 0


@app.command
def show(run: Id, /, *, watch: Watch = False, json: Json = False) -> int:
    """Show a run: phases, steps, timers, and who is awaited."""
    if watch and not json:
        return follow_run(run)
    whole = steer_runs.look(run)
    if json:
        write_json(WholeRunDocument.whole(whole).model_dump(mode="json"))
    else:
        open_consoles()[0].print(draw_run(whole))
    return 0


@app.command
def approve(run: Id, step: Step = None, /, *, role: Role = None, watch: Watch = False, json: Json = False) -> int:
    """Let a step do what it is about to do; it counts as well before the step asks."""
    return _answer(steer_runs.answer(run, step, "approve", role=role), watch=watch, json=json)


@app.command
def reject(run: Id, step: Step = None, /, *, role: Role = None, watch: Watch = False, json: Json = False) -> int:
    """Keep a step from doing what it is about to do; the run goes on with the next."""
    return _answer(steer_runs.answer(run, step, "reject", role=role), watch=watch, json=json)


@app.command
def confirm(run: Id, step: Step = None, /, *, role: Role = None, watch: Watch = False, json: Json = False) -> int:
    """Confirm what a step asks."""
    return _answer(steer_runs.answer(run, step, "confirm", role=role), watch=watch, json=json)


@app.command
def ack(run: Id, step: Step = None, /, *, watch: Watch = False, json: Json = False) -> int:
    """Say that you are at it; the incident is acknowledged by it."""
    return _answer(steer_runs.answer(run, step, "acknowledge", role=None), watch=watch, json=json)


@app.command
def choose(
    run: Id,
    choice: Annotated[str, Parameter(name="CHOICE", help="Title of a branch; or retry, skip or abort.")],
    step: Step = None,
    /,
    *,
    role: Role = None,
    watch: Watch = False,
    json: Json = False,
) -> int:
    """Choose a branch, or what to do about a step that failed."""
    return _answer(steer_runs.answer(run, step, choice, role=role), watch=watch, json=json)


@app.command
def tick(
    run: Id,
    step: Annotated[str, Parameter(name="STEP", help="Id or title of the step.")],
    /,
    *,
    skip: Annotated[bool, Parameter(negative=(), help="It need not be done.")] = False,
    watch: Watch = False,
    json: Json = False,
) -> int:
    """Tick a step that a person does."""
    return _answer(steer_runs.answer(run, step, "skip" if skip else "done", role=None), watch=watch, json=json)


@app.command
def answer(
    run: Id,
    step: Annotated[str, Parameter(name="STEP", help="Id or title of the step, or number of the phase.")],
    said: Annotated[str, Parameter(name="ANSWER", help="One of what the step offers.")],
    /,
    *,
    role: Role = None,
    watch: Watch = False,
    json: Json = False,
) -> int:
    """Answer whatever a step asks."""
    return _answer(steer_runs.answer(run, step, said, role=role), watch=watch, json=json)


@app.command
def abort(
    run: Id,
    /,
    *,
    why: Annotated[str, Parameter(help="Why, for the timeline.")] = "",
    watch: Watch = False,
    json: Json = False,
) -> int:
    """Stop a run and take back what it did, the last thing first."""
    return _answer(steer_runs.abort(run, why), watch=watch, json=json)


def _answer(run: Run, *, watch: bool, json: bool) -> int:
    if watch and not json:
        return follow_run(run.id)
    document = RunDocument.of(run)
    waits = f", waits for: {'; '.join(document.waiting_for)}" if document.waiting_for else ""
    return write_answer(document.model_dump(mode="json"), f"run {run.id} is {run.status}{waits}", json=json)
