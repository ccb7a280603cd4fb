"""What was changed lately, wherever it is written down: the first question of every investigation."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

from quantum_scheduler.accounts.audit.deploy import list_changes
from quantum_scheduler.accounts.audit.model import ChainedEntry
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.postgres.migrate import migration_status
from quantum_scheduler.secrets.actions import list_secrets
from quantum_scheduler.solving.actions import list_overrides

WINDOW_S = 86_400.0
WINDOW_S_MAX = 31 * 86_400.0
LISTED_MAX = 100
INSTALLED = "service.installed"
# Migrations that come with the first one are part of the installation.
INSTALLED_WITHIN = timedelta(minutes=10)
# What was done about an incident is not what it came from.
INCIDENT = "incident-"

ChangeKind = Literal["deployment", "settings", "keys", "priorities", "access", "other"]

# The first part of an action's name tells what kind of change it is.
KINDS: dict[str, ChangeKind] = {
    "service": "deployment",  # but for the first, which changes nothing
    "settings": "settings",
    "limits": "settings",
    "quota": "settings",
    "status": "settings",
    "keys": "keys",
    "jwt": "keys",
    "secrets": "keys",
    "solving": "priorities",
    "jobs": "priorities",
    "breaker": "priorities",
    "ramp": "priorities",
    "accounts": "access",
    "users": "access",
    "organisations": "access",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that was changed: when, what kind of thing, what was done to what, and by whom where that is known."""

    at: datetime
    kind: ChangeKind
    action: str
    subject: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentChanges:
    """What was changed in a window, counted by kind, the newest first; `latest_s` ago was the last, None if none."""

    total: int
    deployments: int
    settings: int
    keys: int
    priorities: int
    access: int
    latest: str
    latest_s: float | None
    changes: tuple[Change, ...]


async def find_changes(conn: Connection, *, now: datetime, window_s: float = WINDOW_S) -> RecentChanges:
    """`audit.changes`: look for deployments, settings, keys, priorities and accesses that were changed.

    They come from the audit log, the list of migrations, the versions of secrets and what operators decided of the
    routing. What was done about incidents is left out, and the installation itself. Raises ValueError.
    """
    if not 0 < window_s <= WINDOW_S_MAX:
        raise ValueError(f"a window of changes has 0 to {WINDOW_S_MAX:g} seconds")
    since = now - timedelta(seconds=window_s)
    changes = [_read_entry(each) for each in await list_changes(conn, since)]
    applied = [(each.applied_at, each.name) for each in await migration_status(conn) if each.applied_at is not None]
    changes += [
        Change(at=at, kind="deployment", action="db.migrate", subject=name, by="")
        for at, name in applied[-1:]
        if at > applied[0][0] + INSTALLED_WITHIN
    ]
    changes += [
        Change(at=each.created_at, kind="keys", action=f"secrets.{each.state}", subject=each.name, by="")
        for each in await list_secrets(conn)
    ]
    changes += [
        Change(at=each.set_at, kind="priorities", action=f"solving.{each.name}", subject=each.reason, by="")
        for each in await list_overrides(conn)
        if not each.reason.startswith(INCIDENT)
    ]
    recent = sorted((each for each in changes if each.at > since), key=lambda each: each.at, reverse=True)
    counts = [each.kind for each in recent]
    return RecentChanges(
        total=len(recent),
        deployments=counts.count("deployment"),
        settings=counts.count("settings"),
        keys=counts.count("keys"),
        priorities=counts.count("priorities"),
        access=counts.count("access"),
        latest=f"{recent[0].action} {recent[0].subject}".strip() if recent else "",
        latest_s=(now - recent[0].at).total_seconds() if recent else None,
        changes=tuple(recent[:LISTED_MAX]),
    )


def _read_entry(chained: ChainedEntry) -> Change:
    entry = asdict(chained.entry)
    by = next((f"{name.removesuffix('_id')}:{entry[name]}" for name in ("user_id", "key_id") if entry[name]), "")
    kind = "other" if entry["action"] == INSTALLED else KINDS.get(entry["action"].partition(".")[0], "other")
    return Change(at=chained.at, kind=kind, action=entry["action"], subject=entry["subject"], by=by)
