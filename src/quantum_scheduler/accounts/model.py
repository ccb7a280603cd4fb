"""The nouns of entry: who is let in, what they may do, and why one was turned away."""

from dataclasses import dataclass, field
from typing import Literal, get_args
from uuid import UUID

# The organisation that runs the installation. Until there are others, everything in it belongs to this one.
LOCAL_ORG_ID = UUID("00000000-0000-7000-8000-000000000001")
LOCAL_ORG_NAME = "local"
LOCAL_PLAN = "operator"
STANDARD_PLAN = "standard"

# What every process of the service hears when somebody's access has changed: an id, or nothing for everybody's.
ACCESS_CHANGED = "access_changed"

Role = Literal["customer", "operator", "finance", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
# Those who look after an organisation: it may ask for a second factor of them.
KEEPER_ROLES: tuple[Role, ...] = ("operator", "finance", "admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking: the organisation whose rows may be seen, and the key or the person that opened the door.

    A person who uses the console or a token has a `user_id`, a `session_id` and `roles`; a program has a `key_id`. One
    of whom `is_factor_due` has to show a second factor before anything else.
    """

    org_id: UUID
    key_id: UUID | None = None
    user_id: UUID | None = None
    session_id: UUID | None = None
    roles: frozenset[Role] = frozenset()
    scopes: frozenset[str] = field(default=frozenset(), repr=False)
    plan: str = STANDARD_PLAN
    is_factor_due: bool = False

    @property
    def is_staff(self) -> bool:
        """Whether this is somebody of the organisation that runs the installation."""
        return self.org_id == LOCAL_ORG_ID


class KeyMissing(Exception):  # noqa: N818  an error is named for what happened
    """No key was shown."""

    def __init__(self) -> None:
        super().__init__("send the header `Authorization: Bearer KEY`")


class KeyUnknown(Exception):  # noqa: N818
    """The key shown opens nothing: mistyped, never issued, expired or revoked."""


class AccessBlocked(Exception):  # noqa: N818
    """The key or the person is known, and may not enter at present."""

    def __init__(self) -> None:
        super().__init__("access is blocked; ask whoever runs this service")


class ScopeMissing(Exception):  # noqa: N818
    """Whoever asks is known, and may not do this."""

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__(f"this needs the scope {scope}")


class SecondFactorNeeded(Exception):  # noqa: N818
    """The organisation asks for a second factor of whoever looks after it, and none was shown in this session."""

    def __init__(self) -> None:
        super().__init__("your organisation asks for a second factor: set one at /v1/totp, or log in with its code")


class PersonNeeded(Exception):  # noqa: N818
    """A key asks for what only a person who has logged in may do."""

    def __init__(self) -> None:
        super().__init__("this is for people who have logged in, not for keys")
