"""Runs on the queue: each step once and in order, everything in the timeline, whoever does it."""

import json
from datetime import UTC, datetime

import pytest
from tests.runbooks.runs import answer, declare, is_asking, is_over, start, wait_until, working, write_book

from quantum_scheduler.incidents.look_up import find_incident, read_timeline
from quantum_scheduler.incidents.paging.announce import NOBODY
from quantum_scheduler.monitoring.table import describe_metrics
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.runbooks import store
from quantum_scheduler.runbooks.actions.table import build_registry
from quantum_scheduler.runbooks.answer import abort_run
from quantum_scheduler.runbooks.run_model import AnswerRefused, RunLocked
from quantum_scheduler.runbooks.shelf import Shelf
from quantum_scheduler.runbooks.start import revive_runs, start_due
from quantum_scheduler.solving.actions import show_routing

REGISTRY = build_registry(describe_metrics())
OPEN = "## First\n1. **Open.**\n   - do: `opened = breaker.open('dynex')`\n   - undo: `breaker.close('dynex')`\n"
SHOW = "2. **Say so.**\n   - do: `incident.note(opened.backend)`\n"
ASK = """\
3. **Ask.**
   - do: `incident.note('approved')`
   - ask: approve, by security, within 15m, else `escalate('security')`
"""


async def test_a_run_does_its_steps_in_order_and_everything_is_in_the_timeline(dsn: str, pool: Pool) -> None:
    incident = await declare(pool)
    async with working(dsn):
        run = await wait_until(pool, await start(pool, write_book(OPEN + SHOW), incident), is_over)
    async with pool.acquire() as conn:
        steps = await store.read_steps(conn, run.id)
        timeline = await read_timeline(conn, incident.id)
        story = await store.read_events(conn, run.id, after=0, limit=100)
    assert run.status == "succeeded"
    assert [(each.step, each.kind, each.outcome) for each in steps] == [("1.1", "do", "done"), ("1.2", "do", "done")]
    assert [each.detail["text"] for each in timeline if each.kind == "note"] == ["dynex"]
    kinds = [each.kind for each in story]
    assert kinds == [
        "run_started",
        "phase_started",
        *("step_started", "called", "step_done") * 2,
        "phase_done",
        "run_succeeded",
    ]
    assert [each.kind for each in timeline if each.detail.get("run") == run.id] == kinds
    assert [each.seq for each in story] == list(range(1, len(story) + 1))


async def test_a_gate_holds_no_task_and_only_those_who_are_asked_may_answer(dsn: str, pool: Pool) -> None:
    incident = await declare(pool)
    async with working(dsn):
        run = await wait_until(pool, await start(pool, write_book(OPEN + SHOW + ASK), incident), is_asking)
        async with pool.acquire() as conn:
            assert await conn.fetchval("SELECT count(*) FROM task WHERE kind = 'runbook' AND state <> 'scheduled'") <= 1
            told = await conn.fetchval("SELECT message FROM notification WHERE dedup_key LIKE 'run/%' LIMIT 1")
        assert f'run answer {run.id} 1.3 "approve"' in json.dumps(told).replace('\\"', '"').replace("\\\\", "")
        with pytest.raises(AnswerRefused, match="security-lead"):
            await answer(pool, run, None, "approve")
        with pytest.raises(AnswerRefused, match="approve or reject"):
            await answer(pool, run, "Ask", "maybe", role="security")
        await answer(pool, run, None, "Approve", role="security")
        run = await wait_until(pool, run, is_over)
        with pytest.raises(AnswerRefused, match="succeeded"):
            await answer(pool, run, None, "approve", role="security")
    async with pool.acquire() as conn:
        notes = [each.detail["text"] for each in await read_timeline(conn, incident.id) if each.kind == "note"]
    assert notes == ["dynex", "approved"]


async def test_what_is_answered_before_it_is_asked_counts(dsn: str, pool: Pool) -> None:
    run = await start(pool, write_book(OPEN + SHOW + ASK), await declare(pool))
    await answer(pool, run, "1.3", "approve", role="security")
    async with working(dsn):
        assert (await wait_until(pool, run, is_over)).state.done["1.3"] == "done"


async def test_an_acknowledged_gate_acknowledges_the_incident(dsn: str, pool: Pool) -> None:
    ask = "   - ask: acknowledge, by on-call, within 5m, else `escalate('quantum')`\n"
    text = "## Do\n1. **Tell.**\n   - do: `page('quantum')`\n" + ask
    incident = await declare(pool)
    async with working(dsn):
        run = await wait_until(pool, await start(pool, write_book(text), incident), is_asking)
        await answer(pool, run, None, "acknowledge")
        await wait_until(pool, run, is_over)
    async with pool.acquire() as conn:
        assert (await find_incident(conn, incident.id)).acknowledged_by == "ann"


