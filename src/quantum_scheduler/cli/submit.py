"""`submit`: hand a problem to the service."""

import json as json_format
import os
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from quantum_scheduler.cli.client import open_client
from quantum_scheduler.cli.options import Backend, Json, Level, Method, Seed, ShowGantt, Source, TimeLimit
from quantum_scheduler.cli.program import name_program
from quantum_scheduler.cli.read import read_file
from quantum_scheduler.cli.show import show_job
from quantum_scheduler.cli.watch import judge_job, watch_job
from quantum_scheduler.cli.write import open_consoles, write_json
from quantum_scheduler.console.chart import printable
from quantum_scheduler.problems.schedule import ScheduleProblem
from quantum_scheduler.settings import read_settings

NAME_LENGTH_MAX = 200


def submit(  # noqa: PLR0913  one parameter for each option
    file: Source,
    /,
    *,
    wait: Annotated[bool, Parameter(negative=(), help="Wait for the result and show it.")] = False,
    name: Annotated[str | None, Parameter(help="Name of the job; the file's name unless given.")] = None,
    priority: Annotated[Level, Parameter(help="Who goes first when jobs wait.")] = "normal",
    deadline: Annotated[
        float | None, Parameter(help="Seconds from now after which the answer is of no use.", validator=Number(gt=0))
    ] = None,
    idempotency_key: Annotated[
        str | None, Parameter(help="Submitting again under the same key gives the same job.")
    ] = None,
    backend: Backend = "auto",
    method: Method = "auto",
    time_limit: TimeLimit = 10.0,
    seed: Seed = 0,
    max_cost_usd: Annotated[
        float | None, Parameter(help="What an attempt at a quantum backend may cost.", validator=Number(gte=0))
    ] = None,
    cache: Annotated[bool, Parameter(help="Take a stored answer to the same problem if there is one.")] = True,
    gantt: ShowGantt = True,
    json: Json = False,
) -> int:
    """Submit a problem to the service."""
    from quantum_scheduler.problems.read import read_problem, write_document  # noqa: PLC0415  brings numpy along

    settings = read_settings(os.environ)
    answers, narration = open_consoles()
    data, file_name = read_file(file, bytes_max=settings.request_bytes_max)
    problem = read_problem(data, name=file_name)
    request = {
        "problem": json_format.loads(write_document(problem)),
        "name": printable(file_name)[:NAME_LENGTH_MAX] if name is None else name,
        "backend": backend,
        "method": method,
        "time_limit_s": time_limit,
        "seed": seed,
        "priority": priority,
        "deadline_s": deadline,
        "use_cache": cache,
        "max_cost_usd": max_cost_usd,
    }
    with open_client(settings) as client:
        job = client.submit_job(request, idempotency_key=idempotency_key)
        narration.print(f"submitted job {job['id']}", soft_wrap=True)
        if wait:
            job = watch_job(client, job, narration)
    if json:
        write_json(job)
    else:
        schedule = problem if isinstance(problem, ScheduleProblem) else None
        show_job(answers, job, schedule, gantt=gantt)
        if not wait:
            narration.print(f"follow it: {name_program()} job {job['id']} --watch", soft_wrap=True)
    return judge_job(job)
