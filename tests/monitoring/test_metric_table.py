"""Every metric has a name, a meaning and a value; what cannot be measured is unknown and keeps nothing else back."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.conftest import open_desk, succeed

from quantum_scheduler.expressions.evaluate import UNKNOWN, evaluate
from quantum_scheduler.expressions.parse import parse_expression
from quantum_scheduler.expressions.registry import Registry
from quantum_scheduler.monitoring.metric import Metric, Source, Table
from quantum_scheduler.monitoring.snapshot import LiveMetrics, Snapshot, take_snapshot
from quantum_scheduler.monitoring.table import build_table, describe_metrics
from quantum_scheduler.postgres.connect import Connection, Pool
from quantum_scheduler.solving.actions import open_breaker

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DOCUMENTS = Path(__file__).parent.parent / "data"
# Their rooms show their own numbers.
ELSEWHERE = ("billing", "ipfs", "ltc")


async def snap(pool: Pool) -> Snapshot:
    return await take_snapshot(pool, build_table(), now=datetime.now(UTC))


async def ask(scope: Snapshot | LiveMetrics, text: str) -> Any:
    return await evaluate(parse_expression(text, 1), scope)


def test_every_metric_of_the_playbooks_is_in_the_table() -> None:
    text = "".join((DOCUMENTS / f"playbook-{name}.md").read_text(encoding="utf-8") for name in ("runbooks", "response"))
    named = set(re.findall(r"`([a-z]+\.[a-z_]+) [<>=]", text))
    assert len(named) > 10
    table = build_table()
    assert [name for name in named if name not in table and name.partition(".")[0] not in ELSEWHERE] == []


def test_every_metric_says_what_it_is() -> None:
    table = build_table()
    assert [name for name, metric in table.items() if not metric.meaning or not metric.unit] == []
    assert len(Registry(describe_metrics())) == len(table)


async def test_an_idle_service_shows_what_it_knows_and_nothing_it_does_not(pool: Pool) -> None:
    snapshot = await snap(pool)
    assert [name for name, stats in snapshot.measured.items() if stats is None] == []
    assert snapshot.values["qih.queue_depth"] == 0
    assert snapshot.values["dynex.breaker"] == "closed"
    assert snapshot.values["dynex.available"] is True
    unknown = ("dynex.health_status", "dynex.success_rate", "quantum.fallback_rate", "api.error_rate", "api.available")
    assert {snapshot.values[name] for name in unknown} == {None}
    for name in ("postgres.connections_used_ratio", "host.memory_used_ratio", "host.disk_used_ratio"):
        value = snapshot.values[name]
        assert isinstance(value, float)
        assert 0 < value <= 1


async def test_a_breaker_that_somebody_opened_has_not_tripped(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await open_breaker(conn, "dynex", reason="by hand")
    values = (await snap(pool)).values
    assert (values["dynex.breaker"], values["dynex.tripped"], values["ibm.tripped"]) == ("open", False, False)
    async with pool.acquire() as conn:
        await conn.execute("UPDATE breaker SET is_manual = false WHERE backend = 'dynex'")
    assert (await snap(pool)).values["dynex.tripped"] is True


async def test_what_is_unknown_is_never_false(pool: Pool) -> None:
    snapshot = await snap(pool)
    assert await ask(snapshot, 'dynex.health_status == "down"') is UNKNOWN
    assert await ask(snapshot, "no.such_metric > 1") is UNKNOWN
    assert await ask(snapshot, "qih.queue_depth == 0 or dynex.success_rate > 0.5") is True


async def test_a_share_of_too_few_samples_is_unknown(pool: Pool) -> None:
    desk = await open_desk(pool)
    for count, share in ((9, None), (1, 1.0)):
        for _ in range(count):
            await desk.submit()
        await desk.settle(*[succeed(claim) for claim in await desk.claim(await desk.register(), count)])
        assert (await snap(pool)).values["solver.success_rate"] == share


async def test_calls_are_answered_from_what_was_measured_or_asked_anew(pool: Pool) -> None:
    live = LiveMetrics(pool, build_table(), now=lambda: NOW)
    for scope in (await snap(pool), live):
        assert await ask(scope, 'api.quota_usage(scope="upstream")') == 0
        assert await ask(scope, 'api.error_rate(route="POST /v1/jobs")') is UNKNOWN
        assert await ask(scope, 'jobs.routed_to("dynex", since="30s") == 0') is True
        assert await ask(scope, 'jobs.routed_to("nobody")') is UNKNOWN
        assert await ask(scope, "qih.queue_depth") == 0


async def test_a_source_that_hangs_or_fails_is_unknown_and_the_others_go_on(pool: Pool) -> None:
    async def hang(conn: Connection, now: datetime) -> None:
        await conn.execute("SELECT pg_sleep(60)")

    async def fail(conn: Connection, now: datetime) -> None:
        await conn.execute("SELECT 1 / 0")

    async def count(conn: Connection, now: datetime) -> int:
        return int(await conn.fetchval("SELECT 7"))

    def tell(measured: int) -> int:
        """`a.number`: it."""
        return measured

    row = Metric(name="", function=tell, unit="", source=None)
    table = Table(
        tuple(
            replace(row, name=f"a.{each.__name__}", source=Source(name=each.__name__, measure=each))
            for each in (hang, fail, count)
        )
    )
    async with asyncio.timeout(30):
        snapshot = await take_snapshot(pool, table, now=NOW, timeout_s=0.5)
    assert snapshot.values == {"a.hang": None, "a.fail": None, "a.count": 7}


def test_two_metrics_may_not_share_a_name() -> None:
    rows = tuple(build_table().values())
    with pytest.raises(ValueError, match=r"qih\.queue_depth"):
        Table((*rows, rows[0]))
