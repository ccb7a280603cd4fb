"""What is asked of accounts over HTTP: the bodies that routes read by themselves."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from quantum_scheduler.accounts.actions import BLOCK_S_MAX, PROOF_S_MAX
from quantum_scheduler.accounts.login.password import LENGTH_MAX, LENGTH_MIN
from quantum_scheduler.accounts.model import Role
from quantum_scheduler.accounts.scope import Scope
from quantum_scheduler.problems.document import Document

NAME = r"^[^\x00-\x1f\x7f]*$"
EMAIL = r"^[^\x00-\x20\x7f@]+@[^\x00-\x20\x7f@]+$"
NETWORK = r"^([0-9]{1,3}(\.[0-9]{1,3}){3}/24|[0-9a-f:]+/64)$"
TEXT_MAX = 256

Email = Annotated[str, Field(min_length=3, max_length=254, pattern=EMAIL)]
ShownPassword = Annotated[str, Field(min_length=1, max_length=LENGTH_MAX)]
NewPassword = Annotated[
    str,
    Field(min_length=1, max_length=LENGTH_MAX, description=f"At least {LENGTH_MIN} characters, and not guessed soon."),
]
LinkText = Annotated[str, Field(min_length=1, max_length=TEXT_MAX, description="`token` of the link.")]
Code = Annotated[str, Field(min_length=6, max_length=32, pattern=r"^[0-9A-Za-z]+$")]
PersonName = Annotated[str, Field(min_length=1, max_length=200, pattern=NAME)]
Roles = Annotated[list[Role], Field(min_length=1, max_length=4)]


class ProofOfWork(Document):
    """The solution of a challenge."""

    algorithm: str = Field(max_length=20)
    challenge: str = Field(max_length=128)
    number: int = Field(ge=0, le=10_000_000)
    salt: str = Field(max_length=512)
    signature: str = Field(max_length=128)


class LoginRequest(Document):
    """Who wants to log in, and what they show."""

    email: Email
    password: ShownPassword
    code: Code | None = Field(default=None, description="Of an authenticator, or a recovery code.")
    proof: ProofOfWork | None = Field(default=None, description="Where a proof of work was asked for.")
    device: str | None = Field(default=None, max_length=TEXT_MAX, description="`device` of an earlier login.")
    organisation: UUID | None = Field(default=None, description="Which, for who belongs to several.")
    session: Literal["token", "cookie"] = Field(
        default="token", description="`cookie` for a console in a browser, `token` for a program."
    )


class RefreshRequest(Document):
    """The refresh token; each is good once."""

    refresh_token: str = Field(min_length=1, max_length=TEXT_MAX)


class LinkRequest(Document):
    """Where to send a link."""

    email: Email


class DeviceRequest(Document):
    """A link that makes this device a trusted one."""

    token: LinkText


class ResetRequest(Document):
    """A link, and the new password."""

    token: LinkText
    password: NewPassword


class AcceptRequest(Document):
    """An invitation's link, and who accepts it."""

    token: LinkText
    name: PersonName
    password: ShownPassword


class PasswordRequest(Document):
    """The password, and the next one."""

    current: ShownPassword
    new: NewPassword
    proof: ProofOfWork | None = Field(default=None, description="Where a proof of work was asked for.")
    device: str | None = Field(default=None, max_length=TEXT_MAX, description="`device` of an earlier login.")


class CodeRequest(Document):
    """A code of the authenticator."""

    code: Code


class KeyRequest(Document):
    """A key to issue. It can do no more than whoever asks for it."""

    name: str = Field(default="", max_length=200, pattern=NAME)
    scopes: list[Scope] = Field(default=["jobs:read", "jobs:write"], min_length=1, max_length=20)
    expires_in_days: int | None = Field(default=None, ge=1, le=3_650)


class RotateRequest(Document):
    """How a key is replaced."""

    leaked: bool = Field(default=False, description="End the old key at once, not in 24 hours.")


class InviteRequest(Document):
    """Whom to invite, as what."""

    email: Email
    roles: Roles


class RolesRequest(Document):
    """What somebody is from now on."""

    roles: Roles


class AdminRequest(Document):
    """What an incident is called, for the audit log."""

    incident_id: str | None = Field(default=None, min_length=1, max_length=200, pattern=NAME)


class TargetRequest(AdminRequest):
    """Who is meant: exactly one of the three."""

    user: UUID | None = None
    organisation: UUID | None = None
    network: str | None = Field(default=None, max_length=64, pattern=NETWORK, description="Such as 198.51.100.0/24.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sum(each is not None for each in (self.user, self.organisation, self.network)) != 1:
            raise ValueError("say which user, which organisation or which network")
        return self


class BlockRequest(TargetRequest):
    """Whom to let in no more, and why."""

    reason: str = Field(min_length=1, max_length=500, pattern=NAME)
    for_s: float = Field(default=3_600.0, gt=0, le=BLOCK_S_MAX, description="How long, of a network.")


class UserRequest(AdminRequest):
    """Whose account is meant."""

    user: UUID


class ProofRequest(AdminRequest):
    """How long every untrusted device must work for its login."""

    for_s: float = Field(ge=0, le=PROOF_S_MAX, description="0 ends it.")


class SecondFactorRequest(AdminRequest):
    """Whether those who look after an organisation must show a second factor."""

    organisation: UUID
    is_required: bool = True


class AdminRotateRequest(AdminRequest):
    """How a key is replaced, and what for."""

    leaked: bool = Field(default=False, description="End the old key at once.")


REQUEST_BODIES: tuple[type[BaseModel], ...] = (
    LoginRequest,
    RefreshRequest,
    LinkRequest,
    DeviceRequest,
    ResetRequest,
    AcceptRequest,
    PasswordRequest,
    CodeRequest,
    KeyRequest,
    RotateRequest,
    InviteRequest,
    RolesRequest,
    AdminRequest,
    TargetRequest,
    BlockRequest,
    UserRequest,
    ProofRequest,
    SecondFactorRequest,
    AdminRotateRequest,
)
