"""The secrets of the installation: what a copy of the database alone is worthless without.

From each are derived, for one purpose each, the keys that digest API keys and one-time links and that encrypt what
must be read again. The newest one is used, older ones are still understood.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from cryptography.fernet import Fernet, InvalidToken

from quantum_scheduler.accounts.store import pepper as store
from quantum_scheduler.postgres.connect import Connection

SECRET_BYTES = 32
VERSION_MAX = 32_767
# Digests without a pepper, made before there was one.
NO_PEPPER = 0

Purpose = Literal[
    "api key", "link", "session", "device", "name", "proof", "csrf", "signing key", "totp", "oidc", "check"
]

_WRITTEN = re.compile(r"(?P<version>[1-9][0-9]{0,4}):(?P<secret>[0-9a-f]{64})", re.ASCII)


class PepperInvalid(ValueError):  # noqa: N818  an error is named for what happened
    """The text is not a list of peppers, or the database knows another one under the same version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peppers:
    """Versioned secrets; the one with the highest version is used for what is new."""

    secrets: Mapping[int, bytes] = field(repr=False)

    @property
    def version(self) -> int:
        """The version that is used for what is new."""
        return max(self.secrets)

    def digest(self, purpose: Purpose, text: str | bytes, *, version: int | None = None) -> bytes:
        """HMAC-SHA256 of a text, for one purpose. Raises KeyError where the version is unknown."""
        key = _derive(self.secrets[version or self.version], purpose)
        return hmac.digest(key, text.encode() if isinstance(text, str) else text, "sha256")

    def seal(self, purpose: Purpose, secret: bytes) -> bytes:
        """Encrypt what must be read again."""
        return b"%d:%s" % (self.version, self._lock(purpose, self.version).encrypt(secret))

    def unseal(self, purpose: Purpose, sealed: bytes) -> bytes:
        """Decrypt what was sealed for this purpose. Raises PepperInvalid where the pepper is not known any more."""
        version, _, token = sealed.partition(b":")
        try:
            return self._lock(purpose, int(version)).decrypt(token)
        except (KeyError, ValueError, InvalidToken):
            raise PepperInvalid(f"what was sealed for {purpose} cannot be opened with these peppers") from None

    def _lock(self, purpose: Purpose, version: int) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(_derive(self.secrets[version], purpose)))


def make_peppers(*, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> Peppers:
    """Make the first pepper of an installation."""
    return Peppers(secrets={1: random_bytes(SECRET_BYTES)})


def read_peppers(text: str) -> Peppers:
    """Read peppers written as `2:HEX,1:HEX`. Raises PepperInvalid."""
    found = [_WRITTEN.fullmatch(part.strip()) for part in text.split(",")]
    peppers = {int(match["version"]): bytes.fromhex(match["secret"]) for match in found if match}
    if len(peppers) != len(found) or max(peppers) > VERSION_MAX:
        raise PepperInvalid("peppers are written as VERSION:SECRET, with 64 hexadecimal digits, and commas in between")
    return Peppers(secrets=peppers)


def write_peppers(peppers: Peppers) -> str:
    """Write peppers so that `read_peppers` reads them."""
    return ",".join(f"{version}:{peppers.secrets[version].hex()}" for version in sorted(peppers.secrets, reverse=True))


async def register_peppers(conn: Connection, peppers: Peppers) -> None:
    """Make sure that every process on this database has the same secret under each version. Raises PepperInvalid."""
    for version in sorted(peppers.secrets):
        known = await store.note_pepper(conn, version, peppers.digest("check", b"", version=version))
        if not known:
            raise PepperInvalid(
                f"the database knows another pepper of version {version}: copy QUANTUM_SCHEDULER_PEPPERS or the "
                "file `peppers` of the data folder from the host that made it, or give yours a higher version"
            )


@lru_cache(maxsize=256)
def _derive(secret: bytes, purpose: Purpose) -> bytes:
    return hmac.digest(secret, b"quantum-scheduler " + purpose.encode(), hashlib.sha256)
