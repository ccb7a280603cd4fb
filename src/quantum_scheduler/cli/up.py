"""`up`: the whole service in one command."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from quantum_scheduler import __version__
from quantum_scheduler.accounts.audit.deploy import record_deployment
from quantum_scheduler.accounts.login.invite import invite_admin
from quantum_scheduler.accounts.pepper import register_peppers
from quantum_scheduler.app import Database, open_database
from quantum_scheduler.cli.keep_key import keep_local_key
from quantum_scheduler.cli.keep_peppers import keep_peppers
from quantum_scheduler.cli.keep_postgres import keep_postgres
from quantum_scheduler.cli.listen import name_address, take_address
from quantum_scheduler.cli.log import configure_logging
from quantum_scheduler.cli.options import SLOTS_MAX, Json
from quantum_scheduler.cli.parent import Parent, stop_with
from quantum_scheduler.cli.program import name_program
from quantum_scheduler.cli.serve import serve_api, wait_until_ready
from quantum_scheduler.cli.start_vendors import start_vendors
from quantum_scheduler.cli.supervise import Processes
from quantum_scheduler.cli.write import open_consoles, write_json
from quantum_scheduler.drills.permit import say_whether_allowed
from quantum_scheduler.monitoring.errors_kept import ErrorsKept
from quantum_scheduler.postgres.connect import connect, name_database
from quantum_scheduler.postgres.lock import hold_data_dir
from quantum_scheduler.postgres.migrate import migrate
from quantum_scheduler.settings import Settings, describe_settings, read_settings

WORKERS_MAX = 64
DEFAULT_URL = "http://127.0.0.1:8000"


def up(
    *,
    host: Annotated[str, Parameter(help="Address to answer on; 0.0.0.0 is every one of this machine.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port; 0 takes a free one.", validator=Number(gte=0, lte=65_535))] = 8000,
    workers: Annotated[int, Parameter(help="Worker processes.", validator=Number(gte=0, lte=WORKERS_MAX))] = 1,
    slots: Annotated[
        int | None,
        Parameter(help="Jobs each worker solves at once; else WORKER_SLOTS.", validator=Number(gte=1, lte=SLOTS_MAX)),
    ] = None,
    data_dir: Annotated[Path | None, Parameter(help="Data folder; else QUANTUM_SCHEDULER_DATA_DIR.")] = None,
    vendors: Annotated[
        bool, Parameter(negative=(), help="Run stand-ins for the quantum vendors' clouds, and use those.")
    ] = False,
    parent: Parent = None,
    json: Json = False,
) -> int:
    """Start database, API, workers and watch; stop them all on Ctrl-C or SIGTERM."""
    stop_with(parent)
    environ = {**os.environ, **({} if data_dir is None else {"QUANTUM_SCHEDULER_DATA_DIR": str(data_dir)})}
    settings = read_settings(environ)
    settings = replace(settings, worker_slots=slots or settings.worker_slots)
    configure_logging(settings.log_level, errors=ErrorsKept(settings.errors_folder))
    _, narration = open_consoles()
    with closing(take_address(host, port)) as bound, hold_data_dir(settings.data_dir), ExitStack() as stack:
        signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))  # until there is an event loop to tell
        narration.print(f"starting; the data folder is {settings.data_dir}", soft_wrap=True)
        if vendors:
            _use(stack.enter_context(start_vendors(environ)), narration)
        with open_database(settings, may_start=True) as database:
            try:
                asyncio.run(_run(settings, database, bound, workers=workers, as_json=json))
            except asyncio.CancelledError:
                raise KeyboardInterrupt from None
    narration.print("stopped")
    return 0


def _use(vendors: Mapping[str, Any], narration: Console) -> None:
    """Point this process, and those it starts, at the vendors' stand-ins, and have jobs go there."""
    os.environ.update(vendors["environment"])
    os.environ.setdefault("QUANTUM_BACKEND_PRIORITY", ",".join(each["name"] for each in vendors["vendors"]))
    names = ", ".join(each["name"] for each in vendors["vendors"])
    narration.print(f"{names}: {vendors['notice']}", soft_wrap=True)
    for each in vendors["missing"]:
        narration.print(f"{each['name']} is left out: {each['why']}", soft_wrap=True)


async def _run(settings: Settings, database: Database, bound: socket.socket, *, workers: int, as_json: bool) -> None:
    """Run the service until it is told to stop; told twice, do not wait for what is still at work."""
    stop = _listen_to_signals()
    url = name_address(bound)
    new_key, setup_link = await _prepare(database.dsn, settings, url)
    about = {
        "url": url,
        "database": name_database(database.dsn),
        "key_file": str(settings.key_file),
        "workers": workers,
        "pid": os.getpid(),
        "setup_link": setup_link,
        "admin_email": settings.admin_email,
    }
    environ = {
        **os.environ,
        "DATABASE_URL": database.dsn,
        "QUANTUM_SCHEDULER_DATA_DIR": str(settings.data_dir),
        "WORKER_SLOTS": str(settings.worker_slots),
    }
    async with AsyncExitStack() as stack:
        if database.embedded is not None:
            keeper = asyncio.create_task(keep_postgres(database.embedded))
            stack.callback(keeper.cancel)
        await stack.enter_async_context(Processes("worker", workers, environ))
        await stack.enter_async_context(Processes("watch", 1, environ))
        async with serve_api(settings, database.dsn, bound, stop=stop) as serving:
            ready = asyncio.create_task(wait_until_ready(url, workers=workers))
            await asyncio.wait({ready, serving}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            if not stop.is_set():
                _announce(about, new_key, as_json=as_json)
            await serving


async def _prepare(dsn: str, settings: Settings, url: str) -> tuple[str | None, str | None]:
    """Bring the database up to date; return the local key when it is new, and the admin's link while there is none."""
    connection = await connect(dsn, statement_cache=settings.database_statement_cache)
    try:
        await migrate(connection)
        peppers = keep_peppers(settings)
        await register_peppers(connection, peppers)
        new_key = await keep_local_key(connection, settings.key_file, peppers=peppers)
        public_url = (settings.public_url or url).rstrip("/")
        async with connection.transaction():
            await record_deployment(connection, version=__version__, settings=describe_settings(settings))
        await say_whether_allowed(connection, settings.drills_allowed, now=datetime.now(UTC))
        async with connection.transaction():
            return new_key, await invite_admin(connection, settings.admin_email, peppers=peppers, public_url=public_url)
    finally:
        await connection.close()


def _listen_to_signals() -> asyncio.Event:
    """Return the event that SIGTERM or Ctrl-C sets; the second of them cancels the calling task."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def hear() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, hear)
    return stop


def _announce(about: dict[str, Any], new_key: str | None, *, as_json: bool) -> None:
    answers, _ = open_consoles()
    if as_json:
        write_json(about)
        return
    url = "" if about["url"] == DEFAULT_URL else f"QUANTUM_SCHEDULER_URL={about['url']} "
    lines = [f"ready at {about['url']}  (API documentation: {about['url']}/docs)"]
    if new_key is not None:
        lines.append(f"key      {new_key}  (shown once; kept in {about['key_file']})")
    if about["setup_link"] is not None:
        lines.append(f"set up   {about['setup_link']}  (your account, {about['admin_email']}; good once, for a week)")
    lines.append(f"next     {url}{name_program()} submit examples/workshop.yaml --wait")
    lines.append("stop     Ctrl-C")
    answers.print("\n".join(lines), soft_wrap=True)
