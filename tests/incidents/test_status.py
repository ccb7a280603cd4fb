"""The status page: customers see what they were told, and the last of it while the database is away."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quantum_scheduler.incidents import respond
from quantum_scheduler.incidents.model import Incident, IncidentTextInvalid, NewIncident
from quantum_scheduler.incidents.paging.announce import NOBODY
from quantum_scheduler.incidents.status.model import ComponentUnknown
from quantum_scheduler.incidents.status.publish import publish_update, set_component
from quantum_scheduler.incidents.status.render import StatusBoard, read_history, render_summary
from quantum_scheduler.postgres.connect import Connection, Pool, open_pool

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


async def declare(conn: Connection) -> Incident:
    new = NewIncident(title="Dynex is down", severity="P1")
    return (await respond.raise_incident(conn, new, NOBODY, actor="watch", now=NOW))[0]


async def test_an_incident_is_on_the_page_from_the_first_update_to_its_end(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident = await declare(conn)
        summary = await render_summary(conn, public_url=None, now=NOW)
        assert summary["incidents"] == []
        assert summary["status"] == {"indicator": "none", "description": "All Systems Operational"}
        await publish_update(
            conn,
            incident.id,
            "We are looking.",
            status="investigating",
            components={"dynex": "major_outage", "scheduling": "degraded"},
            actor="ann",
            now=NOW,
        )
        summary = await render_summary(conn, public_url="https://qs.example", now=NOW)
        assert summary["page"]["url"] == "https://qs.example"
        assert summary["status"]["indicator"] == "critical"
        (shown,) = summary["incidents"]
        assert (shown["id"], shown["status"], shown["impact"]) == (incident.name, "investigating", "major")
        assert [each["id"] for each in shown["components"]] == ["scheduling", "dynex"]
        assert [each["body"] for each in shown["incident_updates"]] == ["We are looking."]
        # What somebody else says of a component meanwhile stays.
        await set_component(conn, "scheduling", "maintenance", actor="bob", now=NOW)
        await respond.resolve(conn, incident.id, NOBODY, actor="ann", now=NOW + timedelta(hours=1))
        summary = await render_summary(conn, public_url=None, now=NOW + timedelta(hours=1))
        assert summary["incidents"] == []
        states = {each["id"]: each["status"] for each in summary["components"]}
        assert (states["dynex"], states["scheduling"]) == ("operational", "under_maintenance")
        assert summary["status"]["indicator"] == "maintenance"


async def test_an_incident_that_nobody_told_customers_of_ends_without_a_word(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident = await declare(conn)
        await respond.resolve(conn, incident.id, NOBODY, actor="ann", now=NOW)
        assert await conn.fetchval("SELECT count(*) FROM status_update") == 0


async def test_history_is_cut_at_midnight_and_tells_the_worst_of_each_day(pool: Pool) -> None:
    async with pool.acquire() as conn:
        at = NOW - timedelta(days=2)
        assert await set_component(conn, "api", "major_outage", actor="ann", now=at)
        assert not await set_component(conn, "api", "major_outage", actor="ann", now=at)
        await set_component(conn, "api", "degraded", actor="ann", now=NOW - timedelta(days=1))
        histories = {each.component: each.days for each in await read_history(conn, now=NOW)}
    assert {len(days) for days in histories.values()} == {90}
    assert [(day.worst, day.outage_s) for day in histories["api"][-4:]] == [
        ("operational", 0.0),
        ("major_outage", 43_200.0),
        ("major_outage", 43_200.0),
        ("degraded", 0.0),
    ]
    assert {day.worst for day in histories["billing"]} == {"operational"}


async def test_the_last_page_is_told_while_the_database_is_away(dsn: str, tmp_path: Path) -> None:
    copy = tmp_path / "status.json"
    pool = await open_pool(dsn)
    board = StatusBoard(pool, copy, public_url=None, now=lambda: NOW)
    first = await board.read()
    assert first is not None
    pool.terminate()
    # No connection is to be had: somebody holds the only one.
    small = await open_pool(dsn, size_max=1)
    async with small.acquire():
        boards = [StatusBoard(small, each, public_url=None) for each in (copy, tmp_path / "none.json")]
        assert await asyncio.gather(*(each.read() for each in boards)) == [first, None]
    small.terminate()


async def test_what_cannot_be_told_is_refused(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident = await declare(conn)
        with pytest.raises(ComponentUnknown, match="has no moon"):
            await set_component(conn, "moon", "degraded", actor="ann", now=NOW)
        with pytest.raises(IncidentTextInvalid):
            await publish_update(conn, incident.id, " ", status="investigating", components={}, actor="ann", now=NOW)
