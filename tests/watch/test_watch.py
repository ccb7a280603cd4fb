"""The watch: one leads, another takes over when it is gone, and nothing is lost or told twice over it."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from tests.notifications.loopback import serve_http

from quantum_scheduler.app import Duty
from quantum_scheduler.incidents import respond
from quantum_scheduler.incidents.model import Incident, NewIncident
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.monitoring.collect import Collection, collect_always
from quantum_scheduler.monitoring.history import read_latest
from quantum_scheduler.monitoring.table import build_table
from quantum_scheduler.notifications.channels.inbox import Inbox
from quantum_scheduler.notifications.model import NOTIFICATION_POSTED, ChannelName, Delivery, Receipt, Target
from quantum_scheduler.notifications.outbox import post_message
from quantum_scheduler.notifications.port import Channel
from quantum_scheduler.notifications.tell_quotas import NOBODY_ELSE, QuotaAudience
from quantum_scheduler.notifications.templates import write_update
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.postgres.listen import Notifier
from quantum_scheduler.watch import run_watch

PATIENCE_S = 180.0  # longer than what a dead process had claimed stays its own
LEADER = """
SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND application_name LIKE 'quantum-scheduler watch %'
    AND pg_stat_activity.datname = current_database()
"""


class Recorder:
    """A channel that keeps what it sends, and tells whoever waits."""

    def __init__(self) -> None:
        self.sent: list[Delivery] = []
        self.arrived = asyncio.Event()

    async def send(self, delivery: Delivery) -> Receipt:
        self.sent.append(delivery)
        self.arrived.set()
        return {}

    async def wait_for(self, is_there: Callable[[list[Delivery]], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not is_there(self.sent):
                self.arrived.clear()
                await self.arrived.wait()


@asynccontextmanager
async def watching(
    dsn: str,
    channel: Channel,
    count: int = 1,
    *,
    quota_audience: QuotaAudience = NOBODY_ELSE,
    duties: Sequence[Duty] = (),
) -> AsyncIterator[None]:
    stop = asyncio.Event()
    channels: dict[ChannelName, Channel] = {"inbox": Inbox(), "webhook": channel}
    watches = [
        asyncio.create_task(
            run_watch(dsn, channels, Audience(), stop=stop, quota_audience=quota_audience, duties=duties)
        )
        for _ in range(count)
    ]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*watches)


async def declare(pool: Pool, audience: Audience, **changes: Any) -> Incident:
    new = NewIncident(**{"title": "Down", "severity": "P0", **changes})
    async with pool.acquire() as conn, conn.transaction():
        incident, _ = await respond.raise_incident(conn, new, audience, actor="watch", now=datetime.now(UTC))
    return incident


async def bring_forward(pool: Pool, incident: Incident, *, first_s: float, step_s: float) -> None:
    """Have the pages of an incident come due one after the other, soon."""
    statement = """
        UPDATE escalation SET due_at = now() + make_interval(secs => $2 + $3 * level)
        WHERE incident_id = $1 AND fired_at IS NULL
    """
    async with pool.acquire() as conn:
        await conn.execute(statement, incident.id, first_s, step_s)


async def all_fired(pool: Pool) -> None:
    async with asyncio.timeout(PATIENCE_S), pool.acquire() as conn:
        left = """
            SELECT (SELECT count(*) FROM escalation WHERE fired_at IS NULL)
                + (SELECT count(*) FROM notification WHERE sent_at IS NULL)
        """
        while await conn.fetchval(left):  # noqa: ASYNC110  a table tells nobody
            await asyncio.sleep(0.05)


async def test_what_is_posted_is_told_at_a_notice_and_without_one(dsn: str, pool: Pool) -> None:
    channel = Recorder()
    message = write_update(incident="incident-2026-11-22-001", severity="P1", title="x", status="Open", text="y")
    target = Target(channel="webhook", address="a")
    async with watching(dsn, channel), Notifier(dsn) as notifier:
        for number, with_notice in enumerate((False, True)):
            async with pool.acquire() as conn:
                await post_message(conn, [target], message, dedup_key=str(number), now=datetime.now(UTC))
            if with_notice:
                notifier.notify(NOTIFICATION_POSTED)
            await channel.wait_for(lambda sent, count=number + 1: len(sent) == count)  # type: ignore[misc]


async def test_another_takes_over_when_the_leaders_connection_dies(dsn: str, pool: Pool) -> None:
    channel = Recorder()
    audience = Audience(targets=(Target(channel="webhook", address="a"),))
    async with watching(dsn, channel, count=2):
        for number in range(3):
            await declare(pool, audience, title=str(number))
            await channel.wait_for(lambda sent, count=number + 1: len(sent) == count)  # type: ignore[misc]
            async with pool.acquire() as conn:
                assert len(await conn.fetch(LEADER)) == 1
    assert len({each.id for each in channel.sent}) == 3


async def test_an_acknowledgement_runs_out_by_itself(dsn: str, pool: Pool) -> None:
    channel = Recorder()
    audience = Audience(targets=(Target(channel="webhook", address="a"),))
    incident = await declare(pool, audience)
    async with pool.acquire() as conn, conn.transaction():
        now, lasts = datetime.now(UTC), timedelta(milliseconds=1)
        await respond.acknowledge(conn, incident.id, Audience(), actor="ann", now=now, lasts=lasts)
    async with watching(dsn, channel):
        await channel.wait_for(lambda sent: len(sent) == 1)
        async with asyncio.timeout(PATIENCE_S), pool.acquire() as conn:
            state = "SELECT state FROM incident WHERE id = $1"
            while await conn.fetchval(state, incident.id) != "open":  # noqa: ASYNC110  a table tells nobody
                await asyncio.sleep(0.05)


async def all_fired_of_level(pool: Pool, incident: Incident, level: int) -> None:
    query = "SELECT fired_at FROM escalation WHERE incident_id = $1 AND level = $2"
    async with asyncio.timeout(PATIENCE_S), pool.acquire() as conn:
        while await conn.fetchval(query, incident.id, level) is None:  # noqa: ASYNC110  a table tells nobody
            await asyncio.sleep(0.05)


async def start_process(dsn: str, environ: dict[str, str]) -> Process:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "quantum_scheduler", "watch", "--json"),
        env={**os.environ, "DATABASE_URL": dsn, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert await process.stdout.readline()
    return process


async def test_no_page_is_lost_or_posted_twice_while_watches_are_killed(dsn: str, pool: Pool) -> None:
    with serve_http({}) as server:
        hook = f"{server.url}/hook"
        environ = {"ALERT_WEBHOOK_URL": hook, "ALERT_WEBHOOK_SECRET": "sixteen letters!", "LOG_LEVEL": "critical"}
        environ["METRICS_INTERVAL_SECONDS"] = "60"  # whatever this machine is like, it raises nothing of its own
        async with pool.acquire() as conn:
            targets = [{"channel": "webhook", "address": hook}]
            await conn.execute("UPDATE oncall_person SET targets = targets || $1", targets)
        incidents = [await declare(pool, Audience(), title=str(number)) for number in range(4)]
        watches = list(await asyncio.gather(*(start_process(dsn, environ) for _ in range(2))))
        try:
            for number, incident in enumerate(incidents):
                await bring_forward(pool, incident, first_s=0.3 * number, step_s=0.5)
            for kill in range(2):
                await all_fired_of_level(pool, incidents[0], kill + 1)
                watches[0].send_signal(signal.SIGKILL)
                await watches.pop(0).wait()
                watches.append(await start_process(dsn, environ))
            await all_fired(pool)
        finally:
            for process in watches:
                process.kill()
                await process.wait()
        async with pool.acquire() as conn:
            rows = await conn.fetch(
                "SELECT id, address, dedup_key FROM notification WHERE channel = 'webhook' AND sent_at IS NOT NULL"
            )
            late = await conn.fetchval("SELECT max(fired_at - due_at) FROM escalation")
    assert late < timedelta(seconds=PATIENCE_S)
    # On-call, backup, senior, SRE lead and tech lead, manager and director: of four incidents.
    assert len(rows) == 4 * 5
    told = Counter(request.headers["webhook-id"] for request in server.requests)
    assert set(told) == {str(row["id"]) for row in rows}


async def test_the_process_measures_the_service_and_watches_what_runbooks_detect(dsn: str, pool: Pool) -> None:
    process = await start_process(dsn, {"METRICS_INTERVAL_SECONDS": "1", "LOG_LEVEL": "critical"})
    try:
        for query in ("SELECT count(*) > 1 FROM metric_sample", "SELECT count(*) > 0 FROM detected_signal"):
            async with asyncio.timeout(PATIENCE_S), pool.acquire() as conn:
                while not await conn.fetchval(query):  # noqa: ASYNC110  a table tells nobody
                    await asyncio.sleep(0.1)
    finally:
        process.kill()
        await process.wait()


async def test_the_leader_keeps_the_history_of_all_metrics_and_goes_on_after_the_other_one_died(
    dsn: str, pool: Pool
) -> None:
    collection = Collection(table=build_table(backends=("dynex",)), interval_s=0.1)
    duties = (partial(collect_always, collection),)

    async def rises(count: int) -> None:
        async with asyncio.timeout(PATIENCE_S), pool.acquire() as conn:
            samples = "SELECT count(*) FROM metric_sample"
            goal = await conn.fetchval(samples) + count
            while await conn.fetchval(samples) < goal:  # noqa: ASYNC110  a table tells nobody
                await asyncio.sleep(0.05)

    async with watching(dsn, Recorder(), count=2, duties=duties):
        await rises(3)
        async with pool.acquire() as conn:
            assert len(await conn.fetch(LEADER)) == 1
        await rises(3)
        async with pool.acquire() as conn:
            at, readings = await read_latest(conn, collection.table)
    assert at is not None
    assert readings["qih.queue_depth"] == 0
    assert readings["dynex.breaker"] == "closed"
    assert readings["dynex.success_rate"] is None
