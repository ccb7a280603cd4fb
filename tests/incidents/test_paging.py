"""Paging: whoever is on call hears at once, others when nobody answers, each once, and nobody after an answer."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from quantum_scheduler.incidents import respond
from quantum_scheduler.incidents.look_up import find_incident, read_items, read_timeline
from quantum_scheduler.incidents.model import Incident, NewIncident
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.incidents.paging.escalate import escalate_due, find_next_due, read_pages
from quantum_scheduler.incidents.review import read_review
from quantum_scheduler.notifications.model import Target
from quantum_scheduler.notifications.oncall.arrange import keep_person, keep_rotation
from quantum_scheduler.notifications.oncall.model import Person, Rotation
from quantum_scheduler.postgres.connect import Connection, Pool

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
NEW = NewIncident(title="Every backend is down", severity="P0", runbook="all-down", key="all")
HOOK = Target(channel="webhook", address="https://example.com/hook")
AUDIENCE = Audience(targets=(HOOK,), public_url="https://qs.example/")
LEVELS = [
    ["oncall-primary"],
    ["oncall-backup"],
    ["senior-eng"],
    ["sre-lead", "tech-lead"],
    ["director-eng", "eng-manager"],
]


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


async def declare(conn: Connection, **changes: Any) -> Incident:
    async with conn.transaction():
        incident, _ = await respond.raise_incident(
            conn, replace(NEW, **changes), AUDIENCE, actor="watch", now=changes.get("began_at") or NOW
        )
    return incident


async def told(conn: Connection, channel: str = "inbox") -> list[str]:
    query = "SELECT address FROM notification WHERE channel = $1 ORDER BY created_at, address"
    return [row["address"] for row in await conn.fetch(query, channel)]


async def kinds_told(conn: Connection) -> list[str]:
    query = "SELECT message ->> 'kind' AS kind FROM notification WHERE channel = 'webhook' ORDER BY created_at, id"
    return [row["kind"] for row in await conn.fetch(query)]


async def test_a_page_and_an_alert_are_in_the_outbox_when_the_declaration_commits(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident = await declare(conn)
        assert await told(conn) == ["oncall-primary"]
        assert await told(conn, "webhook") == [HOOK.address]
        message = await conn.fetchval("SELECT message FROM notification WHERE channel = 'webhook'")
        assert message["url"] == f"https://qs.example/v1/incidents/{incident.name}"
        assert [each["label"] for each in message["buttons"]] == ["Acknowledge", "Resolve"]
        paged = [event for event in await read_timeline(conn, incident.id) if event.kind == "paged"]
        assert [event.detail["people"] for event in paged] == [["oncall-primary"]]
        items = await read_items(conn, incident.id)
        assert [item.title for item in items if item.done_at] == [items[0].title, items[1].title]
        # The same signal again tells nobody anything.
        await declare(conn)
        assert await told(conn) + await told(conn, "webhook") == ["oncall-primary", HOOK.address]


async def test_the_matrix_is_paged_level_by_level_in_the_time_to_respond(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident = await declare(conn)
        pages = await read_pages(conn, incident.id)
        assert [page["people"] for page in pages] == LEVELS
        assert [page["due_at"] for page in pages] == [later(minutes) for minutes in (0, 5, 10, 15, 20)]
        assert await find_next_due(conn) == later(5)
        assert await escalate_due(conn, now=later(4.9)) == 0
        assert await escalate_due(conn, now=later(5)) == 1
        assert await told(conn) == ["oncall-primary", "oncall-backup"]
        assert await escalate_due(conn, now=later(60)) == 3
        assert sorted(await told(conn)) == sorted(name for level in LEVELS for name in level)
        assert await find_next_due(conn) is None


async def test_many_who_escalate_at_once_page_everybody_once(pool: Pool) -> None:
    async with pool.acquire() as conn:
        for number in range(20):
            await declare(conn, key=str(number))

    async def escalate() -> int:
        async with pool.acquire() as conn:
            return await escalate_due(conn, now=later(30))

    while sum(await asyncio.gather(*(escalate() for _ in range(8)))):
        pass
    async with pool.acquire() as conn:
        assert len(await told(conn)) == 20 * sum(map(len, LEVELS))
        assert await conn.fetchval("SELECT count(*) FROM incident_event WHERE kind = 'paged'") == 20 * len(LEVELS)
        gaps = (
            "SELECT count(*) FROM incident WHERE events <> (SELECT max(seq) FROM incident_event WHERE incident_id = id)"
        )
        assert await conn.fetchval(gaps) == 0


async def test_what_is_rolled_back_is_escalated_by_the_next(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await declare(conn)
        transaction = conn.transaction()
        await transaction.start()
        assert await escalate_due(conn, now=later(5)) == 1
        await transaction.rollback()
        assert await escalate_due(conn, now=later(5)) == 1
        assert await told(conn) == ["oncall-primary", "oncall-backup"]


async def test_an_answer_stops_the_pages_and_one_that_runs_out_lets_them_go_on(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident = await declare(conn)
        await respond.acknowledge(conn, incident.id, AUDIENCE, actor="ann", now=later(3))
        await respond.acknowledge(conn, incident.id, AUDIENCE, actor="ann", now=later(4))
        assert await escalate_due(conn, now=later(33)) == 0
        (expired,) = await respond.expire(conn, AUDIENCE, now=later(34))
        assert expired.state == "open"
        # The second level was two minutes away when somebody answered; now it is due, and the third five minutes later.
        assert await escalate_due(conn, now=later(34)) == 1
        assert await escalate_due(conn, now=later(38.9)) == 0
        assert await escalate_due(conn, now=later(39)) == 1
        assert await kinds_told(conn) == ["alert", "acknowledged", "update"]


async def test_an_incident_left_alone_after_the_last_level_pages_from_the_first_on(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident = await declare(conn)
        await escalate_due(conn, now=later(20))
        await respond.acknowledge(conn, incident.id, AUDIENCE, actor="ann", now=later(21))
        await respond.expire(conn, AUDIENCE, now=later(51))
        assert (await told(conn)).count("oncall-primary") == 2
        rounds = {page["round"] for page in await read_pages(conn, incident.id)}
        assert rounds == {1, 2}


async def test_a_resolved_incident_pages_nobody_until_it_is_opened_again(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident = await declare(conn)
        await respond.resolve(conn, incident.id, AUDIENCE, actor="ann", now=later(2), resolution="A cable.")
        await respond.resolve(conn, incident.id, AUDIENCE, actor="ann", now=later(3))
        assert await escalate_due(conn, now=later(25)) == 0
        assert "A cable." in await read_review(conn, incident.id)
        again = await declare(conn, began_at=later(25))
        assert (again.id, again.state) == (incident.id, "open")
        assert await told(conn) == ["oncall-primary", "oncall-primary"]
        assert await kinds_told(conn) == ["alert", "resolved", "alert"]
        await respond.resolve(conn, incident.id, AUDIENCE, actor="ann", now=later(26))
        await respond.reopen(conn, incident.id, AUDIENCE, actor="ann", now=later(27))
        assert (await told(conn)).count("oncall-primary") == 3


async def test_a_worse_incident_pages_anew_and_a_milder_one_more_slowly(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident = await declare(conn, severity="P2")
        await declare(conn, severity="P1", began_at=later(1))
        assert await told(conn) == ["oncall-primary", "oncall-primary"]
        assert await find_next_due(conn) == later(21)
        await respond.change_severity(conn, incident.id, "P0", AUDIENCE, actor="ann", now=later(2), why="All of it.")
        assert await find_next_due(conn) == later(7)
        await respond.change_severity(conn, incident.id, "P1", AUDIENCE, actor="ann", now=later(4), why="")
        # Three minutes were left of a quarter of an hour: twelve are of an hour.
        assert await find_next_due(conn) == later(16)
        await respond.change_severity(conn, incident.id, "P1", AUDIENCE, actor="ann", now=later(5), why="")
        assert await kinds_told(conn) == ["alert", "alert", "alert", "update"]
        message = await conn.fetchval("SELECT message FROM escalation WHERE fired_at IS NULL LIMIT 1")
        assert message["severity"] == "P1"


async def test_mitigated_stops_the_pages_worse_lets_them_go_on_and_merged_ends_them(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident, other = await declare(conn), await declare(conn, key="other", severity="P3")
        await respond.mitigate(conn, incident.id, AUDIENCE, actor="ann", now=later(1))
        assert await escalate_due(conn, now=later(10)) == 0
        await respond.worsen(conn, incident.id, AUDIENCE, actor="watch", now=later(10), why="It is back.")
        assert await escalate_due(conn, now=later(10)) == 1
        await respond.merge(conn, incident.id, other.id, AUDIENCE, actor="ann", now=later(11))
        assert await escalate_due(conn, now=later(60)) == 0
        assert (await find_incident(conn, incident.id)).state == "merged"


async def test_a_change_of_the_rota_changes_nothing_for_what_was_declared(pool: Pool) -> None:
    mobile = Target(channel="webhook", address="https://example.com/ann")
    sms = Target(channel="webhook", address="https://example.com/ann/sms")
    async with pool.acquire() as conn:
        await keep_person(conn, Person(name="ann", targets=(mobile, sms)))
        rotation = Rotation(
            name="oncall-primary", people=("ann",), starts_at=later(-60), turn_days=7, zone=ZoneInfo("UTC")
        )
        await keep_rotation(conn, rotation)
        incident = await declare(conn)
        await keep_person(conn, Person(name="ann"))
        await conn.execute("DELETE FROM oncall_rotation")
        # The second way to reach her comes two minutes after the first, the inbox with the first.
        assert await told(conn, "webhook") == [mobile.address, HOOK.address]
        assert await told(conn) == ["ann"]
        assert await escalate_due(conn, now=later(2)) == 1
        assert (await told(conn, "webhook"))[-1] == sms.address
        pages = [page["people"] for page in await read_pages(conn, incident.id)]
        assert pages == [["ann"], ["ann"], *LEVELS[1:]]


async def test_somebody_is_paged_however_many_are_missing(pool: Pool) -> None:
    tomorrow = Rotation(
        name="oncall-primary", people=("tech-lead",), starts_at=later(1440), turn_days=7, zone=ZoneInfo("UTC")
    )
    async with pool.acquire() as conn:
        await keep_rotation(conn, tomorrow)
        await keep_rotation(conn, replace(tomorrow, name="oncall-backup"))
        await declare(conn, policy="no such policy")
        assert await told(conn) == ["senior-eng"]


async def test_a_policy_of_its_own_pages_its_own_people(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident = await declare(conn, policy="quantum")
        people = [page["people"] for page in await read_pages(conn, incident.id)]
        assert people[2] == ["quantum-lead"]
