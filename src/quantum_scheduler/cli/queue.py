"""`queue`: look at what waits and runs, and steer it. Works on the database itself, also when the API is down."""

import os
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from cyclopts import App, Parameter
from cyclopts.validators import Number

from quantum_scheduler.cli.ask import ask_database, change_queue
from quantum_scheduler.cli.options import SLOTS_MAX, Json, Level
from quantum_scheduler.cli.write import write_answer
from quantum_scheduler.jobs import actions
from quantum_scheduler.jobs.limit import find_limits, limit_lane, limit_organisation
from quantum_scheduler.jobs.metrics import find_stuck
from quantum_scheduler.jobs.queue_model import Changed, Selection
from quantum_scheduler.jobs.review import list_reviews
from quantum_scheduler.jobs.scale import REPLICAS_MAX, find_cluster
from quantum_scheduler.monitoring import queue_stats
from quantum_scheduler.postgres.connect import Connection

app = App(name="queue", help="Look at the queue, and steer it.", help_epilogue="")

Lane = Annotated[str, Parameter(name="LANE", help="Lane, such as solve.classical.")]
OneJob = Annotated[UUID | None, Parameter(help="Only this job.")]
OneOrganisation = Annotated[UUID | None, Parameter(help="Only this organisation's jobs.")]
OneLane = Annotated[str | None, Parameter(help="Only the jobs of this lane.")]
OneLevel = Annotated[Level | None, Parameter(help="Only the jobs of this priority.")]
OneName = Annotated[str | None, Parameter(help="Only the jobs of this name.")]
OneState = Annotated[Literal["queued", "running"] | None, Parameter(help="Only the jobs in this state.")]


class SelectionMissing(Exception):  # noqa: N818  an error is named for what happened
    """Nothing says which jobs are meant."""


@Parameter(name="*")
class Which:
    """Which jobs: those that meet every criterion that is given."""

    def __init__(
        self,
        *,
        job: OneJob = None,
        org: OneOrganisation = None,
        lane: OneLane = None,
        priority: OneLevel = None,
        name: OneName = None,
        state: OneState = None,
    ) -> None:
        self._criteria: dict[str, Any] = {
            "job_ids": None if job is None else (job,),
            "org_id": org,
            "lane": lane,
            "priority": priority,
            "name": name,
            "state": state,
        }

    def select(self) -> Selection:
        """Return the selection. Raises SelectionMissing."""
        try:
            return Selection(**self._criteria)
        except ValueError as error:
            raise SelectionMissing(str(error)) from None


@app.default
def show(*, json: Json = False) -> int:
    """Show what waits and runs, lane by lane."""
    stats = queue_stats(os.environ)
    return write_answer(asdict(stats), str(stats), json=json)


@app.command
def stuck(*, json: Json = False) -> int:
    """List tasks that run past their limits or silently, the longest first."""
    found = ask_database(find_stuck)
    lines = [f"{each.job_id or each.task_id}  {each.reason}  {each.running_s:.0f} s  {each.lane}" for each in found]
    return write_answer([asdict(each) for each in found], "\n".join(lines) or "nothing is stuck", json=json)


@app.command
def review(*, json: Json = False) -> int:
    """List tasks that wait for a person: look at the provider, then requeue or kill them."""
    found = ask_database(list_reviews)
    lines = [f"{each.job_id or each.task_id}  {each.lane}  {each.reason}  key {each.key}" for each in found]
    return write_answer([asdict(each) for each in found], "\n".join(lines) or "nothing waits for a person", json=json)


@app.command
def pause(
    lane: Lane,
    /,
    *,
    reason: Annotated[str, Parameter(help="Why, for whoever wonders.")],
    minutes: Annotated[float | None, Parameter(help="Resume after so long.", validator=Number(gt=0))] = None,
    json: Json = False,
) -> int:
    """Let nobody claim from a lane; what runs goes on."""
    until = None if minutes is None else datetime.now(UTC) + timedelta(minutes=minutes)
    paused = ask_database(lambda conn: actions.pause(conn, lane, reason, until=until))
    return write_answer(asdict(paused), f"{lane} is paused", json=json)


@app.command
def resume(lane: Lane, /, *, json: Json = False) -> int:
    """Open a lane again."""
    return _report(change_queue(lambda conn: actions.resume(conn, lane)), f"{lane} is open", json=json)


@app.command
def prioritise(
    *, to: Annotated[Level, Parameter(help="Their new priority.")], which: Which | None = None, json: Json = False
) -> int:
    """Move jobs forward or back in the queue."""
    selection = (which or Which()).select()
    return _report(change_queue(lambda conn: actions.prioritise(conn, selection, to)), json=json)


@app.command
def cancel(*, which: Which | None = None, json: Json = False) -> int:
    """End jobs as cancelled."""
    selection = (which or Which()).select()
    return _report(change_queue(lambda conn: actions.cancel(conn, selection)), json=json)


@app.command
def requeue(*, which: Which | None = None, json: Json = False) -> int:
    """Take running tasks from their workers, and have them claimed again."""
    selection = (which or Which()).select()
    return _report(change_queue(lambda conn: actions.requeue(conn, selection)), json=json)


@app.command
def kill(
    *, reason: Annotated[str, Parameter(help="Why, for the customer.")], which: Which | None = None, json: Json = False
) -> int:
    """End jobs now, as failed."""
    selection = (which or Which()).select()
    return _report(change_queue(lambda conn: actions.kill(conn, selection, reason)), json=json)


@app.command
def limit(
    running_max: Annotated[
        int | None, Parameter(name="N", validator=Number(gte=0), help="Without it, no limit.")
    ] = None,
    /,
    *,
    lane: Annotated[str | None, Parameter(help="Limit this lane.")] = None,
    org: Annotated[UUID | None, Parameter(help="Limit this organisation.")] = None,
    json: Json = False,
) -> int:
    """Let at most N tasks of a lane or an organisation run at once; without either, show the limits."""

    async def change(conn: Connection) -> dict[str, Any]:
        if lane is not None:
            await limit_lane(conn, lane, running_max)
        if org is not None:
            await limit_organisation(conn, org, running_max)
        limits = await find_limits(conn)
        return {"lanes": dict(limits.lanes), "organisations": {str(k): n for k, n in limits.organisations.items()}}

    limits = ask_database(change)
    lines = [f"{name}  {most}" for group in limits.values() for name, most in group.items()]
    return write_answer(limits, "\n".join(lines) or "nothing is limited", json=json)


@app.command
def scale(
    *,
    slots: Annotated[
        int | None, Parameter(validator=Number(gte=0, lte=SLOTS_MAX), help="Slots of each worker.")
    ] = None,
    replicas: Annotated[
        int | None, Parameter(validator=Number(gte=0, lte=REPLICAS_MAX), help="Workers on Kubernetes.")
    ] = None,
    json: Json = False,
) -> int:
    """Have workers use more or fewer slots, or run more or fewer of them."""
    cluster = find_cluster(os.environ)
    scaled = asdict(ask_database(lambda conn: actions.scale(conn, slots=slots, replicas=replicas, cluster=cluster)))
    lines = [f"{name}  {value}" for name, value in scaled.items() if value is not None]
    return write_answer(scaled, "\n".join(lines), json=json)


def _report(changed: Changed, text: str = "", *, json: bool) -> int:
    lines = [text] if text else [*map(str, changed.job_ids), f"{len(changed.task_ids)} changed"]
    return write_answer(asdict(changed), "\n".join(lines), json=json)
