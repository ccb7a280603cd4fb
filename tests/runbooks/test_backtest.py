"""A backtest raises what detection would have raised then, and says which incidents it would have missed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from quantum_scheduler.incidents.declare import declare_incident
from quantum_scheduler.incidents.model import NewIncident
from quantum_scheduler.monitoring.history import History
from quantum_scheduler.monitoring.sample_model import Keep
from quantum_scheduler.monitoring.snapshot import Snapshot
from quantum_scheduler.monitoring.table import build_table
from quantum_scheduler.postgres.connect import Connection, Pool
from quantum_scheduler.runbooks.model import Runbook
from quantum_scheduler.runbooks.read import read_document
from quantum_scheduler.runbooks.simulation.backtest import BacktestReport, backtest

TABLE = build_table()
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
INTERVAL_S = 5.0
TEXT = """---
runbook: dynex-watch
service: s
owner: o
review_by: 2099-01-01
on_call: quantum
---
# Watch
## Detection
| Signal | When | For | Severity | Clears when | For |
|---|---|---|---|---|---|
| Down | `dynex.health_status == "down"` | 4 of 5 | P1 | `dynex.health_status == "up"` | 30s |
| Deep | `qih.queue_depth > 100 and jobs.routed_to("dynex") == 0` | 1m | P2 | `qih.queue_depth < 50` | 30s |

## Do
1. **Look.**
   - do: `jobs.queue()`
"""


def read() -> Runbook:
    document = read_document(TEXT)
    assert not document.findings, document.findings
    return document.runbooks[0]


async def record(
    conn: Connection, states: Sequence[str | None], *, start: datetime = START, keep: Keep | None = None
) -> datetime:
    """Record what Dynex was, sample after sample; the time after the last."""
    history = History(TABLE) if keep is None else History(TABLE, keep)
    empty = {each.name: None for each in TABLE.sampled}
    at = start
    for state in states:
        values = {**empty, "dynex.health_status": state, "qih.queue_depth": 5}
        await history.write(conn, Snapshot(at=at, values=values))
        at += timedelta(seconds=INTERVAL_S)
        if keep is not None:
            await history.tidy(conn, now=at)
    return at


async def run(conn: Connection, until: datetime, *, since: datetime = START) -> BacktestReport:
    return await backtest(conn, read(), TABLE, since=since, now=until, interval_s=INTERVAL_S)


async def declare(conn: Connection, began_at: datetime, declared_at: datetime, runbook: str = "dynex-watch") -> str:
    new = NewIncident(title="Dynex", severity="P1", runbook=runbook, began_at=began_at)
    async with conn.transaction():
        incident, _ = await declare_incident(conn, new, actor="a test", now=declared_at)
    return incident.name


async def test_what_would_have_been_raised_is_told_with_its_incident_and_its_lead(pool: Pool) -> None:
    async with pool.acquire() as conn:
        until = await record(conn, ["up"] * 10 + ["down"] * 20 + ["up"] * 30 + ["down"] * 2 + ["up"] * 10)
        began_at = START + timedelta(seconds=50)
        name = await declare(conn, began_at, began_at + timedelta(minutes=1))
        report = await run(conn, until)
    (raised,) = report.raised
    assert (raised.title, raised.began_at, raised.raised_at) == ("Down", began_at, began_at + timedelta(seconds=15))
    assert raised.cleared_at == START + timedelta(seconds=150 + 30)
    assert (raised.incident, raised.lead_s) == (name, 45.0)
    assert (report.declared, report.matched, report.unexplained, report.missed) == (1, 1, 0, ())
    assert (report.samples, report.first_at, report.fine_since, report.unrecorded) == (72, START, START, ())


async def test_what_nobody_declared_and_what_no_signal_saw_is_told(pool: Pool) -> None:
    async with pool.acquire() as conn:
        until = await record(conn, ["up"] * 5 + ["down"] * 20)
        await declare(conn, START, START + timedelta(minutes=1), runbook="another")
        alone = await run(conn, until)
        missed = await declare(conn, START + timedelta(hours=2), START + timedelta(hours=2))
        both = await run(conn, START + timedelta(hours=3))
    assert [(each.incident, each.cleared_at) for each in alone.raised] == [(None, None)]
    assert (alone.declared, alone.unexplained) == (0, 1)
    assert [each.incident for each in both.missed] == [missed]
    assert (both.declared, both.matched) == (1, 0)


async def test_minutes_stand_for_the_samples_that_they_were_made_of(pool: Pool) -> None:
    keep = Keep(samples=timedelta(minutes=1), minutes=timedelta(hours=3), hours=timedelta(days=1))
    async with pool.acquire() as conn:
        until = await record(conn, ["up"] * 24 + ["down"] * 24 + ["up"] * 36, keep=keep)
        report = await run(conn, until)
    (raised,) = report.raised
    assert raised.began_at == START + timedelta(minutes=2)
    assert raised.raised_at == START + timedelta(minutes=2, seconds=15)
    assert raised.cleared_at == START + timedelta(minutes=4, seconds=30)
    assert report.fine_since is not None
    assert report.fine_since > START + timedelta(minutes=4)


async def test_what_was_not_recorded_is_named_and_raises_nothing(pool: Pool) -> None:
    async with pool.acquire() as conn:
        nothing = await run(conn, START + timedelta(hours=1))
        until = await record(conn, [None] * 30)
        unknown = await run(conn, until)
        with pytest.raises(ValueError, match="looks back"):
            await run(conn, START)
    assert (nothing.samples, nothing.first_at) == (0, None)
    assert nothing.unrecorded == ("dynex.health_status", "qih.queue_depth")
    assert (unknown.unrecorded, unknown.raised) == (("dynex.health_status",), ())
