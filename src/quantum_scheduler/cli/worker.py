"""`worker`: one process that works off the queue."""

import asyncio
import os
import signal
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from quantum_scheduler.app import (
    build_callers,
    build_handlers,
    build_parts,
    build_quantum,
    build_solvers,
    open_database,
)
from quantum_scheduler.backends.load import list_backends
from quantum_scheduler.cli.keep_peppers import find_peppers
from quantum_scheduler.cli.log import configure_logging
from quantum_scheduler.cli.options import SLOTS_MAX, Json
from quantum_scheduler.cli.parent import Parent, stop_with
from quantum_scheduler.cli.write import open_consoles, write_json
from quantum_scheduler.jobs.model import CONTROL_LANE, solve_lane
from quantum_scheduler.monitoring.errors_kept import ErrorsKept
from quantum_scheduler.settings import Settings, read_settings
from quantum_scheduler.solving.routing_model import QUANTUM
from quantum_scheduler.worker import run_worker, spare_collector


def work(
    *,
    lanes: Annotated[list[str] | None, Parameter(consume_multiple=True, help="Only these lanes of the queue.")] = None,
    slots: Annotated[
        int | None,
        Parameter(help="Jobs worked on at once; WORKER_SLOTS unless given.", validator=Number(gte=1, lte=SLOTS_MAX)),
    ] = None,
    parent: Parent = None,
    json: Json = False,
) -> int:
    """Work off the queue until SIGTERM or Ctrl-C, then finish or hand back what was begun."""
    stop_with(parent)
    settings = read_settings(os.environ)
    configure_logging(settings.log_level, errors=ErrorsKept(settings.errors_folder))
    waiting_in = lanes or [*sorted({solve_lane(name) for name in (QUANTUM, *list_backends())}), CONTROL_LANE]
    with open_database(settings, may_start=False) as database:
        if json:
            write_json({"pid": os.getpid(), "lanes": waiting_in})
        elif parent is None:
            _, narration = open_consoles()
            narration.print("working; Ctrl-C stops")
        asyncio.run(_work(database.dsn, settings, lanes=waiting_in, slots=slots or settings.worker_slots))
    return 0


async def _work(dsn: str, settings: Settings, *, lanes: list[str], slots: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    spare_collector()
    solvers = build_solvers(slots, ray_address=settings.ray_address)
    callers = build_callers(slots, settings.quantum_backend_priority)
    try:
        await run_worker(
            dsn,
            solvers,
            lanes=lanes,
            slots=slots,
            stop=stop,
            memory_mb=settings.worker_memory_mb,
            use_cache=settings.enable_solution_cache,
            statement_cache=settings.database_statement_cache,
            handlers=build_handlers(build_parts(settings, callers, find_peppers(settings))),
            quantum=build_quantum(settings, callers),
        )
    finally:
        await callers.close()
        await solvers.close()
