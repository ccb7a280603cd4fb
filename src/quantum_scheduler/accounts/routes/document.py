"""What is said about accounts over HTTP, in both directions."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from quantum_scheduler.accounts.audit.model import ChainedEntry
from quantum_scheduler.accounts.issue import HINT_LENGTH
from quantum_scheduler.accounts.login.model import Session
from quantum_scheduler.accounts.login.password import LENGTH_MAX, LENGTH_MIN
from quantum_scheduler.accounts.login.store.link import Invitation
from quantum_scheduler.accounts.model import Role
from quantum_scheduler.accounts.organisation import ApiKey, Member
from quantum_scheduler.accounts.scope import Scope
from quantum_scheduler.problems.document import Document

NAME = r"^[^\x00-\x1f\x7f]*$"
EMAIL = r"^[^\x00-\x20\x7f@]+@[^\x00-\x20\x7f@]+$"
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
)


class ChallengeDocument(BaseModel):
    """What to solve: the number up to `maxnumber` that, written after `salt`, has the SHA-256 `challenge`."""

    model_config = ConfigDict(title="Challenge")

    algorithm: str
    challenge: str
    maxnumber: int
    salt: str
    signature: str


class TokensDocument(BaseModel):
    """What a login gives. Cookies come in the headers."""

    model_config = ConfigDict(title="Tokens")

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int = Field(description="Seconds until the access token expires.")
    refresh_token: str | None = Field(default=None, description="Of a session for a program.")
    csrf_token: str | None = Field(default=None, description="Of a session for a console.")
    device: str | None = Field(default=None, description="Keep it, and show it at the next login from this device.")


class MeDocument(BaseModel):
    """Who is asking."""

    model_config = ConfigDict(title="Me")

    organisation: UUID
    organisation_name: str
    plan: str
    key: UUID | None
    user: UUID | None
    email: str | None
    name: str | None
    roles: list[Role]
    scopes: list[str]


class KeyDocument(BaseModel):
    """A key, without its secret."""

    model_config = ConfigDict(title="Key")

    id: UUID
    name: str
    hint: str = Field(description=f"Its last {HINT_LENGTH} characters.")
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    replaced_by: UUID | None

    @classmethod
    def of(cls, key: ApiKey) -> "KeyDocument":
        """What is shown of a key."""
        return cls(**{name: getattr(key, name) for name in cls.model_fields if name != "scopes"}, scopes=[*key.scopes])


class KeysDocument(BaseModel):
    """Keys, newest first."""

    model_config = ConfigDict(title="Keys")

    items: list[KeyDocument]


class NewKeyDocument(BaseModel):
    """A new key. Its text is shown this once."""

    model_config = ConfigDict(title="NewKey")

    id: UUID
    key: str


class UserDocument(BaseModel):
    """Somebody in an organisation."""

    model_config = ConfigDict(title="User")

    id: UUID
    email: str
    name: str
    roles: list[Role]
    has_second_factor: bool
    is_blocked: bool

    @classmethod
    def of(cls, member: Member) -> "UserDocument":
        """What is shown of a member."""
        return cls(
            id=member.user_id,
            email=member.email,
            name=member.name,
            roles=[*member.roles],
            has_second_factor=member.has_totp,
            is_blocked=member.blocked_at is not None,
        )


class UsersDocument(BaseModel):
    """The people of an organisation."""

    model_config = ConfigDict(title="Users")

    items: list[UserDocument]


class InvitationDocument(BaseModel):
    """An open invitation."""

    model_config = ConfigDict(title="Invitation")

    id: UUID
    email: str
    roles: list[Role]
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, invitation: Invitation) -> "InvitationDocument":
        """What is shown of an invitation; its link goes by mail only."""
        return cls(
            id=invitation.id,
            email=invitation.email,
            roles=[*invitation.roles],
            created_at=invitation.created_at,
            expires_at=invitation.expires_at,
        )


class InvitationsDocument(BaseModel):
    """Open invitations, newest first."""

    model_config = ConfigDict(title="Invitations")

    items: list[InvitationDocument]


class SessionDocument(BaseModel):
    """One of one's own logins."""

    model_config = ConfigDict(title="Session")

    id: UUID
    kind: str
    method: str
    network: str
    agent: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, session: Session) -> "SessionDocument":
        """What is shown of a session."""
        return cls(**{name: getattr(session, name) for name in cls.model_fields})


class SessionsDocument(BaseModel):
    """One's own logins, newest first."""

    model_config = ConfigDict(title="Sessions")

    items: list[SessionDocument]


class EnrolmentDocument(BaseModel):
    """What an authenticator needs; it counts once a code of it was shown."""

    model_config = ConfigDict(title="Enrolment")

    secret: str
    uri: str


class RecoveryCodesDocument(BaseModel):
    """Codes for the day the authenticator is lost, each good once. They are shown this once."""

    model_config = ConfigDict(title="RecoveryCodes")

    recovery_codes: list[str]


class AuditEntryDocument(BaseModel):
    """One thing that was done."""

    model_config = ConfigDict(title="AuditEntry")

    seq: int
    at: datetime
    action: str
    subject: str
    organisation: UUID | None
    user: UUID | None
    key: UUID | None
    detail: dict[str, Any]
    incident: str | None
    network: str | None
    hash: str

    @classmethod
    def of(cls, chained: ChainedEntry) -> "AuditEntryDocument":
        """What is shown of an entry."""
        entry = chained.entry
        return cls(
            seq=chained.seq,
            at=chained.at,
            action=entry.action,
            subject=entry.subject,
            organisation=entry.org_id,
            user=entry.user_id,
            key=entry.key_id,
            detail=dict(entry.detail),
            incident=entry.incident_id,
            network=entry.network,
            hash=chained.hash.hex(),
        )


class AuditPageDocument(BaseModel):
    """A page of the audit log, newest first."""

    model_config = ConfigDict(title="AuditPage")

    items: list[AuditEntryDocument]
    next_before: int | None = Field(description="`before` of the next page.")
