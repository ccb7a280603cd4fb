"""The nouns of secrets, and what can be wrong with them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

SecretState = Literal["current", "next", "previous"]

VALUE_LENGTH_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretVersion:
    """A version of a secret, without its value. `verified_at` is when the vendor last took it."""

    name: str
    version: int
    backend: str
    state: SecretState
    created_at: datetime
    verified_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSecret:
    """A version of a secret as it is stored."""

    name: str
    version: int
    sealed: bytes


class SecretUnknown(LookupError):  # noqa: N818  an error is named for what happened
    """There is no such secret, or no such version of it."""


class SecretInvalid(ValueError):  # noqa: N818
    """The name or the value cannot be a secret's."""


class SecretRefused(Exception):  # noqa: N818
    """The vendor did not take it; the message is the vendor's."""


class SecretsLocked(Exception):  # noqa: N818
    """The secrets cannot be opened: the key is missing, unreadable or another."""
