"""Every step of every run has its effect once and in order, whatever is killed or frozen; approvals are honoured."""

import asyncio
import random
import sys

import pytest
from tests.chaos.control_process import LEASE_S, crew_at
from tests.runbooks.runs import answer, is_over, now, start, wait_for, write_book

from quantum_scheduler.incidents.look_up import read_timeline
from quantum_scheduler.incidents.model import NewIncident
from quantum_scheduler.incidents.paging.announce import NOBODY
from quantum_scheduler.incidents.respond import raise_incident
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.runbooks import store
from quantum_scheduler.runbooks.run_model import Run
from quantum_scheduler.runbooks.start import revive_runs

NOTES = ["a", "b", "c", "d", "e", "f", "g"]
BODY = """\
## First
1. **A.**
   - do: `incident.note("a")`
   - do: `incident.note("b")`
2. **B.**
   - do: `opened = breaker.open("dynex")`
   - check: `opened.state == "open"` within 60s
   - do: `incident.note("c")`
3. **Ask.**
   - do: `incident.note("d")`
   - ask: approve, by security, within 12h, else `escalate("security")`
## Second
### If it is open
- when: `opened.state == "open"`
1. **E.**
   - wait: `incident.severity == "P1"` for 1s, at most 12h, every 1s
2. **F.**
   - do: `incident.note("e")`
   - ask: acknowledge, by on-call, within 12h, else `escalate("quantum")`
### Otherwise
1. **No.**
   - do: `incident.note("never")`
## Third
1. **F.**
   - do: `incident.note("f")`
2. **G.**
   - do: `incident.note("g")`
"""


async def start_runs(pool: Pool, count: int) -> list[Run]:
    runs = []
    for number in range(count):
        book = write_book(BODY, name=f"book-{number}")
        async with pool.acquire() as conn, conn.transaction():
            new = NewIncident(title="x", severity="P1", runbook=book.runbook.name)
            incident, _ = await raise_incident(conn, new, NOBODY, actor="watch", now=now())
        runs.append(await start(pool, book, incident))
    return runs


async def test_every_step_has_its_effect_once_and_in_order(
    dsn: str, pool: Pool, request: pytest.FixtureRequest
) -> None:
    seed = request.config.getoption("--chaos-seed", default=None) or random.SystemRandom().randrange(1, 2**32)
    is_long = request.config.getoption("--long", default=False)
    kills, count, size = (300, 300, 4) if is_long else (6, 4, 2)
    chance = random.Random(seed)
    sys.stdout.write(f"\nchaos seed {seed}: again with --chaos-seed {seed}\n")  # shown where the test fails
    waiting = await start_runs(pool, count)
    runs = list(waiting)
    with crew_at(dsn, size) as crew:
        for kill in range(kills):
            await asyncio.sleep(chance.uniform(0.1, 1.2))
            if kill % 10 == 3:
                await asyncio.to_thread(crew.freeze, chance, LEASE_S + 1.5)
            else:
                await asyncio.to_thread(crew.kill, chance)
            for run in chance.sample(waiting, min(len(waiting), 1 + count // kills)):
                # Said while somebody is dead, and perhaps before it is asked.
                await answer(pool, run, "Ask", "approve", role="security")
                await answer(pool, run, "2.a.2", "acknowledge")
                waiting.remove(run)
            await asyncio.to_thread(crew.fill)
        for run in waiting:
            await answer(pool, run, "Ask", "approve", role="security")
            await answer(pool, run, "2.a.2", "acknowledge")
        for run in runs:
            await wait_until_over(pool, run)
    for run in runs:
        async with pool.acquire() as conn:
            ended, steps = await store.find(conn, run.id), await store.read_steps(conn, run.id)
            timeline = await read_timeline(conn, run.incident_id or 0)
        assert ended is not None
        assert ended.status == "succeeded", seed
        assert [each.detail["text"] for each in timeline if each.kind == "note"] == NOTES, seed
        assert [each.kind for each in timeline].count("run_succeeded") == 1
        assert len([each for each in steps if each.kind == "do"]) == len(NOTES) + 1


async def wait_until_over(pool: Pool, run: Run) -> None:
    async def look() -> bool | None:
        async with pool.acquire() as conn:
            await revive_runs(conn, now=now())
            found = await store.find(conn, run.id)
        assert found is not None
        return is_over(found) or None

    await wait_for(look)
