"""What logging in works with: built once, handed to every verb that needs more than the database."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from quantum_scheduler.accounts.login.model import DEFAULT_POLICY, ThrottlePolicy
from quantum_scheduler.accounts.login.password import DEFAULT_COST, Argon2Cost, PasswordPool
from quantum_scheduler.accounts.login.proof import NUMBER_MAX
from quantum_scheduler.accounts.mail.local import LocalMailer
from quantum_scheduler.accounts.mail.port import Mailer
from quantum_scheduler.accounts.mail.post import Postbox
from quantum_scheduler.accounts.network import Network
from quantum_scheduler.accounts.pepper import Peppers, make_peppers
from quantum_scheduler.postgres.connect import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderOptions:
    """Which OpenID provider operators come from, and who we are to it."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginOptions:
    """How logging in is set up. `public_url` is how people reach the service; links in mails begin with it."""

    public_url: str = "http://127.0.0.1:8000"
    proxies: tuple[Network, ...] = ()
    policy: ThrottlePolicy = DEFAULT_POLICY
    proof_number_max: int = NUMBER_MAX
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    @property
    def provider_callback(self) -> str:
        """Where an OpenID provider sends browsers back to."""
        return f"{self.public_url.rstrip('/')}/v1/login/oidc/callback"

    @property
    def is_secure(self) -> bool:
        """Whether people come over TLS, so that cookies may ask for it."""
        return self.public_url.startswith("https://")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginParts:
    """What a service is given to make its desk of. By itself it forgets everybody when it stops, and sends no mail."""

    peppers: Peppers = field(default_factory=make_peppers)
    mailer: Mailer = field(default_factory=LocalMailer)
    cost: Argon2Cost = DEFAULT_COST
    breached: Path | None = None
    provider: ProviderOptions | None = None
    options: LoginOptions = field(default_factory=LoginOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginDesk:
    """All that logging in works with."""

    pool: Pool
    peppers: Peppers
    passwords: PasswordPool
    postbox: Postbox
    options: LoginOptions

    @property
    def issuer(self) -> str:
        """Who access tokens are from."""
        return self.options.public_url

    def now(self) -> datetime:
        """The time by which everything is judged."""
        return self.options.now()
