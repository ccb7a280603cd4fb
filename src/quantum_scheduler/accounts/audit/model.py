"""The nouns of the audit log, and the text that an entry's hash is made of."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from quantum_scheduler.accounts.model import Principal

HASH_OF_NOTHING = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One thing that was done: by whom, to what, and why.

    `action` is a name such as `keys.revoke`, `subject` says to what, as `key:<id>`. `detail` is a JSON object and
    holds no secret. Nobody in `user_id` and `key_id` is the service itself or somebody at its command line.
    """

    action: str
    subject: str = ""
    org_id: UUID | None = None
    user_id: UUID | None = None
    key_id: UUID | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    incident_id: str | None = None
    network: str | None = None

    @classmethod
    def by(cls, principal: Principal, action: str, subject: str = "", **said: Any) -> "AuditEntry":
        """What a principal did, in their organisation unless `org_id` says another."""
        whose = {"org_id": principal.org_id, "user_id": principal.user_id, "key_id": principal.key_id}
        return cls(action=action, subject=subject, **(whose | said))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainedEntry:
    """An entry in its place in the log."""

    seq: int
    at: datetime
    entry: AuditEntry
    hash: bytes


def chain(previous: bytes, seq: int, at: datetime, entry: AuditEntry) -> bytes:
    """The hash of an entry: SHA-256 over the hash before it and the entry as JSON with sorted names."""
    said = {"seq": seq, "at": at.astimezone(UTC).isoformat(), **asdict(entry)}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(previous + text.encode()).digest()
