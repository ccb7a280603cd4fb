"""`watch`: one process of the control plane."""

import asyncio
import os
import signal
from datetime import UTC, datetime

from quantum_scheduler.app import (
    build_audience,
    build_callers,
    build_duties,
    build_handlers,
    build_parts,
    build_quota_audience,
    open_channels,
    open_database,
)
from quantum_scheduler.cli.keep_peppers import find_peppers
from quantum_scheduler.cli.log import configure_logging
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.parent import Parent, stop_with
from quantum_scheduler.cli.write import open_consoles, write_json
from quantum_scheduler.jobs.model import CONTROL_LANE
from quantum_scheduler.monitoring.errors_kept import ErrorsKept
from quantum_scheduler.runbooks.keep_running import keep_running
from quantum_scheduler.settings import Settings, read_settings
from quantum_scheduler.watch import run_watch
from quantum_scheduler.worker import run_worker

# So many steps of runbooks may be under way at once in this process.
CONTROL_SLOTS = 8


def watch(*, parent: Parent = None, json: Json = False) -> int:
    """Have incidents escalate, messages delivered and runbooks executed until SIGTERM or Ctrl-C.

    Of several that run, one escalates and delivers; another takes over the moment that one is gone.
    """
    stop_with(parent)
    settings = read_settings(os.environ)
    configure_logging(settings.log_level, errors=ErrorsKept(settings.errors_folder))
    with open_database(settings, may_start=False) as database:
        if json:
            write_json({"pid": os.getpid(), "channels": [each.channel for each in build_audience(settings).targets]})
        elif parent is None:
            _, narration = open_consoles()
            narration.print("watching; Ctrl-C stops")
        asyncio.run(_watch(database.dsn, settings))
    return 0


async def _watch(dsn: str, settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    callers = build_callers(CONTROL_SLOTS)
    audience, cached = build_audience(settings), settings.database_statement_cache
    handlers = build_handlers(build_parts(settings, callers, find_peppers(settings)))
    try:
        async with open_channels(settings, now=lambda: datetime.now(UTC)) as channels:
            watching = run_watch(
                dsn,
                channels,
                audience,
                stop=stop,
                quota_audience=build_quota_audience(settings),
                duties=build_duties(settings),
                statement_cache=cached,
            )
            # Runbooks go on however busy, or dead, the workers are.
            executing = run_worker(
                dsn,
                callers,
                lanes=[CONTROL_LANE],
                slots=CONTROL_SLOTS,
                stop=stop,
                statement_cache=cached,
                handlers=handlers,
            )
            starting = keep_running(dsn, audience, settings.runbooks_dir, stop=stop, statement_cache=cached)
            await asyncio.gather(watching, executing, starting)
    finally:
        await callers.close()