async def test_a_broken_step_asks_what_to_do_and_an_abort_takes_back_what_was_done(dsn: str, pool: Pool) -> None:
    book = write_book(OPEN + "2. **Break.**\n   - do: `breaker.open('nobody')`\n")
    async with working(dsn):
        run = await wait_until(pool, await start(pool, book, await declare(pool)), is_asking)
        assert "nobody" in run.state.gates()[0].text
        assert await _state_of_dynex(pool) == "open"
        await answer(pool, run, None, "retry")
        run = await wait_until(pool, run, is_asking)
        async with pool.acquire() as conn, conn.transaction():
            await abort_run(conn, run.id, NOBODY, by="ann", now=datetime.now(UTC))
        run = await wait_until(pool, run, is_over)
    assert run.status == "aborted"
    assert await _state_of_dynex(pool) == "closed"


async def test_an_incident_starts_its_runbook_once_and_again_when_it_is_reopened(dsn: str, pool: Pool) -> None:
    book = write_book(OPEN)
    shelf = Shelf(books={"test": book}, unreadable={})
    incident = await declare(pool)
    async with pool.acquire() as conn:
        for _ in range(2):
            await start_due(conn, shelf, REGISTRY, NOBODY, now=datetime.now(UTC))
        (run,) = await store.list_runs(conn, unfinished=True, incident_id=incident.id, before=None, limit=10)
    async with working(dsn):
        await wait_until(pool, run, is_over)
    async with pool.acquire() as conn:
        await conn.execute("UPDATE incident SET state = 'resolved', resolved_at = now()")
    await declare(pool)
    async with pool.acquire() as conn:
        for _ in range(2):
            await start_due(conn, shelf, REGISTRY, NOBODY, now=datetime.now(UTC))
        runs = await store.list_runs(conn, unfinished=False, incident_id=incident.id, before=None, limit=10)
    assert [each.status for each in runs] == ["running", "succeeded"]
    assert runs[0].state.began_s > runs[1].state.began_s  # no phase is late because the incident is one of before


async def test_a_runbook_that_cannot_be_executed_is_left_to_people_and_said_once(pool: Pool) -> None:
    book = write_book("## First\n1. **Kill.**\n   - do: `jobs.kill(state='queued')`\n")
    incident = await declare(pool)
    async with pool.acquire() as conn:
        for _ in range(2):
            await start_due(conn, Shelf(books={"test": book}, unreadable={}), REGISTRY, NOBODY, now=datetime.now(UTC))
        assert await store.list_runs(conn, unfinished=False, incident_id=None, before=None, limit=10) == []
        broken = [each for each in await read_timeline(conn, incident.id) if each.kind == "runbook_broken"]
    assert [("RB021" in each.detail["reason"]) for each in broken] == [True]


async def test_one_run_holds_a_lock_until_its_incident_is_over(pool: Pool) -> None:
    book, other = write_book(OPEN + ASK.replace("3.", "2.")), await declare(pool, runbook="other")
    incident = await declare(pool)
    run = await start(pool, book, incident)
    assert (await start(pool, book, incident)).id == run.id
    with pytest.raises(RunLocked, match=f"run {run.id}"):
        await start(pool, book, other)
    async with pool.acquire() as conn:
        await conn.execute("UPDATE incident SET state = 'resolved', resolved_at = now() WHERE id = $1", incident.id)
    following = await start(pool, book, other)
    async with pool.acquire() as conn:
        before = await store.find(conn, run.id)
    assert before is not None
    assert (before.status, following.id != run.id) == ("superseded", True)


async def test_a_run_goes_by_the_text_it_was_pinned_to(dsn: str, pool: Pool) -> None:
    run = await start(pool, write_book(OPEN + SHOW), await declare(pool))
    edited = write_book(OPEN.replace("dynex", "ibm"))
    assert edited.runbook.sha256 != run.sha256
    async with working(dsn):
        await wait_until(pool, run, is_over)
    assert await _state_of_dynex(pool) == "open"


async def test_a_run_whose_task_was_lost_is_revived(dsn: str, pool: Pool) -> None:
    run = await start(pool, write_book(OPEN), await declare(pool))
    async with pool.acquire() as conn:
        assert await revive_runs(conn, now=datetime.now(UTC)) == 0
        await conn.execute("DELETE FROM task")
        assert await revive_runs(conn, now=datetime.now(UTC)) == 1
    async with working(dsn):
        await wait_until(pool, run, is_over)


async def test_a_run_without_an_incident_declares_its_own(dsn: str, pool: Pool) -> None:
    note = "2. **Note.**\n   - do: `incident.note(incident.name)`\n"
    text = "## Do\n1. **Declare.**\n   - do: `incident.declare('P2')`\n" + note
    async with working(dsn):
        run = await wait_until(pool, await start(pool, write_book(text)), is_over)
    async with pool.acquire() as conn:
        assert run.incident_id is not None
        incident = await find_incident(conn, run.incident_id)
        notes = [each.detail["text"] for each in await read_timeline(conn, incident.id) if each.kind == "note"]
    assert (notes, incident.runbook) == ([incident.name], "test")


async def _state_of_dynex(pool: Pool) -> str:
    async with pool.acquire() as conn:
        _, states = await show_routing(conn)
    return next(each.breaker.state for each in states if each.name == "dynex")
