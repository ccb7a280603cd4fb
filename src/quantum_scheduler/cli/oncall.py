"""`oncall`: who is on call, and who stands in for whom."""

import getpass
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from quantum_scheduler.cli.ask import ask_database
from quantum_scheduler.cli.moment import Moment, read_moment
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.write import write_answer
from quantum_scheduler.notifications.oncall import arrange, find
from quantum_scheduler.notifications.oncall.model import Override
from quantum_scheduler.notifications.oncall.rotate import write_calendar
from quantum_scheduler.postgres.connect import Connection

CALENDAR_DAYS = 90

app = App(name="oncall", help="Show who is on call, and arrange it.", help_epilogue="")

Rotation = Annotated[str, Parameter(name="ROTATION", help="Name of the rotation.")]
Days = Annotated[int, Parameter(help="For so many days from now.", validator=Number(gte=1, lte=365))]


@app.default
@app.command
def show(*, json: Json = False) -> int:
    """Show who stands behind every role now."""
    duties = ask_database(lambda conn: find.find_duties(conn, datetime.now(UTC)))
    lines = [
        f"{each.role.title}  {each.primary or 'NOBODY'}" + (f", then {each.backup}" if each.backup else "")
        for each in duties
    ]
    return write_answer([asdict(each) for each in duties], "\n".join(lines), json=json)


@app.command
def override(
    rotation: Rotation,
    person: Annotated[str, Parameter(name="PERSON", help="Who stands in; `nobody` makes a gap.")],
    /,
    *,
    start: Moment,
    end: Moment,
    json: Json = False,
) -> int:
    """Let somebody else be on call for a while."""
    stand_in = None if person == "nobody" else person
    wanted = Override(starts_at=read_moment(start), ends_at=read_moment(end), person=stand_in)
    actor, now = getpass.getuser(), datetime.now(UTC)
    ask_database(lambda conn: arrange.override_shift(conn, rotation, wanted, actor=actor, now=now))
    return write_answer(asdict(wanted), f"{person} is on call in {rotation} until {end}", json=json)


@app.command
def swap(rotation: Rotation, /, *, one: Moment, other: Moment, json: Json = False) -> int:
    """Have two people take each other's shifts: those that hold two moments."""
    first, second = read_moment(one), read_moment(other)
    actor, now = getpass.getuser(), datetime.now(UTC)
    swapped = ask_database(lambda conn: arrange.swap(conn, rotation, first, second, actor=actor, now=now))
    lines = [f"{each.person}  {each.starts_at:%Y-%m-%d %H:%M} - {each.ends_at:%Y-%m-%d %H:%M} UTC" for each in swapped]
    return write_answer([asdict(each) for each in swapped], "\n".join(lines), json=json)


@app.command
def gaps(*, days: Days = 30, json: Json = False) -> int:
    """List when nobody is on call; exit code 1 where there is such a time."""
    now = datetime.now(UTC)
    found = ask_database(lambda conn: find.find_all_gaps(conn, now, now + timedelta(days=days)))
    lines = [f"{name}  {gap.starts_at:%Y-%m-%d %H:%M} - {gap.ends_at:%Y-%m-%d %H:%M} UTC" for name, gap in found]
    write_answer([{"rotation": name, **asdict(gap)} for name, gap in found], "\n".join(lines) or "no gaps", json=json)
    return 1 if found else 0


@app.command
def calendar(rotation: Rotation, /, *, json: Json = False) -> int:
    """Print the shifts of the next 90 days as an iCalendar file."""
    now = datetime.now(UTC)

    async def look(conn: Connection) -> str:
        found = await find.find_rotation(conn, rotation)
        shifts = await find.find_shifts(conn, rotation, now, now + timedelta(days=CALENDAR_DAYS))
        return write_calendar(found, shifts, now=now).decode()

    text = ask_database(look)
    return write_answer({"calendar": text}, text, json=json)
