"""On call: somebody always knows who, over clock changes, overrides and swaps."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_scheduler.notifications.oncall.model import Override, Rotation, RotationInvalid
from quantum_scheduler.notifications.oncall.rotate import (
    find_gaps,
    list_shifts,
    swap_shifts,
    who_is_on_call,
    write_calendar,
)

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 10, 5, 9, 0, tzinfo=BERLIN)
WEEKLY = Rotation(name="primary", people=("ann", "bob", "cid"), starts_at=START, turn_days=7, zone=BERLIN)


def local(month: int, day: int, hour: int = 9, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN)


def test_people_take_turns_and_hand_over_at_the_same_time_on_the_clock() -> None:
    assert who_is_on_call(WEEKLY, (), local(10, 5)) == "ann"
    assert who_is_on_call(WEEKLY, (), local(10, 12, 8, 59)) == "ann"
    assert who_is_on_call(WEEKLY, (), local(10, 12)) == "bob"
    # Winter time begins on the 25th; the hand-over stays at nine.
    assert who_is_on_call(WEEKLY, (), local(10, 26, 8, 59)) == "cid"
    assert who_is_on_call(WEEKLY, (), local(10, 26)) == "ann"
    shifts = list_shifts(WEEKLY, (), local(10, 19), local(11, 2))
    assert [shift.ends_at - shift.starts_at for shift in shifts] == [timedelta(days=7, hours=1), timedelta(days=7)]


def test_before_the_first_turn_nobody_is_on_call_and_that_is_a_gap() -> None:
    assert who_is_on_call(WEEKLY, (), local(10, 5, 8, 59)) is None
    (gap,) = find_gaps(WEEKLY, (), local(10, 4), local(10, 6))
    assert (gap.starts_at, gap.ends_at) == (local(10, 4), local(10, 5))


def test_the_override_that_was_made_last_counts_and_nobody_makes_a_gap() -> None:
    ill = Override(starts_at=local(10, 7), ends_at=local(10, 9), person=None)
    helped = Override(starts_at=local(10, 8), ends_at=local(10, 9), person="dan")
    shifts = list_shifts(WEEKLY, (ill, helped), local(10, 5), local(10, 12))
    assert [(shift.person, shift.is_override) for shift in shifts] == [
        ("ann", False), (None, True), ("dan", True), ("ann", False),
    ]  # fmt: skip
    assert [gap.starts_at for gap in find_gaps(WEEKLY, (ill, helped), local(10, 5), local(10, 12))] == [local(10, 7)]


def test_a_swap_gives_each_the_others_shift() -> None:
    overrides = swap_shifts(WEEKLY, (), local(10, 6), local(10, 13))
    assert who_is_on_call(WEEKLY, overrides, local(10, 6)) == "bob"
    assert who_is_on_call(WEEKLY, overrides, local(10, 13)) == "ann"
    assert who_is_on_call(WEEKLY, overrides, local(10, 20)) == "cid"
    with pytest.raises(RotationInvalid):
        swap_shifts(WEEKLY, (), local(10, 6), local(10, 7))


@given(
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
    turn_days=st.integers(1, 28),
    people=st.integers(1, 5),
    hour=st.integers(0, 23),
    offset_h=st.integers(-2_000, 9_000),
    minutes=st.integers(0, 60 * 24 * 300),
)
def test_shifts_follow_each_other_without_a_break_and_agree_with_who_is_on_call(
    zone: str, turn_days: int, people: int, hour: int, offset_h: int, minutes: int
) -> None:
    starts_at = datetime(2026, 1, 5, hour, 30, tzinfo=ZoneInfo(zone))
    names = tuple(f"p{number}" for number in range(people))
    rotation = Rotation(name="r", people=names, starts_at=starts_at, turn_days=turn_days, zone=ZoneInfo(zone))
    start = starts_at.astimezone(UTC) + timedelta(hours=offset_h)
    shifts = list_shifts(rotation, (), start, start + timedelta(minutes=minutes + 1))
    assert shifts[0].starts_at == start
    assert shifts[-1].ends_at == start + timedelta(minutes=minutes + 1)
    for earlier, later in pairwise(shifts):
        assert earlier.ends_at == later.starts_at
        assert who_is_on_call(rotation, (), later.starts_at) == later.person
        assert who_is_on_call(rotation, (), later.starts_at - timedelta(seconds=1)) == earlier.person


def test_the_calendar_holds_every_shift_and_names_a_gap() -> None:
    shifts = list_shifts(WEEKLY, (), local(10, 4), local(10, 19))
    calendar = icalendar.Calendar.from_ical(write_calendar(WEEKLY, shifts, now=local(10, 1)))
    events = calendar.walk("VEVENT")
    assert [str(event["summary"]) for event in events] == [
        "primary: NOBODY is on call", "primary: ann", "primary: bob",
    ]  # fmt: skip
    assert [event.decoded("dtstart") for event in events] == [shift.starts_at for shift in shifts]
    assert len({str(event["uid"]) for event in events}) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"people": ()},
        {"people": ("x",) * 101},
        {"turn_days": 0},
        {"turn_days": 29},
        {"starts_at": START.replace(tzinfo=None)},
    ],
)
def test_a_rotation_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    given_ = {"name": "r", "people": ("a",), "starts_at": START, "turn_days": 7, "zone": BERLIN, **change}
    with pytest.raises(RotationInvalid):
        Rotation(**given_)  # type: ignore[arg-type]  # one of them is wrong


def test_an_override_that_cannot_be_is_refused() -> None:
    with pytest.raises(RotationInvalid):
        Override(starts_at=local(10, 7), ends_at=local(10, 7), person="ann")
    with pytest.raises(RotationInvalid):
        list_shifts(WEEKLY, (), local(10, 7), local(10, 7))
