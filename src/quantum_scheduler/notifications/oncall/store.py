"""Every statement about who is on call."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from quantum_scheduler.notifications.model import Target
from quantum_scheduler.notifications.oncall.model import Level, Override, Person, Role, Rotation
from quantum_scheduler.postgres.connect import Connection

LIST_PEOPLE = "SELECT name, targets FROM oncall_person ORDER BY name LIMIT $1"
PUT_PERSON = """
INSERT INTO oncall_person (name, targets) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET targets = excluded.targets
"""
DROP_PERSON = "DELETE FROM oncall_person WHERE name = $1 RETURNING name"

LIST_ROTATIONS = "SELECT name, people, starts_at, turn_days, zone FROM oncall_rotation ORDER BY name LIMIT $1"
FIND_ROTATION = "SELECT name, people, starts_at, turn_days, zone FROM oncall_rotation WHERE name = $1 FOR SHARE"
PUT_ROTATION = """
INSERT INTO oncall_rotation (name, people, starts_at, turn_days, zone) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO UPDATE SET people = excluded.people, starts_at = excluded.starts_at,
    turn_days = excluded.turn_days, zone = excluded.zone
"""
DROP_ROTATION = "DELETE FROM oncall_rotation WHERE name = $1 RETURNING name"

# In the order in which they were made: the last one counts.
LIST_OVERRIDES = """
SELECT starts_at, ends_at, person FROM oncall_override
WHERE rotation = $1 AND ends_at > $2 AND starts_at < $3 ORDER BY id
"""
ADD_OVERRIDE = """
INSERT INTO oncall_override (rotation, starts_at, ends_at, person, made_by, made_at) VALUES ($1, $2, $3, $4, $5, $6)
"""

LIST_ROLES = "SELECT name, title, expertise, contact, backup, is_emergency FROM oncall_role ORDER BY position"
PUT_CONTACTS = "UPDATE oncall_role SET contact = $2, backup = $3 WHERE name = $1 RETURNING name"

LIST_POLICIES = "SELECT DISTINCT policy FROM oncall_level ORDER BY policy"
READ_POLICY = "SELECT level, after_share, roles FROM oncall_level WHERE policy = $1 ORDER BY level"
DROP_LEVELS = "DELETE FROM oncall_level WHERE policy = $1"
ADD_LEVELS = "INSERT INTO oncall_level (policy, level, after_share, roles) VALUES ($1, $2, $3, $4)"


async def list_people(conn: Connection, limit: int) -> list[Person]:
    """List the people by name."""
    return [
        Person(name=row["name"], targets=tuple(Target(**each) for each in row["targets"]))
        for row in await conn.fetch(LIST_PEOPLE, limit)
    ]


async def put_person(conn: Connection, person: Person) -> None:
    """Write a person down, in the place of one of the same name."""
    targets = [{"channel": each.channel, "address": each.address} for each in person.targets]
    await conn.execute(PUT_PERSON, person.name, targets)


async def drop_person(conn: Connection, name: str) -> bool:
    """Forget a person; False where there is none."""
    return await conn.fetchval(DROP_PERSON, name) is not None


async def list_rotations(conn: Connection, limit: int) -> list[Rotation]:
    """List the rotations by name."""
    return [_to_rotation(**row) for row in await conn.fetch(LIST_ROTATIONS, limit)]


async def find_rotation(conn: Connection, name: str) -> Rotation | None:
    """Find a rotation, and keep it from changing until the transaction ends."""
    row = await conn.fetchrow(FIND_ROTATION, name)
    return None if row is None else _to_rotation(**row)


async def put_rotation(conn: Connection, rotation: Rotation) -> None:
    """Write a rotation down, in the place of one of the same name."""
    people, zone = list(rotation.people), rotation.zone.key
    await conn.execute(PUT_ROTATION, rotation.name, people, rotation.starts_at, rotation.turn_days, zone)


async def drop_rotation(conn: Connection, name: str) -> bool:
    """Forget a rotation with its overrides; False where there is none."""
    return await conn.fetchval(DROP_ROTATION, name) is not None


async def list_overrides(conn: Connection, rotation: str, start: datetime, end: datetime) -> list[Override]:
    """List what overrides a rotation between two moments, in the order in which it was made."""
    return [Override(**row) for row in await conn.fetch(LIST_OVERRIDES, rotation, start, end)]


async def add_overrides(
    conn: Connection, rotation: str, overrides: Iterable[Override], *, made_by: str, now: datetime
) -> None:
    """Add overrides to a rotation."""
    rows = [(rotation, each.starts_at, each.ends_at, each.person, made_by, now) for each in overrides]
    await conn.executemany(ADD_OVERRIDE, rows)


async def list_roles(conn: Connection) -> list[Role]:
    """List the roles, the matrix first."""
    return [Role(**row) for row in await conn.fetch(LIST_ROLES)]


async def put_contacts(conn: Connection, role: str, contact: str, backup: str | None) -> bool:
    """Change who stands behind a role; False where there is no such role."""
    return await conn.fetchval(PUT_CONTACTS, role, contact, backup) is not None


async def list_policies(conn: Connection) -> list[str]:
    """List the names of the policies."""
    return [row["policy"] for row in await conn.fetch(LIST_POLICIES)]


async def read_policy(conn: Connection, name: str) -> list[Level]:
    """Read the levels of a policy; none where there is no such policy."""
    rows = await conn.fetch(READ_POLICY, name)
    return [Level(level=row["level"], after_share=row["after_share"], roles=tuple(row["roles"])) for row in rows]


async def put_policy(conn: Connection, name: str, levels: Sequence[Level]) -> None:
    """Write a policy down, in the place of one of the same name."""
    await conn.execute(DROP_LEVELS, name)
    await conn.executemany(ADD_LEVELS, [(name, each.level, each.after_share, list(each.roles)) for each in levels])


def _to_rotation(*, name: str, people: list[str], starts_at: datetime, turn_days: int, zone: str) -> Rotation:
    return Rotation(name=name, people=tuple(people), starts_at=starts_at, turn_days=turn_days, zone=ZoneInfo(zone))
