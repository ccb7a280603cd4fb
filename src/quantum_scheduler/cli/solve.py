"""`solve`: an answer here and now, in this process."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from quantum_scheduler.cli.draw import draw_schedule
from quantum_scheduler.cli.options import (
    Backend,
    FlipsMax,
    Json,
    Method,
    Seed,
    ShowGantt,
    Source,
    Target,
    Threads,
    TimeLimit,
)
from quantum_scheduler.cli.progress import Tell, show_progress
from quantum_scheduler.cli.read import read_file
from quantum_scheduler.cli.show import describe_summary, show_result
from quantum_scheduler.cli.write import check_writable, format_json, open_consoles, write_file, write_json
from quantum_scheduler.problems.schedule import ScheduleProblem
from quantum_scheduler.settings import read_settings
from quantum_scheduler.solving.model import SolveRequest
from quantum_scheduler.solving.result import write_result

if TYPE_CHECKING:
    from quantum_scheduler.problems.problem import Problem


def solve(  # noqa: PLR0913  one parameter for each option
    file: Source,
    /,
    *,
    time_limit: TimeLimit = 10.0,
    backend: Backend = "auto",
    method: Method = "auto",
    seed: Seed = 0,
    threads: Threads = 1,
    target: Target = None,
    flips_max: FlipsMax = None,
    out: Annotated[Path | None, Parameter(help="Write the result, with the whole solution, as JSON.")] = None,
    svg: Annotated[Path | None, Parameter(help="Draw a schedule as SVG.")] = None,
    gantt: ShowGantt = True,
    json: Json = False,
) -> int:
    """Solve a problem here and now, without the service."""
    from quantum_scheduler.problems.read import describe_problem, read_problem  # noqa: PLC0415  brings numpy along

    settings = read_settings(os.environ)
    answers, narration = open_consoles()
    check_writable(out, svg)
    data, name = read_file(file, bytes_max=settings.request_bytes_max)
    problem = read_problem(data, name=name)
    schedule = problem if isinstance(problem, ScheduleProblem) else None
    request = SolveRequest(
        backend=backend,
        time_limit_s=time_limit,
        seed=seed,
        threads=threads,
        method=method,
        target=target,
        flips_max=flips_max,
    )
    what = describe_summary(describe_problem(problem))
    with hear_interrupts() as stop:
        narration.print(f"solving {what}; at most {time_limit:g} s, Ctrl-C takes the best so far")
        with show_progress(narration, time_limit_s=time_limit, doing="solving") as tell:
            result = _solve(problem, request, tell, stop)
    if out is not None:
        write_file(out, format_json(result))
    if svg is not None:
        narration.print(draw_schedule(svg, schedule, result), soft_wrap=True)
    if json:
        write_json(result)
    else:
        show_result(answers, result, schedule, gantt=gantt)
    return 1 if result["solution"] is None else 0


@contextmanager
def hear_interrupts() -> Iterator[threading.Event]:
    """Lend an event that the first Ctrl-C sets; the second ends the program."""
    stop = threading.Event()

    def hear(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop.set()

    before = signal.signal(signal.SIGINT, hear)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _solve(problem: "Problem", request: SolveRequest, tell: Tell, stop: threading.Event) -> dict[str, Any]:
    from quantum_scheduler.cli.log import log_quietly  # noqa: PLC0415  as the solvers do, brings structlog along
    from quantum_scheduler.solving.compute import solve_problem  # noqa: PLC0415  brings the solvers along

    log_quietly(os.environ)
    result = solve_problem(problem, request, report=lambda progress: tell(asdict(progress)), stopped=stop.is_set)
    return write_result(result)
