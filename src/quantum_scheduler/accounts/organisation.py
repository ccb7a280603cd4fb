"""Organisations, the people in them, and their keys, as they are shown to whoever looks after them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from quantum_scheduler.accounts.model import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """Who owns jobs, keys and bills."""

    id: UUID
    name: str
    plan: str
    needs_second_factor: bool
    created_at: datetime
    blocked_at: datetime | None
    blocked_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person in an organisation, and what they are there."""

    user_id: UUID
    email: str
    name: str
    roles: tuple[Role, ...]
    has_password: bool
    has_totp: bool
    blocked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Somebody who has a role in an organisation, and how they are reached."""

    org_id: UUID
    org_name: str
    user_id: UUID
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as its owner recognises it; its secret is stored nowhere."""

    id: UUID
    org_id: UUID
    name: str
    hint: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    replaced_by: UUID | None


class OrganisationUnknown(Exception):  # noqa: N818  an error is named for what happened
    """There is no such organisation."""

    def __init__(self, org_id: UUID) -> None:
        super().__init__(f"there is no organisation {org_id}")


class UserUnknown(Exception):  # noqa: N818
    """The organisation has no such user."""

    def __init__(self, who: UUID | str) -> None:
        super().__init__(f"there is no user {who}")


class LastAdmin(Exception):  # noqa: N818
    """The organisation would be left without anybody who may look after it."""

    def __init__(self) -> None:
        super().__init__("somebody else must be an admin of the organisation first")


class ApiKeyUnknown(Exception):  # noqa: N818
    """The organisation has no such key."""

    def __init__(self, key_id: UUID) -> None:
        super().__init__(f"there is no key {key_id}")


class ApiKeyRevoked(Exception):  # noqa: N818
    """The key was revoked or replaced, so it cannot be renewed."""

    def __init__(self, key_id: UUID) -> None:
        super().__init__(f"the key {key_id} was revoked or replaced already")


class TooManyKeys(Exception):  # noqa: N818
    """The organisation has as many live keys as one may have."""

    def __init__(self, keys_max: int) -> None:
        super().__init__(f"an organisation has at most {keys_max} live keys: revoke one first")
