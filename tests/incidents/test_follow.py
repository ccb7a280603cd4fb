"""The status page follows incidents and maintenance by itself, and people have the last word."""

from datetime import UTC, datetime, timedelta

import pytest

from quantum_scheduler.incidents import respond
from quantum_scheduler.incidents.model import Incident, NewIncident
from quantum_scheduler.incidents.paging.announce import NOBODY
from quantum_scheduler.incidents.status.follow import follow, name_components
from quantum_scheduler.incidents.status.maintain import end_maintenance, schedule_maintenance
from quantum_scheduler.incidents.status.model import ComponentState, ComponentUnknown
from quantum_scheduler.incidents.status.publish import publish_update, set_component
from quantum_scheduler.incidents.status.render import render_summary
from quantum_scheduler.monitoring.detect import Severity
from quantum_scheduler.monitoring.maintenance.model import MaintenanceInvalid, MaintenanceUnknown, Plan
from quantum_scheduler.monitoring.maintenance.plan import find_maintained
from quantum_scheduler.postgres.connect import Connection, Pool

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


async def see(conn: Connection, component: str = "dynex", at: datetime = NOW) -> str:
    summary = await render_summary(conn, public_url=None, now=at)
    state: str = {each["id"]: each["status"] for each in summary["components"]}[component]
    return state


async def declare(
    conn: Connection, severity: Severity, *, at: datetime = NOW, service: str = "quantum/dynex"
) -> Incident:
    new = NewIncident(title="Dynex is down", severity=severity, service=service)
    return (await respond.raise_incident(conn, new, NOBODY, actor="watch", now=at))[0]


@pytest.mark.parametrize(
    ("severity", "state"),
    [("P0", "major_outage"), ("P1", "partial_outage"), ("P2", "degraded_performance"), ("P3", "operational")],
)
async def test_a_component_is_as_bad_as_its_worst_incident_until_that_is_over(
    pool: Pool, severity: Severity, state: str
) -> None:
    async with pool.acquire() as conn:
        milder = await declare(conn, "P3")
        worst = await declare(conn, severity)
        assert await see(conn) == state
        await respond.mitigate(conn, worst.id, NOBODY, actor="ann", now=NOW)
        assert await see(conn) == "operational"
        await respond.worsen(conn, worst.id, NOBODY, actor="ann", now=NOW, why="It is back.")
        assert await see(conn) == state
        await respond.resolve(conn, worst.id, NOBODY, actor="ann", now=NOW)
        assert await see(conn) == "operational"
        await respond.reopen(conn, worst.id, NOBODY, actor="ann", now=NOW + MINUTE)
        assert await see(conn) == state
        await respond.merge(conn, worst.id, milder.id, NOBODY, actor="ann", now=NOW + MINUTE)
        assert await see(conn) == "operational"


async def test_a_key_that_names_a_component_is_enough(pool: Pool) -> None:
    async with pool.acquire() as conn:
        new = NewIncident(title="Dynex is down", severity="P2", runbook="dynex-outage", key="backend:dynex")
        await respond.raise_incident(conn, new, NOBODY, actor="watch", now=NOW)
        assert await see(conn) == "degraded_performance"


async def test_what_people_say_wins(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident = await declare(conn, "P1")
        await set_component(conn, "dynex", "operational", actor="ann", now=NOW + MINUTE)
        assert await follow(conn, now=NOW + MINUTE) == 0
        assert await see(conn) == "operational"
        # What begins later was not known then.
        later = await declare(conn, "P2", at=NOW + 2 * MINUTE)
        assert await see(conn) == "degraded_performance"
        await set_component(conn, "dynex", "major_outage", actor="ann", now=NOW + 3 * MINUTE)
        for each in (incident, later):
            await respond.resolve(conn, each.id, NOBODY, actor="ann", now=NOW + HOUR)
        assert await see(conn) == "major_outage"


async def test_what_is_said_in_an_incident_holds_as_long_as_that(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident = await declare(conn, "P2")
        components: dict[str, ComponentState] = {"dynex": "major_outage", "api": "degraded"}
        await publish_update(
            conn, incident.id, "We look.", status="investigating", components=components, actor="ann", now=NOW
        )
        await follow(conn, now=NOW)
        assert [await see(conn, name) for name in ("dynex", "api")] == ["major_outage", "degraded_performance"]
        await respond.resolve(conn, incident.id, NOBODY, actor="ann", now=NOW + HOUR)
        assert [await see(conn, name) for name in ("dynex", "api")] == ["operational", "operational"]


async def test_maintenance_is_seen_coming_and_covers_incidents_while_it_lasts(pool: Pool) -> None:
    wanted = Plan(title="New cables", components=("dynex",), starts_at=NOW + HOUR, ends_at=NOW + 3 * HOUR)
    async with pool.acquire() as conn:
        planned = await schedule_maintenance(conn, wanted, actor="ann", now=NOW)
        (shown,) = (await render_summary(conn, public_url=None, now=NOW))["scheduled_maintenances"]
        assert (shown["status"], shown["impact"], shown["name"]) == ("scheduled", "maintenance", "New cables")
        assert [each["id"] for each in shown["components"]] == ["dynex"]
        assert await see(conn) == "operational"
        during = NOW + 2 * HOUR
        await follow(conn, now=during)
        assert await see(conn) == "under_maintenance"
        assert await find_maintained(conn, now=during) == frozenset({"dynex"})
        await declare(conn, "P1", at=during)
        assert await see(conn) == "under_maintenance"
        await end_maintenance(conn, planned.id, actor="ann", now=during)
        assert await see(conn) == "partial_outage"
        assert (await render_summary(conn, public_url=None, now=during))["scheduled_maintenances"] == []
        with pytest.raises(MaintenanceUnknown):
            await end_maintenance(conn, planned.id, actor="ann", now=during)


def plan(component: str, *, title: str = "x", lasts: timedelta = HOUR) -> Plan:
    return Plan(title=title, components=(component,), starts_at=NOW, ends_at=NOW + lasts)


async def test_what_cannot_be_maintained_is_refused(pool: Pool) -> None:
    async with pool.acquire() as conn:
        with pytest.raises(ComponentUnknown, match="moon"):
            await schedule_maintenance(conn, plan("moon"), actor="ann", now=NOW)
        with pytest.raises(MaintenanceInvalid, match="over already"):
            await schedule_maintenance(conn, plan("api"), actor="ann", now=NOW + HOUR)
    with pytest.raises(MaintenanceInvalid, match="ends after it starts"):
        plan("api", lasts=timedelta())
    with pytest.raises(MaintenanceInvalid, match="title"):
        plan("api", title=" ")


def test_services_have_the_components_that_customers_know() -> None:
    known = ("api", "scheduling", "dynex", "billing", "provenance")
    assert name_components("quantum/dynex", known) == {"dynex"}
    assert name_components("IPFS, accounts/login, nothing", known) == {"provenance", "api"}
