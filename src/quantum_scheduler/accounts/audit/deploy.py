"""Write down that another version, or other settings, came into use."""

from collections.abc import Mapping
from datetime import datetime

from quantum_scheduler.accounts.audit import store
from quantum_scheduler.accounts.audit.model import AuditEntry, ChainedEntry
from quantum_scheduler.accounts.audit.record import record_audit
from quantum_scheduler.postgres.connect import Connection

SUBJECT = "service"
LOOKED_AT_MAX = 10_000
LISTED_MAX = 200


async def record_deployment(conn: Connection, *, version: str, settings: Mapping[str, str]) -> bool:
    """Audit that the service started for the first time, or with another version or settings; False if with neither.

    `settings` hold no secrets. Joins the caller's transaction, as `record_audit`.
    """
    latest = await store.find_latest(conn, SUBJECT)
    before = {} if latest is None else latest.entry.detail
    known = before.get("settings", {})
    changed = {name: [known.get(name), value] for name, value in settings.items() if known.get(name) != value}
    if latest is not None and before.get("version") == version and not changed:
        return False
    is_new = before.get("version") != version
    entry = AuditEntry(
        action="service.installed" if latest is None else "service.deployed" if is_new else "settings.changed",
        subject=SUBJECT,
        detail={"version": version, "before": before.get("version"), "changed": changed, "settings": dict(settings)},
    )
    await record_audit(conn, entry)
    return True


async def list_changes(conn: Connection, since: datetime) -> list[ChainedEntry]:
    """List what was done since then, but for logins and what was done about incidents, the newest first.

    It lists up to `LISTED_MAX`.
    """
    return list(await store.list_since(conn, since, looked_at_max=LOOKED_AT_MAX, limit=LISTED_MAX))
