"""Incidents: declared once, moved only where their one state machine leads, with everything on the timeline."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from quantum_scheduler.incidents.declare import declare_incident
from quantum_scheduler.incidents.look_up import find_incident, list_incidents, read_items, read_timeline
from quantum_scheduler.incidents.measure import measure_response, median_times
from quantum_scheduler.incidents.model import (
    MOVES,
    Declared,
    Incident,
    IncidentTextInvalid,
    IncidentUnknown,
    Move,
    MoveRefused,
    NewIncident,
    State,
)
from quantum_scheduler.incidents.move import (
    acknowledge_incident,
    add_note,
    assign_role,
    change_severity,
    expire_acknowledgements,
    merge_incident,
    mitigate_incident,
    reopen_incident,
    resolve_incident,
    tick_item,
    worsen_incident,
)
from quantum_scheduler.incidents.review import draft_review, edit_review, read_review
from quantum_scheduler.postgres.connect import Connection, Pool

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
NEW = NewIncident(title="Dynex is down", severity="P1", runbook="dynex-outage", key="dynex")


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


async def kinds(conn: Connection, incident: Incident) -> list[str]:
    return [event.kind for event in await read_timeline(conn, incident.id)]


async def test_an_incident_is_named_by_its_day_and_number(pool: Pool) -> None:
    async with pool.acquire() as conn:
        first, _ = await declare_incident(conn, NewIncident(title="One", severity="P3"), actor="ann", now=NOW)
        second, _ = await declare_incident(conn, NewIncident(title="Two", severity="P0"), actor="ann", now=later(1))
        third = NewIncident(title="Three", severity="P2")
        tomorrow, _ = await declare_incident(conn, third, actor="ann", now=later(1500))
        assert (first.channel, second.channel) == ("#incident-2026-11-22-001", "#incident-2026-11-22-002")
        assert tomorrow.name == "incident-2026-11-23-001"
        assert second.respond_by == later(16)
        assert await find_incident(conn, "#incident-2026-11-22-002") == second
        assert [each.id for each in await list_incidents(conn)] == [tomorrow.id, second.id, first.id]


async def test_many_who_see_one_signal_declare_one_incident(pool: Pool) -> None:
    async def declare() -> tuple[Incident, Declared]:
        async with pool.acquire() as conn, conn.transaction():
            return await declare_incident(conn, NEW, actor="watch", now=NOW)

    declared = await asyncio.gather(*(declare() for _ in range(8)))
    assert len({incident.id for incident, _ in declared}) == 1
    assert sorted(came_to for _, came_to in declared) == ["new"] + ["same"] * 7


async def test_a_worse_declaration_makes_the_open_incident_as_severe(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident, _ = await declare_incident(conn, NEW, actor="watch", now=NOW)
        worse, came_to = await declare_incident(conn, replace(NEW, severity="P0"), actor="watch", now=later(1))
        milder, _ = await declare_incident(conn, replace(NEW, severity="P2"), actor="watch", now=later(2))
        assert (worse.id, worse.severity, milder.severity, came_to) == (incident.id, "P0", "P0", "worsened")


async def test_what_comes_back_soon_is_the_same_incident_and_later_another(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident, _ = await declare_incident(conn, NEW, actor="watch", now=NOW)
        await resolve_incident(conn, incident.id, actor="ann", now=later(10))
        again, came_to = await declare_incident(conn, NEW, actor="watch", now=later(39))
        assert (again.id, again.state, came_to, again.resolved_at) == (incident.id, "open", "reopened", None)
        assert not [item for item in await read_items(conn, incident.id) if item.due_at]
        await resolve_incident(conn, incident.id, actor="ann", now=later(50))
        other, came_to = await declare_incident(conn, NEW, actor="watch", now=later(81))
        assert other.id != incident.id
        assert came_to == "new"


async def test_the_life_of_an_incident_is_its_timeline(pool: Pool) -> None:
    async with pool.acquire() as conn:
        new = replace(NEW, began_at=NOW - timedelta(seconds=45))
        incident, _ = await declare_incident(conn, new, actor="watch", now=NOW)
        acknowledged = await acknowledge_incident(conn, incident.id, actor="ann", now=later(2))
        await assign_role(conn, incident.id, "scribe", "bob", actor="ann", now=later(3))
        await add_note(conn, incident.id, "the key is refused", actor="bob", now=later(4))
        await change_severity(conn, incident.id, "P2", actor="ann", now=later(5), why="answers still come")
        await mitigate_incident(conn, incident.id, actor="runbook", now=later(6))
        await worsen_incident(conn, incident.id, actor="watch", now=later(7), why="raised again")
        await mitigate_incident(conn, incident.id, actor="runbook", now=later(8))
        resolved = await resolve_incident(
            conn, incident.id, actor="ann", now=later(30), resolution="The key was renewed."
        )
        assert (acknowledged.commander, resolved.scribe, resolved.state) == ("ann", "bob", "resolved")
        assert await kinds(conn, incident) == [
            "declared", "acknowledged", "role", "note", "severity", "mitigated", "worsened", "mitigated", "resolved",
        ]  # fmt: skip
        response = measure_response(resolved)
        assert (response.detect_s, response.acknowledge_s, response.mitigate_s) == (45.0, 120.0, 525.0)
        assert (response.resolve_s, response.was_answered_in_time) == (1845.0, True)
        assert median_times([resolved])["time_to_resolve_s"] == 1845.0
        tasks = [item for item in await read_items(conn, incident.id) if item.due_at is not None]
        assert len(tasks) == 12
        assert {item.due_at for item in tasks} == {later(90), later(30 + 24 * 60), later(30 + 7 * 24 * 60)}
        assert {item.owner for item in tasks} == {"ann", "bob"}


Step = Callable[[Connection, int], Awaitable[object]]
STEPS: dict[str, Step] = {
    "acknowledge": lambda conn, which: acknowledge_incident(conn, which, actor="ann", now=NOW),
    "expire": lambda conn, _: expire_acknowledgements(conn, now=later(1_000)),
    "mitigate": lambda conn, which: mitigate_incident(conn, which, actor="ann", now=NOW),
    "worsen": lambda conn, which: worsen_incident(conn, which, actor="ann", now=NOW, why=""),
    "resolve": lambda conn, which: resolve_incident(conn, which, actor="ann", now=NOW),
    "reopen": lambda conn, which: reopen_incident(conn, which, actor="ann", now=NOW),
}
PATHS: dict[State, tuple[str, ...]] = {
    "open": (),
    "acknowledged": ("acknowledge",),
    "mitigated": ("mitigate",),
    "resolved": ("resolve",),
}


@pytest.mark.parametrize("state", PATHS)
@pytest.mark.parametrize("move", ["acknowledge", "mitigate", "worsen", "resolve", "reopen"])
async def test_only_the_moves_of_the_state_machine_are_made(pool: Pool, state: State, move: Move) -> None:
    async with pool.acquire() as conn:
        incident, _ = await declare_incident(conn, NEW, actor="watch", now=NOW)
        for step in PATHS[state]:
            await STEPS[step](conn, incident.id)
        try:
            await STEPS[move](conn, incident.id)
        except MoveRefused:
            reached = None
        else:
            reached = (await find_incident(conn, incident.id)).state
        # To resolve what is resolved is a repetition, not a move.
        expected: dict[tuple[State, Move], State] = {**MOVES, ("resolved", "resolve"): "resolved"}
        assert reached == expected.get((state, move))


async def test_an_acknowledgement_that_runs_out_opens_the_incident_again(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident, _ = await declare_incident(conn, NEW, actor="watch", now=NOW)
        await acknowledge_incident(conn, incident.id, actor="ann", now=NOW)
        assert await expire_acknowledgements(conn, now=later(29)) == []
        (expired,) = await expire_acknowledgements(conn, now=later(30))
        assert (expired.id, expired.state) == (incident.id, "open")
        assert await expire_acknowledgements(conn, now=later(31)) == []


async def test_a_merged_incident_is_part_of_the_other_and_changes_no_more(pool: Pool) -> None:
    async with pool.acquire() as conn:
        one, _ = await declare_incident(conn, NEW, actor="watch", now=NOW)
        all_down, _ = await declare_incident(conn, replace(NEW, key="all", severity="P0"), actor="watch", now=NOW)
        merged = await merge_incident(conn, one.id, all_down.id, actor="ann", now=later(1))
        assert (merged.state, merged.merged_into) == ("merged", all_down.id)
        assert (await kinds(conn, all_down))[-1] == "merged_in"
        with pytest.raises(MoveRefused):
            await change_severity(conn, one.id, "P3", actor="ann", now=NOW)
        with pytest.raises(MoveRefused):
            await merge_incident(conn, all_down.id, one.id, actor="ann", now=NOW)
        with pytest.raises(MoveRefused):
            await merge_incident(conn, all_down.id, all_down.id, actor="ann", now=NOW)


async def test_the_checklist_is_ticked_once_and_unticked(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident, _ = await declare_incident(conn, NEW, actor="watch", now=NOW)
        items = await read_items(conn, incident.id)
        assert [item.done_by for item in items[:2]] == ["watch", None]
        for is_done in (True, True, False, False):
            await tick_item(conn, incident.id, 2, actor="ann", now=NOW, is_done=is_done)
        assert await kinds(conn, incident) == ["declared", "ticked", "unticked"]
        with pytest.raises(IncidentUnknown):
            await tick_item(conn, incident.id, 99, actor="ann", now=NOW)


async def test_a_row_of_the_timeline_is_never_changed(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await declare_incident(conn, NEW, actor="watch", now=NOW)
        with pytest.raises(Exception, match="never changed"):
            await conn.execute("UPDATE incident_event SET actor = 'nobody'")


async def test_the_post_mortem_is_drafted_and_stays_what_people_made_of_it(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident, _ = await declare_incident(
            conn, replace(NEW, impact="Slow | quantum answers"), actor="watch", now=NOW
        )
        with pytest.raises(IncidentUnknown, match="no post-mortem yet"):
            await read_review(conn, incident.id)
        await acknowledge_incident(conn, incident.id, actor="a|n\nn", now=later(1))
        await resolve_incident(conn, incident.id, actor="ann", now=later(20), resolution="The key was renewed.")
        review = await draft_review(conn, incident.id, now=later(20))
        for part in ("Post-mortem: Dynex is down", "0 of 0", "20 minutes", "was kept", "The key was renewed."):
            assert part in review
        assert "a\\|n n" in review
        await edit_review(conn, incident.id, "# Ours", actor="bob", now=later(60))
        assert await draft_review(conn, incident.id, now=later(61)) == "# Ours"
        assert await read_review(conn, incident.id) == "# Ours"


async def test_what_is_not_there_or_not_a_text_is_refused(pool: Pool) -> None:
    async with pool.acquire() as conn:
        for which in (99, "99", "incident-2026-99-99-001", "nonsense", "9" * 40):
            with pytest.raises(IncidentUnknown):
                await find_incident(conn, which)
        with pytest.raises(IncidentUnknown):
            await resolve_incident(conn, 99, actor="ann", now=NOW)
        for title in ("", " ", "x" * 201):
            with pytest.raises(IncidentTextInvalid):
                await declare_incident(conn, NewIncident(title=title, severity="P1"), actor="ann", now=NOW)
