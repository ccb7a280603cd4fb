"""Find out whom to page: from a policy over roles and rotations to people, and how each is reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from quantum_scheduler.notifications.oncall import store
from quantum_scheduler.notifications.oncall.arrange import PEOPLE_KNOWN_MAX, ROTATIONS_MAX, with_inbox
from quantum_scheduler.notifications.oncall.model import (
    BACKUP,
    DEFAULT_POLICY,
    Level,
    OnCallUnknown,
    Override,
    Person,
    Role,
    Rotation,
    Shift,
)
from quantum_scheduler.notifications.oncall.rotate import find_gaps, list_shifts, who_is_on_call
from quantum_scheduler.postgres.connect import Connection

MOMENT = timedelta(microseconds=1)
# What runbooks call whoever answers first.
ON_CALL, ON_CALL_ROLE = "on-call", "on-call-engineer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Who stands behind a role at one moment; None where nobody does."""

    role: Role
    primary: str | None
    backup: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged:
    """Who is paged on a level, each with how they are reached, in order."""

    level: Level
    people: tuple[Person, ...]


async def find_duties(conn: Connection, at: datetime) -> list[Duty]:
    """Name who stands behind every role, the matrix first."""
    rotations = {each.name: each for each in await store.list_rotations(conn, ROTATIONS_MAX)}
    return [
        Duty(
            role=role,
            primary=await _resolve(conn, role.contact, rotations, at),
            backup=None if role.backup is None else await _resolve(conn, role.backup, rotations, at),
        )
        for role in await store.list_roles(conn)
    ]


async def find_paged(conn: Connection, policy: str | None, at: datetime) -> list[Paged]:
    """Name who is paged on each level of a policy, or of the default one where there is no such policy.

    Where nobody is on call behind a role, its backup is paged, and where there is none, whoever is on the next level.
    """
    levels = (await store.read_policy(conn, policy) if policy else []) or await store.read_policy(conn, DEFAULT_POLICY)
    duties = {each.role.name: each for each in await find_duties(conn, at)}
    known = {each.name: each for each in await store.list_people(conn, PEOPLE_KNOWN_MAX)}
    found = [(level, _list_names(level, duties)) for level in levels]
    paged: list[Paged] = []
    for position, (level, names) in enumerate(found):
        reached = names or next((later for _, later in found[position + 1 :] if later), [])
        people = tuple(known.get(name) or with_inbox(Person(name=name)) for name in reached)
        paged.append(Paged(level=level, people=people))
    return paged


async def find_whom(conn: Connection, whom: str, at: datetime, *, levels: int | None = None) -> list[Person]:
    """Name the people behind a policy (on its first `levels`, or on all), or behind a role: its backup too for all.

    `on-call` is whoever is on call first. Whom nobody knows by that name is a policy, the default one. Raises
    OnCallUnknown where nobody at all is reached.
    """
    if whom in await store.list_policies(conn) or not (staff := await find_staff(conn, (whom,), at)):
        people = [each for paged in (await find_paged(conn, whom, at))[:levels] for each in paged.people]
        if not people:
            raise OnCallUnknown(f"nobody is on call behind {whom}")
        return list({each.name: each for each in people}.values())
    return await find_people(conn, staff[:levels])


async def find_people(conn: Connection, names: Sequence[str]) -> list[Person]:
    """Find how people are reached, in their order; whom nobody has written down has an inbox."""
    known = {each.name: each for each in await store.list_people(conn, PEOPLE_KNOWN_MAX)}
    return [known.get(name) or with_inbox(Person(name=name)) for name in names]


async def find_staff(conn: Connection, roles: Sequence[str], at: datetime) -> list[str]:
    """Name the people who stand behind roles now, of each the backup last; a rotation or a person is a role as well."""
    rotations = {each.name: each for each in await store.list_rotations(conn, ROTATIONS_MAX)}
    duties = {each.role.name: each for each in await find_duties(conn, at)}
    contacts = {name for duty in duties.values() for name in (duty.role.contact, duty.role.backup)}
    people = {each.name for each in await store.list_people(conn, PEOPLE_KNOWN_MAX)}
    names: list[str | None] = []
    for role in roles:
        duty = duties.get(ON_CALL_ROLE if role == ON_CALL else role)
        if duty is not None:
            names += [duty.primary, duty.backup]
        elif role in contacts or role in rotations or role in people:
            names.append(await _resolve(conn, role, rotations, at))
    return list(dict.fromkeys(name for name in names if name is not None))


async def list_policies(conn: Connection) -> dict[str, list[Level]]:
    """List the policies by name, each with its levels."""
    return {name: await store.read_policy(conn, name) for name in await store.list_policies(conn)}


async def list_rotations(conn: Connection) -> list[Rotation]:
    """List the rotations by name."""
    return await store.list_rotations(conn, ROTATIONS_MAX)


async def find_overrides(conn: Connection, name: str, start: datetime, end: datetime) -> list[Override]:
    """List what overrides a rotation between two moments, in the order it was made. Raises OnCallUnknown."""
    await find_rotation(conn, name)
    return await store.list_overrides(conn, name, start, end)


async def find_staffed(conn: Connection, names: Sequence[str], at: datetime) -> set[str]:
    """Those of these roles, policies and people that reach somebody now."""
    policies = await store.list_policies(conn)
    return {name for name in names if name in policies or await find_staff(conn, (name,), at)}


async def find_rotation(conn: Connection, name: str) -> Rotation:
    """Find a rotation. Raises OnCallUnknown."""
    rotation = await store.find_rotation(conn, name)
    if rotation is None:
        raise OnCallUnknown(f"there is no rotation {name}")
    return rotation


async def find_shifts(conn: Connection, name: str, start: datetime, end: datetime) -> list[Shift]:
    """List the shifts of a rotation between two moments. Raises OnCallUnknown, RotationInvalid."""
    rotation = await find_rotation(conn, name)
    return list_shifts(rotation, await store.list_overrides(conn, name, start, end), start, end)


async def find_all_gaps(conn: Connection, start: datetime, end: datetime) -> list[tuple[str, Shift]]:
    """List when nobody is on call between two moments, rotation by rotation. Raises RotationInvalid."""
    gaps: list[tuple[str, Shift]] = []
    for rotation in await store.list_rotations(conn, ROTATIONS_MAX):
        overrides = await store.list_overrides(conn, rotation.name, start, end)
        gaps += [(rotation.name, gap) for gap in find_gaps(rotation, overrides, start, end)]
    return gaps


def _list_names(level: Level, duties: Mapping[str, Duty]) -> list[str]:
    names = [
        _choose(duties.get(named.removesuffix(BACKUP)), wants_backup=named.endswith(BACKUP)) for named in level.roles
    ]
    return list(dict.fromkeys(name for name in names if name is not None))


def _choose(duty: Duty | None, *, wants_backup: bool) -> str | None:
    if duty is None:
        return None
    return duty.backup or duty.primary if wants_backup else duty.primary or duty.backup


async def _resolve(conn: Connection, contact: str, rotations: Mapping[str, Rotation], at: datetime) -> str | None:
    """Follow a contact to a person: through the rotation of that name, if there is one."""
    rotation = rotations.get(contact)
    if rotation is None:
        return contact
    return who_is_on_call(rotation, await store.list_overrides(conn, contact, at - MOMENT, at + MOMENT), at)
