"""Drills begin only where they are allowed, one at a time, and when nothing real goes on."""

from datetime import UTC, datetime, timedelta

import pytest

from quantum_scheduler.drills import store
from quantum_scheduler.drills.conduct import Ground, conduct_drill
from quantum_scheduler.drills.load import open_http
from quantum_scheduler.drills.model import DrillRefused, DrillUnknown, Order
from quantum_scheduler.drills.permit import CLEARED_AWAY_WITHIN, open_drill, say_whether_allowed
from quantum_scheduler.drills.table import SCENARIOS, find_scenario
from quantum_scheduler.incidents.model import NewIncident
from quantum_scheduler.incidents.paging.announce import NOBODY
from quantum_scheduler.incidents.respond import raise_incident
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.runbooks import store as runs
from quantum_scheduler.runbooks.shelf import read_shelf

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=20)
ORDER = Order(scenario=SCENARIOS["dynex-outage"], fault="offline", hold_factor=0.05, jobs_per_s=1.0, by="ann")


async def test_nothing_is_broken_where_nobody_has_allowed_it(pool: Pool) -> None:
    async with pool.acquire() as conn:
        with pytest.raises(DrillRefused, match="DRILLS_ALLOWED=true"):
            await open_drill(conn, ORDER, until=LATER, now=NOW)
        await say_whether_allowed(conn, True, now=NOW)
        assert await open_drill(conn, ORDER, until=LATER, now=NOW)
        await say_whether_allowed(conn, False, now=NOW)
        with pytest.raises(DrillRefused, match="DRILLS_ALLOWED=true"):
            await open_drill(conn, ORDER, until=LATER, now=LATER)


async def test_one_drill_goes_on_at_a_time_and_one_that_died_long_ago_does_not_count(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await say_whether_allowed(conn, True, now=NOW)
        await open_drill(conn, ORDER, until=LATER, now=NOW)
        for now in (NOW, LATER):  # what it left may not be put back yet
            with pytest.raises(DrillRefused, match="dynex-outage is not over yet"):
                await open_drill(conn, ORDER, until=LATER, now=now)
        assert await open_drill(conn, ORDER, until=LATER, now=LATER + CLEARED_AWAY_WITHIN)


async def test_a_runbook_that_has_something_real_to_do_is_left_alone(pool: Pool) -> None:
    new = NewIncident(title="Dynex is down", severity="P1", runbook="dynex-outage")
    async with pool.acquire() as conn:
        await say_whether_allowed(conn, True, now=NOW)
        async with conn.transaction():
            await raise_incident(conn, new, NOBODY, actor="ann", now=NOW)
        with pytest.raises(DrillRefused, match="resolve it first"):
            await open_drill(conn, ORDER, until=LATER, now=NOW)


async def test_nothing_is_broken_where_no_job_is_taken(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await say_whether_allowed(conn, True, now=NOW)
    fault = Untouched()
    async with open_http("http://127.0.0.1:9", None) as http:  # nobody listens there
        runbook = read_shelf().find("dynex-outage").runbook
        ground = Ground(pool=pool, http=http, runbook=runbook, audience=NOBODY, tell=print)
        with pytest.raises(DrillRefused, match="takes no job"):
            await conduct_drill(ORDER, fault, ground)
    assert not fault.was_injected


class Untouched:
    """A fault that says whether it was injected."""

    was_injected = False

    async def inject(self, for_s: float) -> None:
        assert for_s > 0
        self.was_injected = True

    async def lift(self) -> None:
        return


async def test_runs_hurry_only_while_their_drill_is_alive_and_allowed(pool: Pool) -> None:
    async with pool.acquire() as conn:
        assert await runs.find_pace(conn, "dynex-outage", NOW) == 1.0
        await say_whether_allowed(conn, True, now=NOW)
        drill = await open_drill(conn, ORDER, until=LATER, now=NOW)
        assert await runs.find_pace(conn, "dynex-outage", NOW) == 0.05
        assert await runs.find_pace(conn, "ibm-unavailable", NOW) == 1.0
        assert await runs.find_pace(conn, "dynex-outage", LATER) == 1.0
        await say_whether_allowed(conn, False, now=NOW)
        assert await runs.find_pace(conn, "dynex-outage", NOW) == 1.0
        await say_whether_allowed(conn, True, now=NOW)
        await store.end(conn, drill, NOW)
        assert await runs.find_pace(conn, "dynex-outage", NOW) == 1.0


def test_every_drill_has_its_runbook_and_names_its_faults() -> None:
    books = read_shelf().books
    assert {each.runbook for each in SCENARIOS.values()} <= set(books)
    assert find_scenario("dynex-outage").find_fault(None) == "server_error"
    with pytest.raises(DrillUnknown, match="server_error, offline, dropped, auth"):
        find_scenario("dynex-outage").find_fault("flood")
    with pytest.raises(DrillUnknown, match="dynex-outage"):
        find_scenario("coffee-machine")
