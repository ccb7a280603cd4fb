"""Work out who is on call, when: pure, and exact over changes between summer and winter time."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import icalendar

from quantum_scheduler.notifications.oncall.model import Override, Rotation, RotationInvalid, Shift

SPAN_MAX = timedelta(days=366)


def who_is_on_call(rotation: Rotation, overrides: Sequence[Override], at: datetime) -> str | None:
    """Name the person who is on call; None in a gap. Of two overrides the one that was made later counts."""
    for override in reversed(overrides):
        if override.starts_at <= at < override.ends_at:
            return override.person
    turn = _find_turn(rotation, at)
    return None if turn < 0 else rotation.people[turn % len(rotation.people)]


def list_shifts(rotation: Rotation, overrides: Sequence[Override], start: datetime, end: datetime) -> list[Shift]:
    """List the shifts between two moments, gaps among them, without a break. Raises RotationInvalid."""
    if not timedelta() < end - start <= SPAN_MAX:
        raise RotationInvalid("shifts are listed for up to a year at a time")
    edges = {start, end}
    edges |= {edge for edge in _hand_overs(rotation, start, end) if start < edge < end}
    edges |= {edge for each in overrides for edge in (each.starts_at, each.ends_at) if start < edge < end}
    moments = sorted(edges)
    shifts: list[Shift] = []
    for begins_at, ends_at in pairwise(moments):
        is_override = any(each.starts_at <= begins_at < each.ends_at for each in overrides)
        shift = Shift(
            person=who_is_on_call(rotation, overrides, begins_at),
            starts_at=begins_at.astimezone(UTC),
            ends_at=ends_at.astimezone(UTC),
            is_override=is_override,
        )
        if shifts and (shifts[-1].person, shifts[-1].is_override) == (shift.person, shift.is_override):
            shift = Shift(
                person=shift.person, starts_at=shifts.pop().starts_at, ends_at=shift.ends_at, is_override=is_override
            )
        shifts.append(shift)
    return shifts


def find_gaps(rotation: Rotation, overrides: Sequence[Override], start: datetime, end: datetime) -> list[Shift]:
    """List the times between two moments when nobody is on call. Raises RotationInvalid."""
    return [shift for shift in list_shifts(rotation, overrides, start, end) if shift.person is None]


def swap_shifts(
    rotation: Rotation, overrides: Sequence[Override], one: datetime, other: datetime
) -> tuple[Override, Override]:
    """Let the people whose shifts hold two moments take each other's, as two overrides. Raises RotationInvalid."""
    first, second = (_shift_at(rotation, overrides, at) for at in (one, other))
    if first.person is None or second.person is None or first.person == second.person:
        raise RotationInvalid("two people swap: each moment must lie in the shift of another")
    return (
        Override(starts_at=first.starts_at, ends_at=first.ends_at, person=second.person),
        Override(starts_at=second.starts_at, ends_at=second.ends_at, person=first.person),
    )


def write_calendar(rotation: Rotation, shifts: Sequence[Shift], *, now: datetime) -> bytes:
    """Write shifts as an iCalendar file that calendars subscribe to; a gap is an event of its own."""
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//quantum-scheduler//on call//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"On call: {rotation.name}")
    for shift in shifts:
        event = icalendar.Event()
        event.add("uid", f"{rotation.name}-{shift.starts_at:%Y%m%dT%H%M%SZ}@quantum-scheduler")
        event.add("dtstamp", now.astimezone(UTC))
        event.add("dtstart", shift.starts_at)
        event.add("dtend", shift.ends_at)
        event.add("summary", f"{rotation.name}: {shift.person or 'NOBODY is on call'}")
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _shift_at(rotation: Rotation, overrides: Sequence[Override], at: datetime) -> Shift:
    around = timedelta(days=rotation.turn_days + 1)
    return next(
        shift
        for shift in list_shifts(rotation, overrides, at - around, at + around)
        if shift.starts_at <= at < shift.ends_at
    )


def _hand_overs(rotation: Rotation, start: datetime, end: datetime) -> Iterator[datetime]:
    """Go through the hand-overs around two moments."""
    turn = max(0, _find_turn(rotation, start))
    while (at := _turn_starts_at(rotation, turn)) < end:
        yield at
        turn += 1


def _find_turn(rotation: Rotation, at: datetime) -> int:
    """Number the turn that a moment lies in; below 0 is before the first."""
    days = (at.astimezone(rotation.zone).date() - rotation.starts_at.astimezone(rotation.zone).date()).days
    turn = days // rotation.turn_days
    while _turn_starts_at(rotation, turn) > at:
        turn -= 1
    return turn


def _turn_starts_at(rotation: Rotation, turn: int) -> datetime:
    """Find the moment a turn starts: so many days later on the calendar, at the same time on the clock of the zone.

    Added to local time and compared in UTC, because a day in which the clock changes has 23 or 25 hours.
    """
    local = rotation.starts_at.astimezone(rotation.zone) + timedelta(days=turn * rotation.turn_days)
    return local.astimezone(UTC)
