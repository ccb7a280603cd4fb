"""`jobs`, `job`, `cancel`, `prioritise`: look at submitted jobs and steer them."""

import os
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from quantum_scheduler.cli import show
from quantum_scheduler.cli.client import open_client
from quantum_scheduler.cli.options import JobId, Json, Level, ShowGantt, State
from quantum_scheduler.cli.program import name_program
from quantum_scheduler.cli.watch import judge_job, watch_job
from quantum_scheduler.cli.write import open_consoles, write_json
from quantum_scheduler.settings import read_settings

PAGE_MAX = 100


def list_jobs(
    *,
    state: Annotated[State | None, Parameter(help="Only jobs in this state.")] = None,
    limit: Annotated[int, Parameter(help="Jobs on a page.", validator=Number(gte=1, lte=PAGE_MAX))] = 20,
    cursor: Annotated[str | None, Parameter(help="Where the page begins, as the last page said.")] = None,
    every: Annotated[bool, Parameter(name="--all", negative=(), help="Every page.")] = False,
    json: Json = False,
) -> int:
    """List jobs, newest first."""
    answers, narration = open_consoles()
    with open_client(read_settings(os.environ)) as client:
        page = client.list_jobs(state=state, limit=PAGE_MAX if every else limit, cursor=cursor)
        while every and page["next_cursor"]:
            following = client.list_jobs(state=state, limit=PAGE_MAX, cursor=page["next_cursor"])
            page = {"items": page["items"] + following["items"], "next_cursor": following["next_cursor"]}
    if json:
        write_json(page)
        return 0
    if page["items"]:
        show.show_jobs(answers, page["items"])
    else:
        narration.print(f"no jobs; submit one: {name_program()} submit FILE")
    if page["next_cursor"]:
        narration.print(f"more: {name_program()} jobs --cursor {page['next_cursor']}", soft_wrap=True)
    return 0


def show_job(
    job_id: JobId,
    /,
    *,
    watch: Annotated[bool, Parameter(negative=(), help="Follow the job until it has finished.")] = False,
    gantt: ShowGantt = False,
    json: Json = False,
) -> int:
    """Show one job, and its result when it has one."""
    answers, narration = open_consoles()
    with open_client(read_settings(os.environ)) as client:
        job = client.fetch_job(job_id)
        if watch and json:
            for event in client.follow_job(job_id):
                write_json(event)
            return judge_job(client.fetch_job(job_id))
        if watch:
            job = watch_job(client, job, narration)
    if json:
        write_json(job)
    else:
        show.show_job(answers, job, None, gantt=gantt)
    return judge_job(job)


def cancel_job(job_id: JobId, /, *, json: Json = False) -> int:
    """Cancel a job that has not finished."""
    with open_client(read_settings(os.environ)) as client:
        return _report(client.cancel_job(job_id), json=json)


def prioritise_job(
    job_id: JobId, level: Annotated[Level, Parameter(name="LEVEL", help="The new priority.")], /, *, json: Json = False
) -> int:
    """Change the priority of a job that waits."""
    with open_client(read_settings(os.environ)) as client:
        return _report(client.prioritise_job(job_id, level), json=json)


def _report(job: dict[str, Any], *, json: bool) -> int:
    if json:
        write_json(job)
    else:
        answers, _ = open_consoles()
        answers.print(f"job {job['id']} is {job['state']}, priority {job['priority']}")
    return 0
