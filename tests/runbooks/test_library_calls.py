"""Every call of the library is one that its action takes, given what the calls before it really return."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from quantum_scheduler.backends.model import BackendError, Health
from quantum_scheduler.expressions.evaluate import evaluate_arguments
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.model import Incident, NewIncident
from quantum_scheduler.incidents.paging.announce import NOBODY
from quantum_scheduler.incidents.respond import raise_incident
from quantum_scheduler.monitoring.errors_kept import ErrorsKept
from quantum_scheduler.monitoring.snapshot import LiveMetrics
from quantum_scheduler.monitoring.table import build_table
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.runbooks.actions.call import call_action
from quantum_scheduler.runbooks.actions.desk import Desk, Parts
from quantum_scheduler.runbooks.actions.table import find_action
from quantum_scheduler.runbooks.model import Do, Runbook
from quantum_scheduler.runbooks.scope import RunScope
from quantum_scheduler.runbooks.shelf import read_shelf
from quantum_scheduler.solving.call import Wire

SHELF = read_shelf()
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
# What nothing can be done about on an installation without workers, customers or troubles: only branches that such have
# come to call it. With a part of the reason that is given.
NEED_TROUBLES = {
    "accounts.block": "UUID",
    "backends.probe": "no backend is called ''",
    "breaker.open": "no backend is called ''",
    "jobs.canary": "no backend is called ''",
    "jobs.scale": "is unknown",
    "jwt.rotate": "no peppers",
    "limits.set_multiplier": "no rates are of class ''",
    "quota.raise": "meter",
    "ramp": "no backend is called ''",
    "secrets.rotate": "no new value",
}


class Away:
    """The way to vendors of whom each is well, and answers no job."""

    async def check(self, _backend: str, _credentials: object) -> Health:
        return Health(status="up", latency_ms=1.0)

    async def say(self, *_arguments: object, **_parts: object) -> None:
        raise BackendError("offline", "it is away")


def list_calls(runbook: Runbook) -> Iterator[Do]:
    for step in runbook.steps():
        yield from step.do


async def call(pool: Pool, do: Do, scope: RunScope, incident: Incident) -> Any:
    name, arguments, keywords = await evaluate_arguments(do.call, scope)
    action = find_action(name)
    async with pool.acquire() as conn:
        desk = Desk(
            conn=conn, key="1:1", who="a test", now=NOW, parts=scope.parts, incident=incident, runbook=scope.runbook
        )
        if action.leaves_home:
            return await call_action(action, desk, arguments, keywords)
        async with conn.transaction():
            return await call_action(action, desk, arguments, keywords)


@pytest.mark.parametrize("name", sorted(SHELF.books))
async def test_every_call_can_be_made(pool: Pool, tmp_path: Path, name: str) -> None:
    runbook = SHELF.find(name).runbook
    parts = Parts(wire=cast("Wire", Away()), data_dir=tmp_path, errors=ErrorsKept(tmp_path / "logs"))
    metrics = LiveMetrics(pool, build_table(data_dir=tmp_path), now=lambda: NOW)
    async with pool.acquire() as conn, conn.transaction():
        new = NewIncident(title=name, severity="P3", runbook=name)
        incident, _ = await raise_incident(conn, new, NOBODY, actor="a test", now=NOW)
    results: dict[str, Any] = {}
    refused: list[tuple[str, str]] = []
    for do in list_calls(runbook):
        async with pool.acquire() as conn:
            incident = await find_incident(conn, incident.id)
        scope = RunScope(
            run_id=1,
            runbook=name,
            results=results,
            incident=incident,
            metrics=metrics,
            pool=pool,
            parts=parts,
            now=lambda: NOW,
        )
        try:
            results[do.name or ""] = await call(pool, do, scope, incident)
        except Exception as error:
            refused.append((do.call.text.partition("(")[0], str(error)))
    assert [each for each in refused if NEED_TROUBLES.get(each[0], "never") not in each[1]] == []
