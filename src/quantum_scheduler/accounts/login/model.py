"""The nouns of logging in, and why it did not work."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from quantum_scheduler.accounts.model import Role

SessionKind = Literal["cookie", "token"]
Method = Literal["password", "totp", "oidc"]
LinkPurpose = Literal["password", "device"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottlePolicy:
    """How guessing is slowed down without shutting anybody out. Durations are in seconds, shares from 0 to 1."""

    free_failures: int = 5
    delay_first_s: float = 2.0
    delay_max_s: float = 900.0
    failures_max: int = 100
    network_names_max: int = 10
    network_share_max: float = 0.8
    network_window_s: float = 86_400.0
    network_block_s: float = 3_600.0
    surge_rate: float = 0.1
    surge_window_s: float = 300.0
    surge_attempts_min: int = 20


DEFAULT_POLICY = ThrottlePolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may have an account; what only they and the service know stays out of sight."""

    id: UUID
    email: str
    name: str
    password_hash: str | None = field(repr=False)
    epoch: int
    is_blocked: bool
    totp_sealed: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a request comes from: its network (/24 or /64) and what it says it is."""

    network: str
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What a person is in one organisation, and whether that organisation may enter."""

    org_id: UUID
    org_name: str
    roles: tuple[Role, ...]
    plan: str
    is_blocked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login that is still good."""

    id: UUID
    org_id: UUID
    user_id: UUID
    kind: SessionKind
    method: Method
    network: str
    agent: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


class LoginRefused(Exception):  # noqa: N818  an error is named for what happened
    """The name or the password is wrong; which of both, nobody is told."""

    def __init__(self) -> None:
        super().__init__("the e-mail address or the password is wrong")


class SecondFactorMissing(Exception):  # noqa: N818
    """The password is right, and a code is needed too."""

    def __init__(self) -> None:
        super().__init__("send the code of your authenticator as `code` too")


class SecondFactorRefused(Exception):  # noqa: N818
    """The code is wrong, too old, or was used before."""

    def __init__(self) -> None:
        super().__init__("the code is wrong or was used before")


class LoginDelayed(Exception):  # noqa: N818
    """Too many attempts failed; the next one may be made after a while, or from a trusted device at once."""

    def __init__(self, wait_s: float) -> None:
        self.retry_after_s = max(1, round(wait_s))
        super().__init__(
            f"try again in {self.retry_after_s} s, or ask for a mail link that makes this device a trusted one"
        )


class MailLinkNeeded(Exception):  # noqa: N818
    """So many attempts failed that only trusted devices may try; a mail link makes this one trusted."""

    def __init__(self) -> None:
        super().__init__("ask for a mail link that makes this device a trusted one, then log in")


class NetworkBlocked(LoginDelayed):
    """Most attempts from this network failed, for many names; trusted devices may still log in."""


class ProofMissing(Exception):  # noqa: N818
    """A proof of work is needed before this attempt."""

    def __init__(self) -> None:
        super().__init__("solve a challenge of `GET /v1/login/challenge` and send the solution as `proof`")


class ProofRefused(Exception):  # noqa: N818
    """The proof of work is wrong, too old, or was used before."""

    def __init__(self) -> None:
        super().__init__("the proof of work is wrong, too old or was used before")


class LoginBusy(Exception):  # noqa: N818
    """More passwords wait to be compared than can be in a moment."""

    def __init__(self) -> None:
        super().__init__("too many people log in at this moment; try again soon")


class PasswordWeak(Exception):  # noqa: N818
    """The password may not be used; the message says why."""


class LinkUnknown(Exception):  # noqa: N818
    """The link was used before, is too old, or never was."""

    def __init__(self) -> None:
        super().__init__("the link was used before or is too old; ask for a new one")


class SessionUnknown(Exception):  # noqa: N818
    """There is no such session, or it has ended."""

    def __init__(self) -> None:
        super().__init__("this session has ended; log in again")


class CsrfRefused(Exception):  # noqa: N818
    """The request bears the session's cookie, and nothing shows that the console itself sent it."""

    def __init__(self) -> None:
        super().__init__("send the session's `csrf_token` in the header X-CSRF-Token")


class NoMembership(Exception):  # noqa: N818
    """The person belongs to no organisation that may enter, or not to the one that was named."""

    def __init__(self) -> None:
        super().__init__("you are not a member of this organisation, or it is blocked")
