"""Arranging who is on call: what is kept comes back, and what cannot be is refused before anybody depends on it."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from quantum_scheduler.notifications.model import Target
from quantum_scheduler.notifications.oncall import store
from quantum_scheduler.notifications.oncall.arrange import (
    keep_contacts,
    keep_person,
    keep_policy,
    keep_rotation,
    override_shift,
    swap,
)
from quantum_scheduler.notifications.oncall.find import find_all_gaps, find_duties, find_paged, find_shifts
from quantum_scheduler.notifications.oncall.model import (
    Level,
    OnCallUnknown,
    Override,
    Person,
    Rotation,
    RotationInvalid,
)
from quantum_scheduler.postgres.connect import Connection, Pool

START = datetime(2026, 11, 2, 9, 0, tzinfo=ZoneInfo("Europe/Berlin"))
WEEKLY = Rotation(name="primary", people=("ann", "bob"), starts_at=START, turn_days=7, zone=ZoneInfo("Europe/Berlin"))


async def arrange(conn: Connection) -> None:
    for name in ("ann", "bob", "cid"):
        await keep_person(conn, Person(name=name, targets=(Target(channel="email", address=f"{name}@example.com"),)))
    await keep_rotation(conn, WEEKLY)


def days(count: float) -> datetime:
    return START + timedelta(days=count)


async def on_call(conn: Connection, start: datetime, end: datetime) -> list[str | None]:
    return [shift.person for shift in await find_shifts(conn, "primary", start, end)]


async def test_the_matrix_of_the_playbook_is_there_from_the_start(pool: Pool) -> None:
    async with pool.acquire() as conn:
        duties = await find_duties(conn, START)
    matrix = [(each.role.title, each.primary, each.backup) for each in duties if not each.role.is_emergency]
    assert matrix == [
        ("On-Call Engineer", "oncall-primary", "oncall-backup"),
        ("Senior Engineer", "senior-eng", "tech-lead"),
        ("Quantum Expert", "quantum-lead", "quantum-architect"),
        ("SRE Lead", "sre-lead", "platform-lead"),
        ("Engineering Manager", "eng-manager", "director-eng"),
    ]
    emergency = [each.role.title for each in duties if each.role.is_emergency]
    assert emergency == ["Security", "Infrastructure", "Quantum", "Management"]


async def test_overrides_and_swaps_are_kept_and_the_last_one_counts(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await arrange(conn)
        assert (await store.list_rotations(conn, 10))[0] == WEEKLY
        await swap(conn, "primary", days(1), days(8), actor="ann", now=START)
        assert await on_call(conn, START, days(14)) == ["bob", "ann"]
        nobody = Override(starts_at=days(2), ends_at=days(3), person=None)
        await override_shift(conn, "primary", nobody, actor="ann", now=START)
        assert await on_call(conn, START, days(7)) == ["bob", None, "bob"]
        assert [name for name, _ in await find_all_gaps(conn, START, days(14))] == ["primary"]
        cid = Override(starts_at=days(1), ends_at=days(4), person="cid")
        await override_shift(conn, "primary", cid, actor="ann", now=START)
        assert await on_call(conn, START, days(7)) == ["bob", "cid", "bob"]
        assert await find_all_gaps(conn, START, days(14)) == []


async def test_a_role_may_stand_for_a_rotation_and_a_policy_of_ones_own_for_roles(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await arrange(conn)
        await keep_contacts(conn, "on-call-engineer", "primary", "cid")
        first, *_ = await find_duties(conn, days(8))
        assert (first.primary, first.backup) == ("bob", "cid")
        levels = [
            Level(level=0, after_share=0.0, roles=("on-call-engineer", "on-call-engineer/backup")),
            Level(level=1, after_share=0.5, roles=("management",)),
        ]
        await keep_policy(conn, "night", levels)
        paged = await find_paged(conn, "night", days(1))
        assert [[person.name for person in each.people] for each in paged] == [["ann", "cid"], ["eng-manager"]]
        assert [each.channel for each in paged[0].people[0].targets] == ["email", "inbox"]


async def test_what_cannot_be_is_refused(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await arrange(conn)
        stranger = Override(starts_at=days(1), ends_at=days(2), person="zoe")
        with pytest.raises(OnCallUnknown, match="nobody named zoe"):
            await override_shift(conn, "primary", stranger, actor="ann", now=START)
        with pytest.raises(OnCallUnknown, match="no rotation night"):
            await override_shift(conn, "night", stranger, actor="ann", now=START)
        with pytest.raises(OnCallUnknown, match="no rotation night"):
            await swap(conn, "night", days(1), days(8), actor="ann", now=START)
        with pytest.raises(OnCallUnknown, match="no role chef"):
            await keep_contacts(conn, "chef", "ann", None)
        for levels in (
            [],
            [Level(level=1, after_share=0.0, roles=("management",))],
            [Level(level=0, after_share=0.5, roles=("management",))],
        ):
            with pytest.raises(RotationInvalid):
                await keep_policy(conn, "p", levels)
        for role in ("chef", "security/backup"):
            with pytest.raises(OnCallUnknown, match="no role"):
                await keep_policy(conn, "p", [Level(level=0, after_share=0.0, roles=(role,))])


@pytest.mark.parametrize("name", ["", "a b", "x" * 101, "-x", "a/b"])
def test_a_name_has_no_spaces_and_an_end(name: str) -> None:
    with pytest.raises(RotationInvalid):
        Person(name=name)
    with pytest.raises(RotationInvalid):
        Level(level=0, after_share=0.0, roles=())
    with pytest.raises(RotationInvalid):
        Person(name="ann", targets=(Target(channel="email", address=""),))
