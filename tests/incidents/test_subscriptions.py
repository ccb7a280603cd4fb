"""Subscribers of the status page: told nothing before they agree, then everything once, and how to end it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest

from quantum_scheduler.incidents import respond
from quantum_scheduler.incidents.model import Incident, NewIncident
from quantum_scheduler.incidents.paging.announce import NOBODY
from quantum_scheduler.incidents.status.feed import NAMESPACE, render_feed
from quantum_scheduler.incidents.status.maintain import end_maintenance, schedule_maintenance
from quantum_scheduler.incidents.status.publish import publish_update
from quantum_scheduler.incidents.status.subscriptions.model import SubscriptionRefused, SubscriptionUnknown
from quantum_scheduler.incidents.status.subscriptions.subscribe import confirm, subscribe, unsubscribe
from quantum_scheduler.incidents.status.subscriptions.tell import tell_maintenance
from quantum_scheduler.monitoring.maintenance.model import Plan
from quantum_scheduler.postgres.connect import Connection, Pool

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
URL = "https://qs.example"


async def ask(conn: Connection, address: str, token: str, *, at: datetime = NOW) -> bool:
    return await subscribe(conn, "email", address, token=token, public_url=URL, now=at)


async def read_told(conn: Connection, address: str) -> list[dict[str, Any]]:
    rows = await conn.fetch("SELECT message FROM notification WHERE address = $1 ORDER BY id", address)
    return [row["message"] for row in rows]


async def declare(conn: Connection) -> Incident:
    new = NewIncident(title="Dynex <is> down", severity="P1")
    return (await respond.raise_incident(conn, new, NOBODY, actor="watch", now=NOW))[0]


async def publish(conn: Connection, incident: Incident, body: str) -> None:
    await publish_update(conn, incident.id, body, status="identified", components={}, actor="ann", now=NOW)


async def test_an_address_is_told_nothing_before_it_agrees_and_nothing_after_it_has_left(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident = await declare(conn)
        for name in ("ann", "bob"):
            assert await ask(conn, f"{name}@example.com", f"token-{name}")
        (question,) = await read_told(conn, "ann@example.com")
        assert question["url"] == f"{URL}/status/subscriptions/token-ann"
        await confirm(conn, "token-ann", now=NOW + HOUR)
        await publish(conn, incident, "One.")
        await unsubscribe(conn, "token-ann")
        await unsubscribe(conn, "token-ann")
        await publish(conn, incident, "Two.")
        told = await read_told(conn, "ann@example.com")
        assert [each["text"] for each in told[1:]] == ["One."]
        assert told[1]["title"] == "Identified: Dynex <is> down"
        assert told[1]["unsubscribe"] == f"{URL}/status/subscriptions/token-ann/unsubscribe"
        assert len(await read_told(conn, "bob@example.com")) == 1


async def test_nobody_is_asked_more_often_than_once_an_hour(pool: Pool) -> None:
    async with pool.acquire() as conn:
        asked = [await ask(conn, "ann@example.com", f"t{n}", at=NOW + n * HOUR / 2) for n in range(4)]
        assert asked == [True, False, False, True]
        with pytest.raises(SubscriptionUnknown):
            await confirm(conn, "t0", now=NOW + 2 * HOUR)
        await confirm(conn, "t3", now=NOW + 2 * HOUR)
        # Whoever is told already is asked nothing.
        assert not await ask(conn, "ann@example.com", "t9", at=NOW + 9 * HOUR)
        assert await ask(conn, "bob@example.com", "late")
        with pytest.raises(SubscriptionUnknown):
            await confirm(conn, "late", now=NOW + 25 * HOUR)


async def test_maintenance_is_told_when_it_is_planned_begins_and_ends_each_once(pool: Pool) -> None:
    plan = Plan(title="New cables", components=("dynex",), starts_at=NOW + HOUR, ends_at=NOW + 3 * HOUR)
    async with pool.acquire() as conn:
        await ask(conn, "ann@example.com", "t")
        await confirm(conn, "t", now=NOW)
        await schedule_maintenance(conn, plan, actor="ann", now=NOW)
        later = await schedule_maintenance(conn, plan, actor="ann", now=NOW)
        await end_maintenance(conn, later.id, actor="ann", now=NOW)
        for hours in (0, 1, 1, 2, 3, 4, 4):
            await tell_maintenance(conn, now=NOW + hours * HOUR)
        told = [each["title"].partition(":")[0] for each in (await read_told(conn, "ann@example.com"))[1:]]
    assert told == [
        *("Maintenance scheduled", "Maintenance scheduled", "Maintenance cancelled"),
        *("Maintenance in progress", "Maintenance completed"),
    ]


async def test_the_feed_holds_what_customers_were_told(pool: Pool) -> None:
    async with pool.acquire() as conn:
        assert fromstring(await render_feed(conn, public_url=URL, now=NOW)).find(f"{{{NAMESPACE}}}entry") is None
        incident = await declare(conn)
        await publish(conn, incident, "We <know>\x0b why.")
        await respond.resolve(conn, incident.id, NOBODY, actor="ann", now=NOW + HOUR)
        feed = fromstring(await render_feed(conn, public_url=URL, now=NOW))
    (entry,) = feed.findall(f"{{{NAMESPACE}}}entry")
    assert entry.findtext(f"{{{NAMESPACE}}}title") == "Resolved: Dynex <is> down"
    content = entry.findtext(f"{{{NAMESPACE}}}content") or ""
    assert "We &lt;know&gt; why." in content
    assert content.index("Resolved") < content.index("Identified")
    assert feed.findtext(f"{{{NAMESPACE}}}updated") == (NOW + HOUR).isoformat()


@pytest.mark.parametrize("address", ["", "ann", "ann@localhost", "ann@example.com\r\nBcc: bob@example.com", "a@b.c d"])
async def test_what_is_no_address_is_refused(pool: Pool, address: str) -> None:
    async with pool.acquire() as conn:
        with pytest.raises(SubscriptionRefused):
            await ask(conn, address, "t")
