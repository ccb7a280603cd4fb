"""What a driller that died has left is put back by the watch, and the next drill may begin."""

from datetime import UTC, datetime, timedelta

import pytest

from quantum_scheduler.drills.abandon import GRACE, UNDONE_WITHIN, clear_away
from quantum_scheduler.drills.model import DrillRefused, Order
from quantum_scheduler.drills.permit import open_drill, say_whether_allowed
from quantum_scheduler.drills.table import SCENARIOS
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.model import Incident, NewIncident
from quantum_scheduler.incidents.paging.announce import NOBODY
from quantum_scheduler.incidents.respond import raise_incident
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.runbooks.look_up import find_run
from quantum_scheduler.runbooks.run_model import Run
from quantum_scheduler.runbooks.shelf import read_shelf
from quantum_scheduler.runbooks.start import start_run
from quantum_scheduler.solving import actions

ORDER = Order(scenario=SCENARIOS["dynex-outage"], fault="offline", hold_factor=0.05, jobs_per_s=1.0, by="ann")


async def leave_behind(pool: Pool, *, began: datetime, died: datetime) -> tuple[Incident, Run]:
    """A drill, its incident and its run, which has opened a breaker; and nobody who renews the drill."""
    async with pool.acquire() as conn, conn.transaction():
        await say_whether_allowed(conn, True, now=began)
        await open_drill(conn, ORDER, until=died, now=began)
        new = NewIncident(title="Dynex is down", severity="P1", runbook="dynex-outage")
        incident, _ = await raise_incident(conn, new, NOBODY, actor="watch", now=died)
        book = read_shelf().find("dynex-outage")
        run, _ = await start_run(conn, book, incident, NOBODY, by="watch", now=died)
        await actions.open_breaker(conn, "dynex", reason=incident.name)
        await actions.ramp(conn, "dynex", 10)
    return incident, run


async def test_a_dead_driller_s_run_is_aborted_its_incident_resolved_and_the_vendor_back(pool: Pool) -> None:
    died = datetime.now(UTC)
    incident, run = await leave_behind(pool, began=died - timedelta(seconds=30), died=died)
    assert await clear_away(pool, NOBODY, now=died + GRACE) == 0  # it may have been renewed just now
    later = died + GRACE + timedelta(seconds=1)
    async with pool.acquire() as conn:
        with pytest.raises(DrillRefused, match="not over yet"):
            await open_drill(conn, ORDER, until=later, now=later)
    await clear_away(pool, NOBODY, now=later)
    async with pool.acquire() as conn:
        assert (await find_run(conn, run.id)).status in ("aborting", "aborted")
    # Nobody works off the run here: after a while the rest is put back all the same.
    much_later = later + UNDONE_WITHIN
    await clear_away(pool, NOBODY, now=much_later)
    async with pool.acquire() as conn:
        assert (await find_incident(conn, incident.name)).state == "resolved"
        assert not await actions.ramp(conn, "dynex", 100)
        assert (await actions.close_breaker(conn, "dynex")).state == "closed"
        assert await open_drill(conn, ORDER, until=much_later, now=much_later)
    assert await clear_away(pool, NOBODY, now=much_later) == 0


async def test_a_drill_that_is_renewed_is_left_alone(pool: Pool) -> None:
    now = datetime.now(UTC)
    incident, run = await leave_behind(pool, began=now, died=now + timedelta(seconds=20))
    assert await clear_away(pool, NOBODY, now=now + timedelta(seconds=20)) == 0
    async with pool.acquire() as conn:
        assert (await find_incident(conn, incident.name)).state == "open"
        assert (await find_run(conn, run.id)).status == "running"
