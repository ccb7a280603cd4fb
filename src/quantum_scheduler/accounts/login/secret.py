"""Texts that carry an id and a secret, for links and trusted devices: `<id>.<secret>`, of which the HMAC is stored."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from quantum_scheduler.accounts.pepper import Peppers, Purpose

SECRET_BYTES = 32

_TEXT = re.compile(r"(?P<id>[0-9a-f]{32})\.[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """The id that a text carries, and the digest of the text."""

    id: UUID
    digest: bytes = field(repr=False)


def make_text(random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """Make a text with a new id and a new secret."""
    return f"{UUID(bytes=random_bytes(16), version=4).hex}.{random_bytes(SECRET_BYTES).hex()}"


def read_text(text: str, purpose: Purpose, peppers: Peppers) -> Carried | None:
    """Read such a text; None where it is none."""
    match = _TEXT.fullmatch(text)
    return None if match is None else Carried(id=UUID(match["id"]), digest=peppers.digest(purpose, text))
