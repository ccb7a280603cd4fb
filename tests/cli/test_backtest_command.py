"""`runbook backtest`: what a draft would have raised is seen before anybody is woken by it."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.runbooks.test_backtest import TEXT, record

from quantum_scheduler.postgres.connect import connect


async def record_outage(dsn: str) -> None:
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
    conn = await connect(dsn)
    try:
        await record(conn, ["up"] * 5 + ["down"] * 20 + ["up"] * 10, start=start)
    finally:
        await conn.close()


def test_the_command_tells_it_to_people_and_programs(dsn: str, tmp_path: Path, run_here: Callable[..., Any]) -> None:
    asyncio.run(record_outage(dsn))
    path = tmp_path / "watch.md"
    path.write_text(TEXT)
    environ = {"DATABASE_URL": dsn}
    told = run_here("runbook", "backtest", path, "--since", "1h", environ=environ)
    assert "nobody declared an incident" in told.stdout
    assert "1 raised, 1 of them without an incident; 0 of 0 incidents would have been raised" in told.stdout
    (document,) = json.loads(run_here("runbook", "backtest", path, "--json", environ=environ).stdout)
    assert (document["runbook"], document["unexplained"], len(document["raised"])) == ("dynex-watch", 1, 1)
    assert run_here("runbook", "backtest", path, "--since", "soon", environ=environ).returncode == 2
