"""`oncall`: who is on call, and who stands in for whom."""

import getpass
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from quantum_scheduler.cli.ask import ask_database
from quantum_scheduler.cli.moment import Moment, read_moment
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.write import check_writable, write_answer, write_file
from quantum_scheduler.notifications.oncall import arrange, find
from quantum_scheduler.notifications.oncall.model import Level, OnCallUnknown, Override, RotationInvalid
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
def contacts(
    role: Annotated[str | None, Parameter(name="ROLE", help="The role to give; all are shown without.")] = None,
    contact: Annotated[str | None, Parameter(name="CONTACT", help="A rotation, or else a person.")] = None,
    /,
    *,
    backup: Annotated[str | None, Parameter(help="A rotation or a person who stands in.")] = None,
    json: Json = False,
) -> int:
    """Show the escalation matrix and the emergency contacts, or say who stands behind a role."""

    async def act(conn: Connection) -> list[find.Duty]:
        if role is not None and contact is not None:
            await arrange.keep_contacts(conn, role, contact, backup)
        return await find.find_duties(conn, datetime.now(UTC))

    if role is not None and contact is None:
        raise RotationInvalid(f"say who stands behind {role}")
    roles = [each.role for each in ask_database(act)]
    lines = [
        f"{'emergency  ' if each.is_emergency else ''}{each.name}  @{each.contact}"
        + (f"  backup @{each.backup}" if each.backup else "")
        + f"  {each.expertise}"
        for each in roles
    ]
    return write_answer([asdict(each) for each in roles], "\n".join(lines), json=json)


@app.command
def policy(
    name: Annotated[str | None, Parameter(name="POLICY", help="One of them; all are shown without.")] = None,
    /,
    *,
    level: Annotated[
        list[str] | None,
        Parameter(help="Share of the time to respond, and roles: 0=on-call-engineer, 0.5=sre-lead/backup,security."),
    ] = None,
    json: Json = False,
) -> int:
    """Show which roles are paged after which share of the time to respond, or write a policy down."""
    levels = [_read_level(number, text) for number, text in enumerate(level or ())]

    async def act(conn: Connection) -> dict[str, list[Level]]:
        if name is not None and levels:
            await arrange.keep_policy(conn, name, levels)
        found = await find.list_policies(conn)
        if name is not None and name not in found:
            raise OnCallUnknown(f"there is no policy {name}; there are {', '.join(found)}")
        return found if name is None else {name: found[name]}

    found = ask_database(act)
    lines = [
        f"{each}  {one.level}  after {one.after_share:.0%}  {', '.join(one.roles)}"
        for each, listed in found.items()
        for one in listed
    ]
    documents = {each: [asdict(one) for one in listed] for each, listed in found.items()}
    return write_answer(documents, "\n".join(lines), json=json)


@app.command
def overrides(rotation: Rotation, /, *, days: Days = 30, json: Json = False) -> int:
    """List who stands in for whom from now on."""
    now = datetime.now(UTC)
    found = ask_database(lambda conn: find.find_overrides(conn, rotation, now, now + timedelta(days=days)))
    lines = [
        f"{each.person or 'NOBODY'}  {each.starts_at:%Y-%m-%d %H:%M} - {each.ends_at:%Y-%m-%d %H:%M} UTC"
        for each in found
    ]
    return write_answer([asdict(each) for each in found], "\n".join(lines) or "no overrides", json=json)


@app.command
def export(
    *,
    out: Annotated[Path, Parameter(help="The folder to write into.")] = Path(),
    json: Json = False,
) -> int:
    """Write the shifts of the next 90 days as iCalendar files, one for each rotation."""
    names = [each.name for each in ask_database(find.list_rotations)]
    files = [out / f"{name}.ics" for name in names]
    check_writable(*files)
    for name, file in zip(names, files, strict=True):
        write_file(file, _write_calendar(name))
    return write_answer([str(each) for each in files], "\n".join(map(str, files)) or "no rotations", json=json)


@app.command
def calendar(rotation: Rotation, /, *, json: Json = False) -> int:
    """Print the shifts of the next 90 days as an iCalendar file."""
    text = _write_calendar(rotation)
    return write_answer({"calendar": text}, text, json=json)


def _write_calendar(rotation: str) -> str:
    now = datetime.now(UTC)

    async def look(conn: Connection) -> str:
        found = await find.find_rotation(conn, rotation)
        shifts = await find.find_shifts(conn, rotation, now, now + timedelta(days=CALENDAR_DAYS))
        return write_calendar(found, shifts, now=now).decode()

    return ask_database(look)


def _read_level(number: int, text: str) -> Level:
    share, _, roles = text.partition("=")
    try:
        after_share = float(share)
    except ValueError:
        raise RotationInvalid(f"{text!r} is no level, such as 0.5=sre-lead,security") from None
    return Level(level=number, after_share=after_share, roles=tuple(each.strip() for each in roles.split(",")))
