"""What is told of accounts over HTTP."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from quantum_scheduler.accounts.audit.model import ChainedEntry
from quantum_scheduler.accounts.issue import HINT_LENGTH
from quantum_scheduler.accounts.login.model import Session
from quantum_scheduler.accounts.login.store.link import Invitation
from quantum_scheduler.accounts.model import Role
from quantum_scheduler.accounts.organisation import ApiKey, Member


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
    second_factor_due: bool = Field(description="Nothing may be done before a second factor is set, or shown at login.")


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


class ChangedDocument(BaseModel):
    """What became of an action that may be done twice."""

    model_config = ConfigDict(title="Changed")

    changed: bool = Field(description="False where it was so already.")


class SigningDocument(BaseModel):
    """What access tokens are signed with, by the names of the keys."""

    model_config = ConfigDict(title="Signing")

    active: str
    retiring: str | None = Field(description="Its tokens are good until they expire.")
    withdrawn: bool = Field(description="Whether the key before it was withdrawn with all that it has signed.")
