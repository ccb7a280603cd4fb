"""Signals of runbooks raise one incident and end it, whoever watches, and whatever is hidden or worked on meanwhile."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from quantum_scheduler.incidents import respond
from quantum_scheduler.incidents.detection.raise_signals import STANDS_AGAIN_AFTER, Detector
from quantum_scheduler.incidents.detection.store import read_signals
from quantum_scheduler.incidents.look_up import list_incidents, read_timeline
from quantum_scheduler.incidents.model import Incident
from quantum_scheduler.incidents.paging.announce import NOBODY
from quantum_scheduler.monitoring.maintenance.model import Plan
from quantum_scheduler.monitoring.maintenance.plan import plan_maintenance
from quantum_scheduler.monitoring.metric import Reading
from quantum_scheduler.monitoring.snapshot import Snapshot
from quantum_scheduler.postgres.connect import Connection, Pool
from quantum_scheduler.runbooks.read import read_document
from quantum_scheduler.runbooks.signals import list_signals

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=5)
BACKENDS = {f"{name}.health_status": name for name in ("dynex", "braket")}
UP: Mapping[str, Reading] = {"dynex.health_status": "up", "braket.health_status": "up", "backends.healthy": 2}
DOWN: Mapping[str, Reading] = {**UP, "dynex.health_status": "down", "backends.healthy": 1}
ALL_DOWN: Mapping[str, Reading] = {
    "dynex.health_status": "down",
    "braket.health_status": "down",
    "backends.healthy": 0,
}
RUNBOOK = """\
---
runbook: {backend}-outage
service: quantum/{backend}
owner: us
review_by: 2030-01-01
on_call: quantum
lock: backend:{backend}
---
# {backend} outage

## Detection
| Signal | When | For | Severity | Clears when | For |
|---|---|---|---|---|---|
| Down | `{backend}.health_status == "down"` | 2 of 3 | P1 | `{backend}.health_status == "up"` | 10s |
"""
NONE_LEFT = """\
---
runbook: no-backend
service: scheduling
owner: us
review_by: 2030-01-01
on_call: quantum
---
# No backend

