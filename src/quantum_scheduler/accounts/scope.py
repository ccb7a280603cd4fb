"""What may be done: scopes of keys, and the scopes that roles stand for."""

from collections.abc import Iterable
from typing import Literal, get_args
from uuid import UUID

from quantum_scheduler.accounts.model import LOCAL_ORG_ID, Principal, Role, ScopeMissing

Scope = Literal[
    "jobs:read",
    "jobs:write",
    "keys:read",
    "keys:write",
    "users:read",
    "users:write",
    "billing:read",
    "billing:write",
    "audit:read",
    "ops:read",
    "ops:write",
    "alerts:write",
]
SCOPES: tuple[Scope, ...] = get_args(Scope)
# Stands in the row of a key for every scope that there is, also one that a later release adds.
ALL = "all"
CUSTOMER_KEY_SCOPES: tuple[Scope, ...] = ("jobs:read", "jobs:write")

# These reach beyond one organisation, so only the one that runs the installation can give them.
STAFF_SCOPES: frozenset[str] = frozenset({"ops:read", "ops:write", "alerts:write", "billing:write"})

ROLE_SCOPES: dict[Role, frozenset[str]] = {
    "customer": frozenset({"jobs:read", "jobs:write", "keys:read"}),
    "operator": frozenset(
        {"jobs:read", "jobs:write", "keys:read", "users:read", "audit:read", "ops:read", "ops:write", "alerts:write"}
    ),
    "finance": frozenset({"billing:read", "billing:write", "audit:read"}),
    "admin": frozenset(SCOPES),
}


def scopes_of_roles(org_id: UUID, roles: Iterable[Role]) -> frozenset[str]:
    """The scopes that roles stand for in an organisation."""
    return _within(org_id, frozenset[str]().union(*(ROLE_SCOPES[role] for role in roles)))


def scopes_of_key(org_id: UUID, stored: Iterable[str]) -> frozenset[str]:
    """The scopes that a key of an organisation has, from those in its row."""
    named = frozenset(stored)
    return _within(org_id, frozenset(SCOPES) if ALL in named else named)


def check_scope(principal: Principal, scope: Scope) -> None:
    """Let through who has the scope. Raises ScopeMissing."""
    if scope not in principal.scopes:
        raise ScopeMissing(scope)


def _within(org_id: UUID, scopes: frozenset[str]) -> frozenset[str]:
    return scopes if org_id == LOCAL_ORG_ID else scopes - STAFF_SCOPES
