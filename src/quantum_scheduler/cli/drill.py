"""`drill`: break something of a running service for a while, and watch what its runbook does about it."""

import asyncio
import getpass
import os
import signal
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.console import Console

from quantum_scheduler.accounts.login.invite import invite_person
from quantum_scheduler.accounts.model import LOCAL_ORG_ID
from quantum_scheduler.app import build_audience, open_database
from quantum_scheduler.cli.accounts import lend_desk
from quantum_scheduler.cli.client import find_key
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.shelf import open_shelf
from quantum_scheduler.cli.vendors import find_control
from quantum_scheduler.cli.write import format_json, open_consoles, write_answer, write_file, write_json
from quantum_scheduler.drills.conduct import Ground, conduct_drill
from quantum_scheduler.drills.faults.connections import ConnectionsFault
from quantum_scheduler.drills.faults.disk import DiskFault, find_size
from quantum_scheduler.drills.faults.lanes import LaneFault
from quantum_scheduler.drills.faults.locks import LockFault
from quantum_scheduler.drills.faults.logins import LoginFault
from quantum_scheduler.drills.faults.vendor import VendorFault
from quantum_scheduler.drills.load import open_http
from quantum_scheduler.drills.model import HOLD_FACTOR, Fault, Order
from quantum_scheduler.drills.permit import check_allowed
from quantum_scheduler.drills.report import Report, write_document, write_markdown
from quantum_scheduler.drills.table import SCENARIOS, find_scenario
from quantum_scheduler.drills.visitor import Visitor
from quantum_scheduler.postgres.connect import Pool, open_pool
from quantum_scheduler.postgres.migrate import require_migrated
from quantum_scheduler.settings import Settings, read_settings

CONNECTIONS_MAX = 4
JOBS_PER_S_MAX = 20.0
HOLD_FACTOR_MIN = 0.01

app = App(name="drill", help="Break something for a while, and watch what its runbook does.", help_epilogue="")


@app.command(name="list")
def list_drills(*, json: Json = False) -> int:
    """List the drills, what each breaks and the faults it may have."""
    rows = [
        {"name": each.name, "breaks": each.place, "target": each.target, "faults": list(each.faults)}
        for each in SCENARIOS.values()
    ]
    width = max(map(len, SCENARIOS))
    lines = [f"{each.name:<{width}}  {each.target}: {', '.join(each.faults)}" for each in SCENARIOS.values()]
    return write_answer(rows, "\n".join(lines), json=json)


@app.default
def drill(
    name: Annotated[str, Parameter(name="NAME", help="Which drill, one of `drill list`.")],
    /,
    *,
    fault: Annotated[str | None, Parameter(help="Which of its faults; else the first.")] = None,
    hold_factor: Annotated[
        float,
        Parameter(
            help="What holds, and the time that people take, are multiplied with.",
            validator=Number(gte=HOLD_FACTOR_MIN, lte=1.0),
        ),
    ] = HOLD_FACTOR,
    load: Annotated[
        float, Parameter(help="Jobs a second meanwhile.", validator=Number(gt=0.0, lte=JOBS_PER_S_MAX))
    ] = 1.0,
    report: Annotated[Path | None, Parameter(help="Folder to write the report to, as Markdown and JSON.")] = None,
    json: Json = False,
) -> int:
    """Conduct a drill on a service that was started with DRILLS_ALLOWED=true; exit code 1 where it did not do well.

    The fault ends by itself soon after this command, however that ends.
    """
    settings = read_settings(os.environ)
    scenario = find_scenario(name)
    order = Order(
        scenario=scenario,
        fault=scenario.find_fault(fault),
        hold_factor=hold_factor,
        jobs_per_s=load,
        by=f"drill of {getpass.getuser()}",
    )
    answers, narration = open_consoles()
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
    with open_database(settings, may_start=False) as database:
        done = asyncio.run(_conduct(order, settings, database.dsn, narration))
    if report is not None:
        stem = report / f"{name}-{done.began_at:%Y%m%dT%H%M%SZ}"
        write_file(stem.with_suffix(".md"), write_markdown(done))
        write_file(stem.with_suffix(".json"), format_json(write_document(done)))
        narration.print(f"the report is in {stem}.md and .json", soft_wrap=True)
    if json:
        write_json(write_document(done))
    else:
        answers.print(write_markdown(done), soft_wrap=True)
    return 0 if done.passed else 1


async def _conduct(order: Order, settings: Settings, dsn: str, narration: Console) -> Report:
    book = open_shelf().find(order.scenario.runbook)
    pool = await open_pool(dsn, size_max=CONNECTIONS_MAX, statement_cache=False)
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        async with pool.acquire() as conn:
            await require_migrated(conn)
            await check_allowed(conn)
        async with AsyncExitStack() as stack:
            key = find_key(settings)
            visitor = None
            if order.scenario.place == "logins":
                http = await stack.enter_async_context(open_http(settings.api_url, key))
                visitor = Visitor(http, partial(_invite, dsn, settings))
            ground = Ground(
                pool=pool,
                http=await stack.enter_async_context(open_http(settings.api_url, key)),
                runbook=book.runbook,
                audience=build_audience(settings),
                tell=lambda line: narration.print(line, soft_wrap=True),
                visitor=visitor,
            )
            return await conduct_drill(order, _build_fault(order, settings, dsn, pool), ground)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        pool.terminate()


async def _invite(dsn: str, settings: Settings, email: str) -> str:
    """Invite somebody; the token of the link."""
    async with lend_desk(dsn, settings) as desk, desk.pool.acquire() as conn, conn.transaction():
        invited = await invite_person(conn, desk, LOCAL_ORG_ID, email, ["customer"], by=None)
    return parse_qs(urlsplit(invited.link).query)["token"][0]


def _build_fault(order: Order, settings: Settings, dsn: str, pool: Pool) -> Fault:
    """Build what breaks it. Raises VendorsUnreachable."""
    scenario = order.scenario
    match scenario.place:
        case "vendor":
            return VendorFault(find_control(), scenario.target, order.fault)
        case "lanes":
            return LaneFault(pool, scenario.target)
        case "logins":
            return LoginFault(settings.api_url)
        case "connections":
            return LockFault(dsn) if order.fault == "locked" else ConnectionsFault(dsn, pool)
        case "disk":
            return DiskFault(settings.data_dir, find_size(settings.data_dir))