## Detection
| Signal | When | For | Severity | Clears when | For |
|---|---|---|---|---|---|
| None is left | `backends.healthy == 0` | 1 of 1 | P0 | `backends.healthy >= 1` | 1 of 1 |
"""
BOTH = "| Slow | `dynex.latency_p95 > 9` | 1 of 1 | P0 | `dynex.latency_p95 < 5` | 1 of 1 |\n"
DYNEX = RUNBOOK.format(backend="dynex")


class Scene:
    """A detector in virtual time: a sample every `STEP`."""

    def __init__(self, conn: Connection, *texts: str) -> None:
        self.conn = conn
        self.now = START
        self.watch(*texts)

    def watch(self, *texts: str) -> None:
        """Have a new process watch."""
        runbooks = [runbook for text in texts for runbook in read_document(text).runbooks]
        self.detector = Detector(list_signals(runbooks), NOBODY, backends=BACKENDS)

    async def see(self, values: Mapping[str, Reading], times: int = 1) -> None:
        for _ in range(times):
            async with self.conn.transaction():
                await self.detector.look(self.conn, Snapshot(at=self.now, values=values))
            self.detector.keep()
            self.now += STEP

    async def incidents(self) -> list[Incident]:
        return (await list_incidents(self.conn))[::-1]

    async def only(self) -> Incident:
        (incident,) = await self.incidents()
        return incident

    async def kinds(self) -> list[str]:
        return [event.kind for event in await read_timeline(self.conn, (await self.only()).id)]


@pytest.fixture
async def conn(pool: Pool) -> AsyncIterator[Connection]:
    async with pool.acquire() as lent:
        yield lent


async def test_a_signal_raises_one_incident_and_ends_it(conn: Connection) -> None:
    scene = Scene(conn, DYNEX)
    await scene.see(DOWN)
    assert await scene.incidents() == []
    await scene.see(DOWN, 5)
    incident = await scene.only()
    assert (incident.title, incident.severity, incident.state) == ("dynex outage: Down", "P1", "open")
    assert (incident.runbook, incident.key, incident.policy) == ("dynex-outage", "backend:dynex", "quantum")
    assert (incident.began_at, incident.declared_at) == (START, START + STEP)
    assert await conn.fetchval("SELECT count(*) FROM notification") > 0
    state = "SELECT state FROM status_change WHERE component = 'dynex' ORDER BY id DESC LIMIT 1"
    assert await conn.fetchval(state) == "partial_outage"
    await scene.see(UP, 2)
    assert (await scene.only()).state == "open"
    await scene.see(UP)
    assert (await scene.only()).state == "resolved"
    assert await conn.fetchval(state) == "operational"
    assert [kind for kind in await scene.kinds() if kind in ("detected", "cleared", "resolved")] == [
        "detected",
        "cleared",
        "resolved",
    ]


async def test_what_is_unknown_neither_raises_nor_clears(conn: Connection) -> None:
    scene = Scene(conn, DYNEX)
    await scene.see(DOWN)
    await scene.see({}, 5)
    assert await scene.incidents() == []
    await scene.see(DOWN)
    await scene.see({}, 20)
    assert (await scene.only()).state == "open"


async def test_whoever_takes_over_loses_no_count(conn: Connection) -> None:
    scene = Scene(conn, DYNEX)
    for _ in range(2):
        await scene.see(DOWN)
        scene.watch(DYNEX)
    assert (await scene.only()).state == "open"
    for _ in range(3):
        await scene.see(UP)
        scene.watch(DYNEX)
    assert (await scene.only()).state == "resolved"


async def test_a_transaction_that_fails_leaves_the_detector_where_it_was(conn: Connection) -> None:
    scene = Scene(conn, DYNEX)
    await scene.see(DOWN)
    transaction = conn.transaction()
    await transaction.start()
    await scene.detector.look(conn, Snapshot(at=scene.now, values=DOWN))
    await transaction.rollback()
    assert await scene.incidents() == []
    await scene.see(DOWN)
    assert (await scene.only()).state == "open"


async def test_signals_of_one_runbook_share_an_incident_which_ends_with_the_last(conn: Connection) -> None:
    scene = Scene(conn, DYNEX + BOTH)
    await scene.see(DOWN, 2)
    assert (await scene.only()).severity == "P1"
    await scene.see({**DOWN, "dynex.latency_p95": 10})
    assert (await scene.only()).severity == "P0"
    await scene.see({**UP, "dynex.latency_p95": 10}, 4)
    assert (await scene.only()).state == "open"
    await scene.see({**UP, "dynex.latency_p95": 1})
    assert (await scene.only()).state == "resolved"


async def test_what_comes_back_soon_is_the_same_incident(conn: Connection) -> None:
    scene = Scene(conn, DYNEX)
    await scene.see(DOWN, 2)
    await scene.see(UP, 3)
    await scene.see(DOWN, 2)
    assert (await scene.only()).state == "open"
    assert "reopened" in await scene.kinds()


async def test_an_incident_that_somebody_is_at_is_mitigated_and_left_to_them(conn: Connection) -> None:
    scene = Scene(conn, DYNEX)
    await scene.see(DOWN, 2)
    await respond.acknowledge(conn, (await scene.only()).id, NOBODY, actor="ann", now=scene.now)
    await scene.see(UP, 3)
    assert (await scene.only()).state == "mitigated"
    await scene.see(DOWN, 2)
    incident = await scene.only()
    assert incident.state == "open"
    assert "worsened" in await scene.kinds()


async def test_an_incident_that_is_followed_ends_after_the_run(conn: Connection) -> None:
    runs = {"are under way"}

    async def is_followed(_conn: Connection, _incident: Incident) -> bool:
        return bool(runs)

    scene = Scene(conn, DYNEX)
    scene.detector = Detector(
        list_signals(read_document(DYNEX).runbooks), NOBODY, backends=BACKENDS, is_followed=is_followed
    )
    await scene.see(DOWN, 2)
    await scene.see(UP, 5)
    assert (await scene.only()).state == "mitigated"
    runs.clear()
    await scene.see(UP)
    assert (await scene.only()).state == "resolved"


async def test_what_a_person_has_resolved_and_still_stands_is_raised_anew_after_a_while(conn: Connection) -> None:
    scene = Scene(conn, DYNEX)
    await scene.see(DOWN, 2)
    await respond.resolve(conn, (await scene.only()).id, NOBODY, actor="ann", now=scene.now)
    await scene.see(DOWN, 3)
    assert (await scene.only()).state == "resolved"
    await scene.see(DOWN, int(STANDS_AGAIN_AFTER / STEP))
    assert (await scene.only()).state == "open"


async def test_that_no_backend_is_left_hides_that_each_is_down(conn: Connection) -> None:
    texts = (DYNEX, RUNBOOK.format(backend="braket"), NONE_LEFT)
    scene = Scene(conn, *texts)
    await scene.see(DOWN, 2)
    await scene.see(ALL_DOWN, 3)
    dynex, none_left = await scene.incidents()
    assert (dynex.runbook, none_left.runbook, none_left.severity) == ("dynex-outage", "no-backend", "P0")
    held_back = {each.runbook: each.held_back for each in await read_signals(conn)}
    assert held_back == {"braket-outage": "No backend: None is left", "dynex-outage": None, "no-backend": None}
    # What was open before ends, whatever is hidden.
    await scene.see({**ALL_DOWN, "dynex.health_status": "up"}, 3)
    assert (await scene.incidents())[0].state == "resolved"
    await scene.see({**UP, "braket.health_status": "down"})
    _, none_left, braket = await scene.incidents()
    assert (none_left.state, braket.runbook, braket.state) == ("resolved", "braket-outage", "open")


async def test_nothing_is_raised_for_what_is_worked_on_until_that_is_over(conn: Connection) -> None:
    scene = Scene(conn, DYNEX)
    plan = Plan(title="New key", components=("dynex",), starts_at=START, ends_at=START + timedelta(minutes=1))
    await plan_maintenance(conn, plan, actor="ann", now=START - timedelta(minutes=1))
    await scene.see(DOWN, 12)
    assert await scene.incidents() == []
    (signal,) = await read_signals(conn)
    assert (signal.is_raised, signal.held_back) == (True, "maintenance of dynex")
    await scene.see(DOWN, 2)
    incident = await scene.only()
    assert (incident.state, incident.began_at) == ("open", START)


async def test_a_signal_that_changes_all_the_time_stays_raised_and_is_marked(conn: Connection) -> None:
    scene = Scene(conn, DYNEX)
    for _ in range(4):
        await scene.see(DOWN, 2)
        await scene.see(UP, 3)
    assert (await scene.only()).state == "open"
    assert (await scene.kinds()).count("flapping") == 1
    (signal,) = await read_signals(conn)
    assert signal.is_flapping


async def test_what_a_runbook_asks_for_no_more_ends_what_it_has_raised(conn: Connection) -> None:
    scene = Scene(conn, DYNEX)
    await scene.see(DOWN, 2)
    scene.watch()
    await scene.see(DOWN)
    assert (await scene.only()).state == "resolved"
    assert await read_signals(conn) == []


async def test_a_condition_that_was_edited_begins_anew(conn: Connection) -> None:
    scene = Scene(conn, DYNEX)
    await scene.see(DOWN)
    scene.watch(DYNEX.replace("2 of 3", "2 of 4"))
    await scene.see(DOWN)
    assert await scene.incidents() == []
    await scene.see(DOWN)
    scene.watch(DYNEX.replace("10s", "5s"))
    await scene.see(UP, 2)
    assert (await scene.only()).state == "resolved"
