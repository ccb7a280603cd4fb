"""The table of actions: each does what its room does, is called with what it takes, and is audited."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from quantum_scheduler.accounts.audit.read import list_audit
from quantum_scheduler.expressions.evaluate import UNKNOWN
from quantum_scheduler.incidents.look_up import find_incident, read_timeline
from quantum_scheduler.incidents.model import Incident, NewIncident
from quantum_scheduler.incidents.paging.announce import NOBODY
from quantum_scheduler.incidents.respond import raise_incident
from quantum_scheduler.notifications.model import NOTIFICATION_POSTED
from quantum_scheduler.notifications.oncall.find import find_staff, find_whom
from quantum_scheduler.postgres.connect import Connection, Pool
from quantum_scheduler.runbooks.actions.call import (
    ArgumentInvalid,
    call_action,
    check_arguments,
    drop_unknown,
    read_arguments,
)
from quantum_scheduler.runbooks.actions.desk import ActionFailed, Desk
from quantum_scheduler.runbooks.actions.row import LISTED_MAX, to_plain
from quantum_scheduler.runbooks.actions.table import ACTIONS, ActionUnknown, build_registry, find_action
from quantum_scheduler.solving.actions import show_routing

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def sit(conn: Connection, incident: Incident | None = None, *, key: str = "1:1") -> Desk:
    return Desk(conn=conn, key=key, who="runbook", now=NOW, incident=incident, runbook="dynex-outage")


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_says_what_it_does_and_an_undo_names_an_action(name: str) -> None:
    action = ACTIONS[name]
    assert action.function.promise.endswith((".", "?"))
    assert not action.undo or action.undo.split("(")[0] in ACTIONS
    assert name in build_registry(())


def test_an_action_refuses_what_it_does_not_take() -> None:
    with pytest.raises(ArgumentInvalid, match=r"needs backend"):
        check_arguments(find_action("breaker.open"), (), {})
    with pytest.raises(ArgumentInvalid, match=r"is unknown"):
        check_arguments(find_action("breaker.open"), (UNKNOWN,), {})
    with pytest.raises(ArgumentInvalid, match=r"P0 or P1"):
        read_arguments(find_action("incident.declare"), ["severity=P9"])
    with pytest.raises(ArgumentInvalid, match=r"no argument"):
        read_arguments(find_action("breaker.open"), ["vendor=dynex"])
    with pytest.raises(ActionUnknown):
        find_action("breaker.explode")


def test_what_is_not_known_and_not_needed_is_left_away() -> None:
    opened = find_action("breaker.open")
    assert drop_unknown(opened, {"backend": UNKNOWN, "reason": UNKNOWN, "minutes": 5}) == {
        "backend": UNKNOWN,
        "minutes": 5,
    }


def test_arguments_are_read_by_the_types_of_the_parameters() -> None:
    opened = read_arguments(find_action("breaker.open"), ["backend=dynex", "minutes=1.5", "reason=a=b"])
    assert opened == {"backend": "dynex", "minutes": 1.5, "reason": "a=b"}
    assert read_arguments(find_action("solving.set_priority"), ["backends=ibm, dynex"])["backends"] == ["ibm", "dynex"]
    assert read_arguments(find_action("jwt.rotate"), ["leaked=yes"])["leaked"] is True


async def test_a_breaker_is_opened_taken_back_and_audited(pool: Pool) -> None:
    async with pool.acquire() as conn:
        for text, state in (("breaker.open", "open"), ("breaker.close", "closed")):
            async with conn.transaction():
                result = await call_action(find_action(text), sit(conn), ("dynex",), {})
            assert result["state"] == state
        audited = await list_audit(conn, org_id=None, before=None, action="breaker.open", limit=10)
    assert [each.entry.detail["arguments"] for each in audited] == [{"backend": "dynex"}]


async def test_a_ramp_gives_a_share_and_lets_jobs_through(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await call_action(find_action("breaker.open"), sit(conn), ("dynex",), {})
        await call_action(find_action("ramp"), sit(conn), ("dynex", 10), {})
        _, states = await show_routing(conn)
        with pytest.raises(ActionFailed):
            await call_action(find_action("ramp"), sit(conn), ("dynex", 101), {})
    (dynex,) = [each for each in states if each.name == "dynex"]
    assert (dynex.share, dynex.breaker.state) == (10, "closed")


async def test_declaring_again_only_makes_it_worse(pool: Pool) -> None:
    declare = find_action("incident.declare")
    async with pool.acquire() as conn:
        first = await call_action(declare, sit(conn), (), {"severity": "P2"})
        for severity, becomes in (("P3", "P2"), ("P1", "P1"), ("P2", "P1")):
            incident = await find_incident(conn, first["id"])
            declared = await call_action(declare, sit(conn, incident), (), {"severity": severity})
            assert (declared["id"], declared["severity"]) == (first["id"], becomes)


async def test_a_page_repeated_under_its_key_reaches_people_once(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident, _ = await raise_incident(conn, NewIncident(title="x", severity="P1"), NOBODY, actor="watch", now=NOW)
        for key in ("1:4", "1:4", "1:5"):
            desk = sit(conn, incident, key=key)
            paged = await call_action(find_action("page"), desk, ("quantum",), {"message": "Look."})
            assert desk.notices == [(NOTIFICATION_POSTED, "")]
        sent = await conn.fetchval("SELECT count(*) FROM notification WHERE dedup_key LIKE 'action/%'")
        timeline = await read_timeline(conn, incident.id)
    assert paged["people"] == ["oncall-primary"]
    assert sent == 2
    assert [each.detail["whom"] for each in timeline if each.kind == "paged" and each.actor == "runbook"]


async def test_nobody_is_woken_for_what_is_over(pool: Pool) -> None:
    async with pool.acquire() as conn:
        incident, _ = await raise_incident(conn, NewIncident(title="x", severity="P1"), NOBODY, actor="watch", now=NOW)
        over = replace(incident, state="resolved")
        assert (await call_action(find_action("escalate"), sit(conn, over), ("quantum",), {}))["people"] == []
        paged = await call_action(find_action("escalate"), sit(conn, incident), ("quantum",), {})
    assert paged["people"] == ["oncall-primary", "oncall-backup", "quantum-lead"]


def test_results_are_kept_as_json_that_postgres_takes() -> None:
    kept = to_plain({"a": float("nan"), "b": "x\x00y", "c": range(3), "d": list(range(1_000)), 5: NOW})
    assert (kept["a"], kept["b"], len(kept["d"]), kept["5"]) == (None, "xy", LISTED_MAX, NOW.isoformat())
    assert kept["c"] == "range(0, 3)"


async def test_roles_policies_and_people_are_all_somebody(pool: Pool) -> None:
    async with pool.acquire() as conn:
        assert await find_staff(conn, ("on-call", "quantum-lead"), NOW) == [
            "oncall-primary",
            "oncall-backup",
            "quantum-lead",
        ]
        assert await find_staff(conn, ("nobody",), NOW) == []
        assert [each.name for each in await find_whom(conn, "sre-lead", NOW, levels=1)] == ["sre-lead"]
        assert len(await find_whom(conn, "quantum", NOW)) > 1
        assert [each.name for each in await find_whom(conn, "nobody", NOW, levels=1)] == ["oncall-primary"]
