"""Arrange who is on call: people, rotations, overrides, swaps, roles and policies."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from quantum_scheduler.notifications.model import Target
from quantum_scheduler.notifications.oncall import store
from quantum_scheduler.notifications.oncall.model import (
    BACKUP,
    LEVELS_MAX,
    PEOPLE_MAX,
    Level,
    OnCallUnknown,
    Override,
    Person,
    Rotation,
    RotationInvalid,
    check_name,
)
from quantum_scheduler.notifications.oncall.rotate import swap_shifts
from quantum_scheduler.postgres.connect import Connection

PEOPLE_KNOWN_MAX = 1_000
ROTATIONS_MAX = 100


async def keep_person(conn: Connection, person: Person) -> None:
    """Write down how a person is reached; the inbox is always among it. Raises RotationInvalid."""
    if len(await store.list_people(conn, PEOPLE_KNOWN_MAX)) >= PEOPLE_KNOWN_MAX:
        raise RotationInvalid(f"there may be {PEOPLE_KNOWN_MAX:,} people")
    await store.put_person(conn, with_inbox(person))


def with_inbox(person: Person) -> Person:
    """Add the inbox where the person has none among the targets. Raises RotationInvalid."""
    if any(each.channel == "inbox" for each in person.targets):
        return person
    inbox = Target(channel="inbox", address=person.name)
    return Person(name=person.name, targets=(*person.targets, inbox))


async def keep_rotation(conn: Connection, rotation: Rotation) -> None:
    """Write a rotation down; whoever takes turns in it must be known. Raises RotationInvalid, OnCallUnknown."""
    if len(await store.list_rotations(conn, ROTATIONS_MAX)) >= ROTATIONS_MAX:
        raise RotationInvalid(f"there may be {ROTATIONS_MAX} rotations")
    await _check_people(conn, rotation.people)
    await store.put_rotation(conn, rotation)


async def override_shift(conn: Connection, rotation: str, override: Override, *, actor: str, now: datetime) -> None:
    """Let somebody else, or nobody, be on call for a while. Raises OnCallUnknown."""
    if await store.find_rotation(conn, rotation) is None:
        raise OnCallUnknown(f"there is no rotation {rotation}")
    await _check_people(conn, () if override.person is None else (override.person,))
    await store.add_overrides(conn, rotation, [override], made_by=actor, now=now)


async def swap(
    conn: Connection, name: str, one: datetime, other: datetime, *, actor: str, now: datetime
) -> tuple[Override, Override]:
    """Let two people take each other's shifts: those that hold two moments. Raises OnCallUnknown, RotationInvalid."""
    rotation = await store.find_rotation(conn, name)
    if rotation is None:
        raise OnCallUnknown(f"there is no rotation {name}")
    moments = sorted((one.astimezone(UTC), other.astimezone(UTC)))
    around = timedelta(days=rotation.turn_days + 2)
    overrides = await store.list_overrides(conn, name, moments[0] - around, moments[1] + around)
    swapped = swap_shifts(rotation, overrides, one, other)
    await store.add_overrides(conn, name, swapped, made_by=actor, now=now)
    return swapped


async def keep_contacts(conn: Connection, role: str, contact: str, backup: str | None) -> None:
    """Say who stands behind a role: rotations or people. Raises OnCallUnknown, RotationInvalid."""
    rotations = {each.name for each in await store.list_rotations(conn, ROTATIONS_MAX)}
    await _check_people(conn, {each for each in (contact, backup) if each is not None} - rotations)
    if not await store.put_contacts(conn, role, contact, backup):
        raise OnCallUnknown(f"there is no role {role}")


async def keep_policy(conn: Connection, name: str, levels: Sequence[Level]) -> None:
    """Write a policy down: levels that rise, of roles that exist. Raises OnCallUnknown, RotationInvalid."""
    check_name(name)
    if not 1 <= len(levels) <= LEVELS_MAX:
        raise RotationInvalid(f"a policy has 1 to {LEVELS_MAX} levels")
    if [each.level for each in levels] != list(range(len(levels))):
        raise RotationInvalid("the levels of a policy are numbered from 0 on")
    shares = [each.after_share for each in levels]
    if shares[0] != 0.0 or shares != sorted(shares):
        raise RotationInvalid("the first level pages at once, and none before the one above it")
    known = {role.name: role for role in await store.list_roles(conn)}
    for named in (name for each in levels for name in each.roles):
        role = known.get(named.removesuffix(BACKUP))
        if role is None or (named.endswith(BACKUP) and role.backup is None):
            raise OnCallUnknown(f"there is no role {named}")
    await store.put_policy(conn, name, levels)


async def _check_people(conn: Connection, names: Sequence[str] | set[str]) -> None:
    known = {each.name for each in await store.list_people(conn, PEOPLE_KNOWN_MAX)}
    missing = sorted(set(names) - known)
    if missing:
        raise OnCallUnknown(f"there is nobody named {', '.join(missing[:PEOPLE_MAX])}")
